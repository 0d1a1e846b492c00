import type { Clock, Log, OfflineLog, OnlineStore } from '../platform.ts'
import type { WriterMemory } from './live-blocks.ts'
import type { WriterStorage } from './writer-storage.ts'

/** What a writer speaks to: its own storage, the two stores it feeds, a clock. */
export interface WriterPlatform {
  readonly storage: WriterStorage
  readonly memory: WriterMemory
  readonly clock: Clock
  readonly online: Pick<OnlineStore, 'writeBlock' | 'deleteBlock'>
  readonly offline: Pick<OfflineLog, 'writeSegment' | 'register' | 'list' | 'openSegment'>
  readonly log: Log
  /** Resolves once the thread has time for what can wait; from `untilMs` (since the epoch) on, after one turn of it. Never throws. */
  readonly untilIdle: (untilMs: number) => Promise<void>
}

/** When a writer acts by itself, and how much it does at once. */
export interface WriterLimits {
  /** A journal whose oldest row is older than this is cut into segments. */
  readonly cutAgeMs: number
  /** A journal longer than this is cut at once; no cut takes more. */
  readonly cutCharsMax: number
  /** Deliveries are refused for now while more than this waits to be cut. */
  readonly uncutCharsMax: number
  /** A load's rows wait this long for the load's end before they are published. */
  readonly loadPublishMs: number
  /** Message ids are remembered for this long (S9). */
  readonly seenMs: number
  /** Checkpoints are written when the journal holds this many rows for each block that has changed… */
  readonly rowsPerCheckpoint: number
  /** …or this many characters, which a restart would have to read again. */
  readonly journalCharsMax: number
  /** KV puts of one run of work: an invocation has 1,000 operations, and deletes and segments take some. */
  readonly putsMax: number
}

const DAY_MS = 24 * 3_600_000

/** Age of a message up to which it is replayed (S9). */
export const REPLAY_AGE_MAX_MS = 15 * DAY_MS

export const WRITER_LIMITS: WriterLimits = {
  cutAgeMs: 30_000,
  cutCharsMax: 8_000_000,
  uncutCharsMax: 24_000_000,
  loadPublishMs: 60_000,
  // A day more than a message may be old when it is replayed: it has yet to come through the queue.
  seenMs: REPLAY_AGE_MAX_MS + DAY_MS,
  rowsPerCheckpoint: 40,
  journalCharsMax: 8_000_000,
  putsMax: 800,
}

/** Bytes that all writers of one isolate hold in blocks; an isolate has 128 MB for everything. */
export const WRITER_MEMORY_BYTES = 48_000_000
