import { invalid } from '../core/error.ts'
import type { Instant } from '../core/time.ts'

/** The last thing of a page that is listed newest first. */
export interface PagePlace {
  readonly time: Instant
  readonly id: string
}

/** Time and id, as `next` of an answer. */
export function encodeCursor({ time, id }: PagePlace): string {
  return `${time}~${id}`
}

/** Throws `invalid_argument` for what no page has given. */
export function decodeCursor(cursor: string): PagePlace {
  const [, time, id] = /^(\d{1,16})~(.+)$/.exec(cursor) ?? []
  if (time === undefined || id === undefined) throw foreignCursor()
  return { time: Number(time), id }
}

export function foreignCursor() {
  return invalid('Cannot read parameter "cursor": it is none of this route, take "next" of a page before')
}
