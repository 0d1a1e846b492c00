import { ROW_GROUP_ROWS } from '../core/parquet.ts'
import { isRawLog, RAW_SEGMENT_ROWS_MAX } from '../definitions/raw-log.ts'
import type { RegisteredSegment } from '../definitions/segment-record.ts'
import type { SmallSegments } from '../platform.ts'
import { CHUNK_BYTES_MAX } from './load-plan.ts'
import { decodedBytes } from './plan-load.ts'

/** A segment of at most so many bytes is small: it is merged with others. */
export const SMALL_BYTES_MAX = 8_000_000
/** Small segments of a bucket from which merging them pays; fewer are left alone. */
export const SMALL_COUNT_MIN = 8
/** What one merge reads, and so about the most it writes and holds compressed. */
const MERGED_BYTES_MAX = 16_000_000
/** Rows that the row groups open at a time may hold: what a merge holds decoded. */
const OPEN_ROWS_MAX = 131_072
/** Segments of one merge: an invocation has 1,000 operations, and each is read by one at least. */
const INPUTS_MAX = 400

const SMALL: SmallSegments = { bytesMax: SMALL_BYTES_MAX, rowCountMax: Number.MAX_SAFE_INTEGER }
/** Two of them have no more rows than one may have. */
const SMALL_RAW: SmallSegments = { bytesMax: 4_000_000, rowCountMax: RAW_SEGMENT_ROWS_MAX / 2 }

/** What counts as small in a log. */
export function smallSegments(kind: 'view' | 'raw'): SmallSegments {
  return kind === 'raw' ? SMALL_RAW : SMALL
}

export function listSmall(manifest: readonly RegisteredSegment[]): RegisteredSegment[] {
  return manifest.filter(({ view, bytes, rowCount }) => {
    const { bytesMax, rowCountMax } = smallSegments(isRawLog(view) ? 'raw' : 'view')
    return bytes <= bytesMax && rowCount <= rowCountMax
  })
}

/**
 * The next merge of a view's log, smallest segments of a bucket first so that no row is rewritten more often than need be; undefined
 * when there is nothing to be gained. Pure.
 */
export function planCompaction(manifest: readonly RegisteredSegment[]): RegisteredSegment[] | undefined {
  for (const bucket of Map.groupBy(listSmall(manifest), (segment) => segment.bucket).values()) {
    if (bucket.length < SMALL_COUNT_MIN) continue
    bucket.sort((a, b) => a.bytes - b.bytes || (a.path < b.path ? -1 : 1))
    const openRows = ({ rowCount }: RegisteredSegment) => Math.min(rowCount, ROW_GROUP_ROWS)
    const merged = takeWhatFits(bucket, { rowCountMax: OPEN_ROWS_MAX, rowsOf: openRows })
    if (merged.length > 1) return merged
  }
  return undefined
}

/** Where a segment stands in the order in which segments were registered. */
export type LogPosition = Pick<RegisteredSegment, 'commit' | 'path'>

/**
 * What the next merge of a source's raw rows is made of, at most: small segments in the order in which they were registered,
 * so that rows of an age stay together and leave together (0045), beginning after `after`. Undefined when there are no two. Pure.
 */
export function planRawCompaction(
  manifest: readonly RegisteredSegment[],
  after: LogPosition | null,
): RegisteredSegment[] | undefined {
  const waiting = listSmall(manifest)
    .filter((segment) => after === null || comparePositions(segment, after) > 0)
    .sort(comparePositions)
  if (waiting.length < 2) return undefined
  const rowsOf = ({ rowCount }: RegisteredSegment) => rowCount
  return takeWhatFits(waiting, { rowCountMax: RAW_SEGMENT_ROWS_MAX, rowsOf })
}

function comparePositions(a: LogPosition, b: LogPosition): number {
  return a.commit - b.commit || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)
}

function takeWhatFits(
  segments: readonly RegisteredSegment[],
  {
    rowCountMax,
    rowsOf,
  }: { readonly rowCountMax: number; readonly rowsOf: (segment: RegisteredSegment) => number },
): RegisteredSegment[] {
  const merged: RegisteredSegment[] = []
  let [byteCount, rowCount] = [0, 0]
  for (const segment of segments) {
    byteCount += segment.bytes
    rowCount += rowsOf(segment)
    if (byteCount > MERGED_BYTES_MAX || rowCount > rowCountMax || merged.length === INPUTS_MAX) break
    merged.push(segment)
  }
  return merged
}

/** What a segment of raw rows says of itself at its end. */
export interface RawShape {
  readonly rowCount: number
  readonly columns: readonly { readonly name: string; readonly type: unknown }[]
  readonly rowGroups: readonly { readonly bytes: number }[]
}

/**
 * Whether segments of raw rows can become one: they agree in the types of the columns that they share, and a fill, which
 * holds one decoded, is given no more than a load's chunk brings. Pure.
 */
export function canJoin(shapes: readonly RawShape[]): boolean {
  const types = new Map<string, unknown>()
  let [rows, stored] = [0, 0]
  for (const { rowCount, columns, rowGroups } of shapes) {
    rows += rowCount
    for (const { bytes } of rowGroups) stored += bytes
    for (const { name, type } of columns) {
      if (types.has(name) && types.get(name) !== type) return false
      types.set(name, type)
    }
  }
  return decodedBytes({ rows, stored, columnCount: types.size }) <= CHUNK_BYTES_MAX
}
