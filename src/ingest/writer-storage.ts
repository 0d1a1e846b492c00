/**
 * What a shard writer keeps: synchronous, as a Durable Object's SQLite is. Rows written are billed: a
 * delivery costs one, the rest is shared by many (`WRITER_LIMITS.rowsPerCheckpoint`).
 */
export interface WriterStorage {
  /** Runs the work; if it throws, nothing it wrote stays. */
  transaction<T>(work: () => T): T

  /** JSON of the writer's record: layout and widths; undefined before the first delivery. */
  readRecord(): string | undefined
  writeRecord(record: string): void

  /** 0 before it was written. */
  readMark(mark: WriterMark): number
  writeMark(mark: WriterMark, value: number): void

  /**
   * Ids of the message groups of an hour (hours since the epoch) that have taken effect and left the journal.
   */
  readSeen(hour: number): readonly string[]
  appendSeen(hour: number, ids: readonly string[]): void
  /** Forgets all hours before this one. */
  deleteSeen(beforeHour: number): void

  /** All entries without their content, oldest first. */
  listJournal(): readonly JournalSummary[]
  /** The entries after one id and up to another, oldest first. */
  readJournal(after: number, through: number): readonly JournalEntry[]
  appendJournal(entry: JournalEntry): void
  /** Deletes all entries up to this one. */
  deleteJournal(through: number): void

  /** Checkpoints by the bits of their range. */
  readCheckpoint(bits: string): Checkpoint | undefined
  writeCheckpoint(bits: string, checkpoint: Checkpoint): void
  /** Notes that KV shows a checkpoint's rows by now. */
  publishCheckpoint(bits: string): void
  deleteCheckpoint(bits: string): void
  listCheckpoints(): readonly { readonly bits: string; readonly isPublished: boolean }[]
}

/**
 * How far the writer has come, as ids of journal entries: `cut_through` the entries of the cut that is being
 * carried out (0: none), `logged_through` those that the manifest names, `published_through` those that KV
 * shows. `cut_sequence` is the number of cuts ever begun, so that no segment's name is used twice.
 */
export const WRITER_MARKS = ['cut_sequence', 'cut_through', 'logged_through', 'published_through'] as const
export type WriterMark = (typeof WRITER_MARKS)[number]

export interface JournalSummary {
  /** Higher than any before; the writer gives it. */
  readonly id: number
  /**
   * `stream`: to be logged. `load`, `fill`: in the log already. `held`: logged, but still ahead of the clock. `released`: held until
   * now, merged with this entry.
   */
  readonly kind: 'stream' | 'load' | 'fill' | 'held' | 'released'
  readonly timeMs: number
  /** Characters of its rows. */
  readonly chars: number
}

export interface JournalEntry extends Omit<JournalSummary, 'chars'> {
  /** Message groups that took effect with it: hours since the epoch and id, a line each. */
  readonly seen: string
  /** Lines of `encodeRow`. */
  readonly rows: string
}

export interface Checkpoint {
  /** Lines of `encodeRow` and `encodeWindowLine`; empty for an empty block. */
  readonly rows: string
  /** The last journal entry whose rows it holds. */
  readonly through: number
  readonly isPublished: boolean
}
