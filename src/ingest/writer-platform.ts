import type { Clock, Log, OfflineLog, OnlineStore } from '../platform.ts'
import type { WriterStorage } from './writer-storage.ts'

/** What a writer speaks to: its own storage, the two stores it feeds, a clock. */
export interface WriterPlatform {
  readonly storage: WriterStorage
  readonly clock: Clock
  readonly online: Pick<OnlineStore, 'writeBlock'>
  readonly offline: Pick<OfflineLog, 'writeSegment' | 'register'>
  readonly log: Log
}

/** When a writer acts by itself. */
export interface WriterTimes {
  /** A journal older than this is cut into segments. */
  readonly cutAgeMs: number
  /** A journal longer than this is cut at once. */
  readonly cutCharsMax: number
  /** A load's rows wait this long for the load's end before they are published. */
  readonly loadPublishMs: number
  /** Message ids are remembered this long (S9). */
  readonly seenMs: number
}

const DAY_MS = 24 * 3_600_000

/** Age of a message up to which it is replayed (S9). */
export const REPLAY_AGE_MAX_MS = 15 * DAY_MS

export const WRITER_TIMES: WriterTimes = {
  cutAgeMs: 30_000,
  cutCharsMax: 8_000_000,
  loadPublishMs: 60_000,
  // A day more than a message may be old when it is replayed: it has yet to come through the queue.
  seenMs: REPLAY_AGE_MAX_MS + DAY_MS,
}
