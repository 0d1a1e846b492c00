import type { BlockCache } from './core/block-cache.ts'
import type { AsyncBuffer } from './core/parquet.ts'
import type { Instant } from './core/time.ts'
import type { ArrivedLetter, DeadLetter, DeadLetterQuery, MessageFailure } from './definitions/dead-letter.ts'
import type { DefinitionIndex } from './definitions/definition-index.ts'
import type { DefinitionSet } from './definitions/definition-set.ts'
import type { PieceCache } from './definitions/piece-cache.ts'
import type { ServedGeneration } from './definitions/served-generation.ts'
import type { ServingIndex, SnapshotIndex } from './definitions/snapshot-index.ts'
import type { Transition } from './definitions/transition.ts'
import type { CronRecords } from './platform/cron-records.ts'
import type { ExpectationTallies } from './platform/expectation-tallies.ts'
import type { Files } from './platform/files.ts'
import type { FillRecords } from './platform/fills.ts'
import type { JobRecords, Jobs, LoadRecords } from './platform/jobs.ts'
import type { OfflineLog } from './platform/offline-log.ts'
import type { OnlineStore } from './platform/online-store.ts'
import type { Quarantine } from './platform/quarantine.ts'
import type { Quotations } from './platform/quotations.ts'
import type { RawWriters } from './platform/raw-writers.ts'
import type { Settings } from './platform/settings.ts'
import type { ReadableStream } from './platform/stream.ts'
import type { TokenGrant, Tokens } from './platform/tokens.ts'
import type { TrainingRecords } from './platform/training.ts'
import type { TransformWorkers } from './platform/transform-workers.ts'
import type { ShardWriters } from './platform/writers.ts'

export * from './platform/cron-records.ts'
export type * from './platform/expectation-tallies.ts'
export type * from './platform/files.ts'
export type * from './platform/fills.ts'
export * from './platform/jobs.ts'
export * from './platform/list-page.ts'
export type * from './platform/offline-log.ts'
export type * from './platform/online-store.ts'
export type * from './platform/quarantine.ts'
export * from './platform/quotations.ts'
export type * from './platform/raw-writers.ts'
export * from './platform/run-step.ts'
export type * from './platform/settings.ts'
export type * from './platform/stream.ts'
export * from './platform/tokens.ts'
export type * from './platform/training.ts'
export type * from './platform/transform-workers.ts'
export type * from './platform/writers.ts'

/**
 * All that the store needs from outside. Two implementations pass the same suites (`test/contracts`): Cloudflare's
 * bindings (`cloudflare/`) and plain memory (`test/platform`).
 */
export interface Platform {
  readonly clock: Clock
  /** A new id on every call: 26 characters, unique, rising with time. */
  readonly nextId: () => string
  readonly log: Log
  readonly memory: Memory
  readonly registry: Registry
  readonly snapshots: SnapshotStore
  readonly online: OnlineStore
  readonly offline: OfflineLog
  readonly landing: Landing
  readonly files: Files
  readonly events: EventQueue
  readonly pushes: PushRecords
  readonly writers: ShardWriters
  readonly rawWriters: RawWriters
  readonly loads: LoadRecords
  readonly jobs: Jobs
  readonly jobRecords: JobRecords
  readonly cron: CronRecords
  readonly training: TrainingRecords
  readonly tokens: Tokens
  readonly fills: FillRecords
  readonly settings: Settings
  readonly deadLetters: DeadLetters
  readonly quarantine: Quarantine
  readonly quotations: Quotations
  readonly transformWorkers: TransformWorkers
  readonly expectationTallies: ExpectationTallies
  /** Lets work go on after the answer has been sent. */
  readonly background: (work: Promise<unknown>) => void
  /** Resolves after so many milliseconds. */
  readonly pause: (ms: number) => Promise<void>
}

export interface Clock {
  /** Microseconds since the epoch. */
  now(): Instant
}

/** Structured lines for operators; the message says what to do next where something has to be done. */
export interface Log {
  info(message: string, facts?: Readonly<Record<string, unknown>>): void
  error(message: string, facts?: Readonly<Record<string, unknown>>): void
}

/** What an isolate remembers between requests: plain data that belongs to nobody's request. */
export interface Memory {
  readonly blocks: BlockCache
  /** What reads are served from, and when it was last compared with the store (ms). */
  served: { readonly generation: ServedGeneration; checkedMs: number } | undefined
  /** The newest generation known to the write path. */
  written: SnapshotIndex | undefined
  /** Pieces of snapshots as last read. */
  readonly pieces: PieceCache
  /** The newest generation as last read, for the catalog. */
  applied: Generation | undefined
  /** What tokens allow as last read, by the token itself; those read longest ago come first. */
  readonly grants: Map<string, { readonly grant: TokenGrant | undefined; readonly readTime: Instant }>
  /** The queue's backlog as last read (undefined: it could not be), and when to read it again (ms). */
  backlog: { readonly found: Backlog | undefined; readonly rereadMs: number } | undefined
}

export interface GenerationPage {
  /** Exclusive; absent for the newest. */
  readonly before?: number | undefined
  readonly countMax: number
}

/** Definitions and their generations. Every method fails with `unavailable` when the store cannot be reached. */
export interface Registry {
  /** The newest generation; 0 before the first apply. */
  readGeneration(): Promise<number>
  /** The newest generation's content, or that of the one named; undefined when there is none. */
  read(generation?: number): Promise<Generation | undefined>
  /** The same without the definitions, of which it says the hashes. */
  readHead(generation?: number): Promise<GenerationHead | undefined>
  /** Generations, newest first, without their definitions: those before a number, so many at most; by default all. */
  list(page?: GenerationPage): Promise<readonly GenerationSummary[]>
  /** The highest version ever given to each view, dropped views too. */
  readVersions(): Promise<Readonly<Record<string, number>>>
  /** The versions that a view ever had and the generations that made them, newest first. */
  listVersions(view: string): Promise<readonly VersionRecord[]>
  /** Texts of pieces by their hashes. Any number of hashes; one that is not stored is absent. */
  readPieces(hashes: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** Stores pieces by their hashes, before a generation names them. */
  writePieces(texts: ReadonlyMap<string, string>): Promise<void>
  /** Forgets pieces that were written before this time and that no generation ever named. Answers how many. */
  forgetPieces(before: Instant): Promise<number>
  /**
   * Adds a generation in one step, all of whose pieces are written. False when its number is taken: somebody else
   * applied first.
   */
  insert(generation: GenerationHead, snapshot: SnapshotIndex): Promise<boolean>
  /** What a generation was compiled to; it may be of another release's format. */
  readSnapshot(generation: number): Promise<SnapshotIndex | undefined>
  /** Stores what a generation is compiled to by this release, all of whose pieces are written. */
  replaceSnapshot(snapshot: SnapshotIndex): Promise<void>
  /** Generations that readers may still find in the snapshot store, newest first. */
  listPublished(): Promise<readonly number[]>
  endPublication(generation: number): Promise<void>
}

export interface GenerationSummary {
  readonly generation: number
  readonly appliedTime: Instant
  readonly author: string
}

export interface VersionRecord {
  readonly version: number
  readonly generation: number
}

export interface Generation extends GenerationHead {
  readonly definitions: DefinitionSet
}

export interface GenerationHead extends GenerationSummary {
  readonly index: DefinitionIndex
  /** Version and fingerprint of every feature view in it. */
  readonly versions: Readonly<Record<string, ViewVersion>>
  /** Block bits of the groups of blocks that have grown, by `entity/group`. */
  readonly blockBits: Readonly<Record<string, number>>
  readonly transition: Transition
}

export interface ViewVersion {
  readonly version: number
  readonly fingerprint: string
}

/** Compiled snapshots where readers find them. Reads may be stale for as long as the store says (S31). */
export interface SnapshotStore {
  readPointer(): Promise<number | undefined>
  /** Undefined where it is not found, or is of another release's format. */
  read(generation: number): Promise<ServingIndex | undefined>
  /** JSON of a pack's pieces by name. */
  readPack(hash: string): Promise<string | undefined>
  writePack(hash: string, text: string): Promise<void>
  /** Writes the index, all of whose packs are written, then the pointer to it. */
  publish(index: ServingIndex): Promise<void>
  /** Deletes a generation's index and these packs. */
  delete(generation: number, packs: readonly string[]): Promise<void>
}

/** Files as users land them. */
export interface Landing {
  /** Streams a file in; `bytes` is its length. Replaces a file of that name. */
  write(source: string, name: string, body: ReadableStream, bytes: number): Promise<LandedFile>
  find(source: string, name: string): Promise<LandedFile | undefined>
  /** Names of the folders, whether there is such a source or not. */
  listSources(): Promise<readonly string[]>
  /** All files of a source, by name. */
  list(source: string): Promise<readonly LandedFile[]>
  /** Reads of the buffer fail with `failed_precondition` once the file is no longer the one with this etag. */
  open(source: string, file: LandedFile): AsyncBuffer
  /** The whole file in order, a little at a time; fails like reads of the buffer do. */
  stream(source: string, file: LandedFile): AsyncIterable<Uint8Array>
  /**
   * Puts other bytes in a file's place, unless it is another file by then: false. They are made twice and have to be the same;
   * in between `before` is told what the file will be.
   */
  rewrite(
    source: string,
    file: LandedFile,
    content: {
      readonly make: () => AsyncIterable<Uint8Array>
      readonly before: (made: LandedFile) => Promise<void>
    },
  ): Promise<boolean>
}

export interface LandedFile {
  readonly name: string
  readonly etag: string
  readonly bytes: number
}

/** At least once, in any order. Every method fails with `unavailable` when the queue cannot be reached. */
export interface EventQueue {
  send(messages: readonly string[]): Promise<void>
  readBacklog(): Promise<Backlog>
}

/** What waits in the queue. */
export interface Backlog {
  readonly messageCount: number
  /** When the message that waits longest was sent; null when none waits, or when the queue does not say. */
  readonly oldestTime: Instant | null
}

/**
 * What was answered to pushes that named an `Idempotency-Key`. Every method fails with `unavailable` when the store
 * cannot be reached.
 */
export interface PushRecords {
  find(id: string): Promise<PushRecord | undefined>
  /** The record of this key: the one given if it is the first, else the first one. Kept for at least 24 h. */
  begin(record: PushRecord): Promise<PushRecord>
  finish(id: string, answer: string): Promise<void>
}

export interface PushRecord {
  /** Derived from token, source and key. */
  readonly id: string
  readonly pushId: string
  readonly doorTime: Instant
  readonly generation: number
  readonly bodyFingerprint: string
  /** JSON of the answer; null until every message is in the queue. */
  readonly answer: string | null
}

/**
 * Messages that could not be taken in, and why: the queue for dead letters carries no reason, so the last failure of
 * each message is noted while it is still tried. Every method fails with `unavailable` when the store cannot be reached.
 */
export interface DeadLetters {
  /** Notes the failures of at most 100 messages; of one message the last counts. */
  noteFailures(failures: readonly MessageFailure[]): Promise<void>
  forgetFailures(ids: readonly string[]): Promise<void>
  /** Forgets failures noted before this time. */
  forgetFailuresBefore(time: Instant): Promise<void>
  /**
   * Keeps a letter with the failure noted last, and forgets the note. A letter that is kept already, or was replayed
   * after this message had been sent, stays as it is; one that failed again since is `kept` again.
   */
  write(letter: ArrivedLetter): Promise<void>
  /** Those of these letters that there are, in any order. */
  find(ids: readonly string[]): Promise<readonly DeadLetter[]>
  /** Newest first; of one time the greater id first. */
  list(query: DeadLetterQuery): Promise<readonly DeadLetter[]>
  readBody(id: string): Promise<string | undefined>
  /** Puts another body, of so many rows, in the place of a letter's. */
  rewrite(id: string, body: string, rows: number): Promise<void>
  /** Removes a letter for good. */
  delete(id: string): Promise<void>
  /** `time` is before the messages were sent. */
  markReplayed(ids: readonly string[], time: Instant): Promise<void>
}
