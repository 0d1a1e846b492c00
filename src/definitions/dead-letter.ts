import type { Instant } from '../core/time.ts'

/** Why a message was not taken in, noted while it is still tried. */
export interface MessageFailure {
  /** The message's own id, or one made of its body where that cannot be read. */
  readonly id: string
  readonly reason: string
  /** Deliveries so far. */
  readonly attempts: number
  readonly time: Instant
}

/** A message that failed too often, as the dead-letter queue brings it. */
export interface ArrivedLetter {
  readonly id: string
  readonly body: string
  /** Null when the body cannot be read, or belongs to no source. */
  readonly source: string | null
  readonly rows: number | null
  /** When it came to be kept. */
  readonly time: Instant
  /** When the queue was given the message. */
  readonly sentTime: Instant
}

export const DEAD_LETTER_STATUSES = ['kept', 'replayed'] as const
export type DeadLetterStatus = (typeof DEAD_LETTER_STATUSES)[number]

/** One that is kept; its body is read apart. */
export interface DeadLetter extends Omit<ArrivedLetter, 'body' | 'sentTime'> {
  /** Why it failed last, and how often it was tried until then; 0 when that was not noted. */
  readonly reason: string
  readonly attempts: number
  readonly status: DeadLetterStatus
  readonly replayedTime: Instant | null
}

/** Which letters of a list. */
export interface DeadLetterQuery {
  readonly source?: string | undefined
  readonly status?: DeadLetterStatus | undefined
  /** Only letters that come after this one. */
  readonly after?: { readonly time: Instant; readonly id: string } | undefined
  readonly limit: number
}
