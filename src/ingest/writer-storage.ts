/**
 * What a shard writer keeps: synchronous, as a Durable Object's SQLite is. Rows are billed, so a delivery costs one
 * journal row and one row of seen ids for each hour its messages came in.
 */
export interface WriterStorage {
  /** Runs the work; if it throws, nothing it wrote stays. */
  transaction<T>(work: () => T): T

  /** JSON of the newest layout seen; undefined before the first delivery. */
  readLayout(): string | undefined
  writeLayout(layout: string): void

  /** Ids of the message groups of an hour (hours since the epoch) that have taken effect. */
  readSeen(hour: number): readonly string[]
  appendSeen(hour: number, ids: readonly string[]): void
  /** Forgets all hours before this one. */
  deleteSeen(beforeHour: number): void

  /** All entries, oldest first. */
  readJournal(): readonly JournalEntry[]
  appendJournal(entry: Omit<JournalEntry, 'id'>): void

  /** The cut that is being carried out, if any. */
  readCut(): Cut | undefined
  /** Freezes the journal up to and including the entry `through`, under the next sequence number. */
  writeCut(through: number): Cut
  /** Ends the cut: deletes it and the journal up to and including `through`. */
  deleteCut(through: number): void

  readCheckpoint(block: number): Checkpoint | undefined
  writeCheckpoint(block: number, checkpoint: Checkpoint): void
  listCheckpoints(): readonly number[]
  /** Blocks whose checkpoint KV does not hold yet. */
  listUnpublished(): readonly number[]
}

export interface JournalEntry {
  /** Rising. */
  readonly id: number
  /** `stream`: to be logged. `load`: in the log already. `held`: logged, but still ahead of the clock. */
  readonly kind: 'stream' | 'load' | 'held'
  readonly timeMs: number
  /** Lines of `encodeRow`. */
  readonly rows: string
}

export interface Cut {
  readonly sequence: number
  readonly through: number
}

export interface Checkpoint {
  /** Lines of `encodeRow`; empty for an empty block. */
  readonly rows: string
  readonly isPublished: boolean
}
