import { ROW_GROUP_ROWS } from '../core/parquet.ts'
import type { RegisteredSegment } from '../definitions/segment-record.ts'

/** A segment of at most so many bytes is small: it is merged with others. */
export const SMALL_BYTES_MAX = 8_000_000
/** Small segments of a bucket from which merging them pays; fewer are left alone. */
export const SMALL_COUNT_MIN = 8
/** What one merge reads, and so about the most it writes and holds compressed. */
const MERGED_BYTES_MAX = 16_000_000
/** Rows that the row groups open at a time may hold: what a merge holds decoded. */
const OPEN_ROWS_MAX = 131_072

/**
 * The next merge of a log, smallest segments of a bucket first so that no row is rewritten more often than need be; undefined
 * when there is nothing to be gained. Pure.
 */
export function planCompaction(manifest: readonly RegisteredSegment[]): RegisteredSegment[] | undefined {
  const small = manifest.filter(({ bytes }) => bytes <= SMALL_BYTES_MAX)
  for (const bucket of Map.groupBy(small, (segment) => segment.bucket).values()) {
    if (bucket.length < SMALL_COUNT_MIN) continue
    bucket.sort((a, b) => a.bytes - b.bytes || (a.path < b.path ? -1 : 1))
    const merged = takeWhatFits(bucket)
    if (merged.length > 1) return merged
  }
  return undefined
}

function takeWhatFits(segments: readonly RegisteredSegment[]): RegisteredSegment[] {
  const merged: RegisteredSegment[] = []
  let [byteCount, openRows] = [0, 0]
  for (const segment of segments) {
    byteCount += segment.bytes
    openRows += Math.min(segment.rowCount, ROW_GROUP_ROWS)
    if (byteCount > MERGED_BYTES_MAX || openRows > OPEN_ROWS_MAX) break
    merged.push(segment)
  }
  return merged
}
