import type { AsyncBuffer } from '../core/parquet.ts'
import type { Instant } from '../core/time.ts'
import type { RegisteredSegment, SegmentRecord } from '../definitions/segment-record.ts'

/** Segments and the manifest that says which of them count. */
export interface OfflineLog {
  /** Writes an object unless there is one at this path already. */
  writeSegment(path: string, bytes: Uint8Array): Promise<void>
  openSegment(segment: LogObject): AsyncBuffer
  /** Enters segments into the manifest under one new commit; those already there stay as they are. */
  register(segments: readonly SegmentRecord[]): Promise<void>
  /** The segments of a view's version that count, by path. */
  list(view: string, version: number): Promise<readonly RegisteredSegment[]>
  /** The newest commit: nothing registered later is of it or of an earlier one. 0 before the first. */
  readCommit(): Promise<number>
  /** Logs of which a bucket has at least `countMin` segments that are small, by name. */
  listFragmented(small: SmallSegments & { readonly countMin: number }): Promise<readonly LogName[]>
  /**
   * In one step: `segment` counts, and those at `paths` do no longer; null puts nothing in their place. False, and nothing
   * done, when one of them did not count any more; true when the segment was put there before. Their objects stay for those
   * who are reading them.
   */
  replace(paths: readonly string[], segment: RegisteredSegment | null): Promise<boolean>
  /** Removes segments replaced before this time, objects first; at most `countMax` of them. Answers how many. */
  removeReplaced(before: Instant, countMax: number): Promise<number>
  /** Removes what was replaced in these buckets of a log, at once and whoever reads it. */
  purgeReplaced(log: LogName, buckets: readonly string[]): Promise<void>
  /** The logs that have segments, by name. */
  listLogs(): Promise<readonly LogName[]>
  /** Objects put before this time into buckets of a log that the manifest does not name: what came to nothing has left them. */
  listUnnamed(
    log: LogName,
    objects: { readonly buckets: readonly string[]; readonly before: Instant },
  ): Promise<readonly PutObject[]>
  /** Removes an object that the manifest never named. */
  deleteObject(path: string): Promise<void>
}

/** What is small is within both bounds. */
export interface SmallSegments {
  readonly bytesMax: number
  readonly rowCountMax: number
}

export interface LogObject {
  readonly path: string
  readonly bytes: number
}

export interface PutObject extends LogObject {
  /** When it was put. */
  readonly time: Instant
}

export interface LogName {
  readonly view: string
  readonly version: number
}
