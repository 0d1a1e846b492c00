import type { SegmentRecord } from '../definitions/segment-record.ts'

/** What fills read and what they have made of it, chunk by chunk; a fill has the id of its job. */
export interface FillRecords {
  /** Fixes the segments of raw rows that a fill reads, a chunk for each; a plan that is there already stays as it is. */
  plan(id: string, segments: readonly SegmentRecord[]): Promise<void>
  /** Forgets what a fill reads and what it has made: it is planned anew. */
  forget(id: string): Promise<void>
  readProgress(id: string): Promise<FillProgress>
  /** Undefined past the last chunk. */
  readChunk(id: string, chunk: number): Promise<FillChunk | undefined>
  writeChunk(id: string, chunk: number, content: FillChunk): Promise<void>
  /** Enters the segments of all chunks into the manifest in one step, under one commit; those already there stay as they are. */
  register(id: string): Promise<void>
}

export interface FillProgress {
  readonly total: number
  readonly written: number
  readonly synced: number
}

export interface FillChunk {
  /** The segment of raw rows that it reads. */
  readonly raw: SegmentRecord
  /** What it made of it; null before it was done. */
  readonly segments: readonly SegmentRecord[] | null
  /** True once the writers have its rows. */
  readonly isSynced: boolean
}
