import type { Instant } from '../core/time.ts'

/** How many rows did not meet which expectation. */
export interface ExpectationTallies {
  /** Keeps what messages or chunks left unmet; the same id again takes the place of the former. */
  write(tallies: readonly ExpectationTally[]): Promise<void>
  /** Sums for each expectation of a source, by name; none for one that was always met. */
  read(source: string, since: Instant): Promise<Readonly<Record<string, ExpectationSum>>>
  /** Adds tallies noted before this time to their sums and forgets their ids. */
  fold(before: Instant): Promise<void>
}

/** Rows by the name of the expectation that they did not meet. */
export type UnmetCounts = Readonly<Record<string, number>>

/** What one message or one chunk of a load left unmet. */
export interface ExpectationTally {
  readonly source: string
  /** Message id, or load and chunk. */
  readonly id: string
  /** When it was counted. */
  readonly time: Instant
  readonly counts: UnmetCounts
}

export interface ExpectationSum {
  readonly unmet: number
  /** Of these, what was counted at or after the time asked for, as far as tallies have not been folded. */
  readonly unmetSince: number
  /** When the newest was counted. */
  readonly newestTime: Instant
}
