import type { ErrorCode } from '../core/error.ts'
import type { Instant } from '../core/time.ts'
import type { SegmentRecord } from '../definitions/segment-record.ts'
import type { ListPage } from './list-page.ts'

/** Long work, run by the platform's durable engine; a job's id names it there, too. */
export interface Jobs {
  /** Starts a job unless it is under way; one that has ended is run again. */
  start(kind: InstanceKind, id: string): Promise<void>
  /**
   * Starts a job from its first step, whatever its engine believes of it: it has been silent for too long.
   */
  restart(kind: InstanceKind, id: string): Promise<void>
  /** Ends a job at once, wherever it is; its record says already that it is cancelled. */
  stop(id: string): Promise<void>
}

export type JobKind = 'load' | 'reblock' | 'compact' | 'training' | 'erase' | 'fill'

/** What the engine runs: jobs, and the parts of large loads, which are no jobs of their own. */
export type InstanceKind = JobKind | 'load_part'

/** The parts of a job, as its engine runs them. */
export interface JobSteps {
  /**
   * Runs one step, durably: a finished one is not run again when the job is resumed, a thrown one is retried.
   */
  step(name: string, work: () => Promise<StepOutcome>, options?: StepOptions): Promise<StepOutcome>
  sleep(name: string, ms: number): Promise<void>
}

export interface StepOptions {
  /**
   * Given where a step may take most of an isolate's memory: of such steps an isolate runs one at a time, and one that waits for
   * its turn calls this now and then.
   */
  readonly whileWaiting: () => Promise<void>
}

/**
 * What a step came to. Faults that no other try can mend are outcomes: engines keep neither class nor code.
 */
export type StepOutcome =
  | { readonly value: number | boolean | null }
  | { readonly fault: { readonly code: ErrorCode; readonly message: string } }

/** Jobs beside loads, which have records of their own. */
export interface JobRecords {
  /** The job of this id: the one given if it is the first, else the first one. */
  begin(job: JobRecord): Promise<JobRecord>
  find(id: string): Promise<JobRecord | undefined>
  /** Those of these ids that there are, in no order. */
  findAll(ids: readonly string[]): Promise<readonly JobRecord[]>
  /** A page of them, newest first. */
  list(page: ListPage): Promise<readonly JobRecord[]>
  listUnfinished(): Promise<readonly JobRecord[]>
  /** A cancelled job keeps its status, unless it is queued again. */
  update(id: string, change: Partial<Omit<JobRecord, 'id'>>): Promise<void>
  /** Makes a job that has not ended `cancelled`; false when it has. */
  cancel(id: string): Promise<boolean>
}

export interface JobRecord {
  readonly id: string
  readonly kind: JobKind
  /** What it works on, for example `user/main`. */
  readonly subject: string
  /** JSON of what it is to do. */
  readonly params: string
  readonly status: LoadStatus
  readonly done: number
  readonly total: number
  readonly error: string | null
  readonly startedTime: Instant
  readonly heartbeatTime: Instant
}

export const LOAD_STATUSES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const
export type LoadStatus = (typeof LOAD_STATUSES)[number]

/** Loads and their chunks. */
export interface LoadRecords {
  /** The load of this file: the one given if it is the first, else the first one (S9). */
  begin(load: LoadRecord): Promise<LoadRecord>
  find(id: string): Promise<LoadRecord | undefined>
  /** Loads of a source, newest first. */
  list(source: string): Promise<readonly LoadRecord[]>
  /** Loads that have not ended, oldest first. */
  listUnfinished(): Promise<readonly LoadRecord[]>
  /** Changes nothing once the load is tried again; a cancelled load keeps its status. */
  update(id: string, attempt: number, change: Partial<LoadChange>): Promise<void>
  /** The same, and forgets the chunks of the run before, in one step; but not of a load that history shows. */
  beginRun(id: string, attempt: number, change: Partial<LoadChange>): Promise<void>
  /**
   * Queues a load that has failed for its next attempt, and forgets its chunks, unless history shows it, in one step. Undefined,
   * and nothing done, when it has not failed: somebody else was first.
   */
  tryAgain(
    id: string,
    again: Pick<LoadChange, 'badRowsMax' | 'heartbeatTime'>,
  ): Promise<LoadRecord | undefined>
  /** Notes that a load goes on and what hinders it, if it is running so. */
  beat(id: string, beat: LoadRun & Pick<LoadChange, 'error' | 'heartbeatTime'>): Promise<void>
  /** Ends a load as failed, if it has not ended and goes on so. */
  fail(id: string, end: LoadRun & { readonly error: string; readonly endedTime: Instant }): Promise<void>
  /** Makes a load that has not ended `cancelled`; false when it has, or when history shows its rows already. */
  cancel(id: string): Promise<boolean>
  /** Nothing is written once the load is no longer running so, or is registered. */
  writeChunk(id: string, run: LoadRun, chunk: LoadChunk): Promise<void>
  /** Marks nothing once the load is no longer running in this attempt. */
  markSynced(id: string, attempt: number, chunk: number): Promise<void>
  findChunk(id: string, chunk: number): Promise<LoadChunk | undefined>
  /** In the order of the file. */
  listChunks(id: string): Promise<readonly LoadChunk[]>
  /** What is done of each of so many shares, the first of which has chunks 0, n, 2n and so on; by share. */
  countChunks(id: string, partCount: number): Promise<readonly ChunkCounts[]>
  /** Keeps the newest row of each key of a chunk (lines of `encodeRow`) until the load has ended. */
  writeNewest(id: string, chunk: ChunkName, rows: string): Promise<void>
  /** Undefined where nothing is kept. */
  readNewest(id: string, chunk: ChunkName): Promise<string | undefined>
  /** Keeps how the file is cut (JSON), as a generation has its source, until the load has ended. */
  writePlan(id: string, generation: number, plan: string): Promise<void>
  readPlan(id: string, generation: number): Promise<string | undefined>
  /** Keeps a part of a compressed file, decompressed, until the load has ended. */
  writePart(id: string, chunk: ChunkName, bytes: Uint8Array): Promise<void>
  /** Undefined where nothing is kept. */
  readPart(id: string, chunk: ChunkName): Promise<Uint8Array | undefined>
  /** Deletes all that is kept until the load has ended. */
  deleteKept(id: string): Promise<void>
  /**
   * Registers all segments of a load's chunks in one step. False, and nothing done, when the newest
   * generation is not this one, the load was cancelled or has failed, or is tried again.
   */
  register(id: string, run: LoadRun): Promise<boolean>
}

/** By whom a load is computed: a try of it, under a generation. Whoever is of another one comes late, and changes nothing. */
export interface LoadRun {
  /** How often the load had been tried again when it began. */
  readonly attempt: number
  readonly generation: number
}

export interface LoadRecord extends LoadChange {
  /** Derived from source, name and etag. */
  readonly id: string
  readonly source: string
  readonly file: string
  readonly etag: string
  readonly bytes: number
  /** First start: the ingest time of every row, kept through retries. */
  readonly ingestTime: Instant
  /** How often it was tried again. */
  readonly attempt: number
}

export interface LoadChange {
  readonly status: LoadStatus
  /** Bad rows that the load may have. */
  readonly badRowsMax: number
  /** Generation under which its rows are computed. */
  readonly generation: number
  readonly chunkCount: number
  /** True once its segments are in the manifest. */
  readonly isRegistered: boolean
  readonly error: string | null
  /** Columns of the file that the source does not declare. */
  readonly ignored: readonly string[]
  /** When its job began to work, and when it ended; null before. */
  readonly startedTime: Instant | null
  readonly endedTime: Instant | null
  readonly heartbeatTime: Instant
}

export interface LoadChunk {
  readonly chunk: number
  readonly read: number
  readonly written: number
  readonly rejected: number
  readonly quarantined: number
  readonly segments: readonly SegmentRecord[]
  /** First few rejections, for the report. */
  readonly rejections: readonly { readonly row: number; readonly message: string }[]
  /** True once the newest rows of its keys have reached the writers. */
  readonly isSynced: boolean
}

/** A chunk, as one generation cuts the file and makes rows of it. */
export interface ChunkName {
  readonly generation: number
  readonly chunk: number
}

export interface ChunkCounts {
  readonly read: number
  readonly synced: number
  /** Bad rows of those that are read. */
  readonly rejected: number
}
