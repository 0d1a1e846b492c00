import * as z from 'zod'
import { parseJson } from '../core/json.ts'
import type { Instant } from '../core/time.ts'
import { fingerprint } from '../definitions/fingerprint.ts'

/** What can be told of a message without knowing what it is for. */
export interface MessageLabel {
  /**
   * The message's own id; where it cannot be read, one made of the body, so that both queues call it the
   * same.
   */
  readonly id: string
  /** Null when the body cannot be read, or belongs to no source. */
  readonly source: string | null
  /** Lines after the head; null when the body cannot be read. */
  readonly rows: number | null
  /** Null when the body cannot be read. */
  readonly doorTime: Instant | null
}

/** The first line of every kind of message. The id becomes part of a path. */
const Head = z.object({
  id: z.string().regex(/^[\w.-]{1,200}$/),
  source: z.string().nullable().default(null),
  doorTime: z.int(),
})

/** Reads the label of any body, a damaged one too. */
export function readLabel(body: string): MessageLabel {
  const [line, ...rows] = body.split('\n')
  try {
    return { ...Head.parse(parseJson(line!, 'head of message as JSON')), rows: rows.length }
  } catch {
    return { id: `unread-${fingerprint(body)}`, source: null, rows: null, doorTime: null }
  }
}
