import { assert } from '../core/error.ts'
import { contentHash } from '../core/hash.ts'
import { encodeRawSegment, type RawColumns } from '../core/raw-segment.ts'
import { type NamedType, statisticsOf } from '../core/segment.ts'
import { bucketFolders, type SegmentRecord } from './segment-record.ts'
import { viewId } from './transition.ts'

/** The log of a source's accepted rows as they came, as if it were a view's. */
export function rawLog(source: string): { readonly view: string; readonly version: number } {
  return { view: `${RAW}${source}`, version: 0 }
}

export function isRawLog(view: string): boolean {
  return view.startsWith(RAW)
}

/** What users call a log. */
export function logTitle({ view, version }: { readonly view: string; readonly version: number }): string {
  return isRawLog(view) ? `raw rows of ${view.slice(RAW.length)}` : viewId(view, version)
}

/** Raw rows are in no buckets: they are not filed by key. */
export const RAW_BUCKET = ''

/** No view's name begins with it. */
const RAW = '^'

/** The folders that hold the segments of a log's buckets. */
export function logFolders(
  log: { readonly view: string; readonly version: number },
  buckets: readonly string[],
): string[] {
  return isRawLog(log.view) ? [rawFolder(log.view.slice(RAW.length))] : bucketFolders(log, buckets)
}

function rawFolder(source: string): string {
  return `raw/${source}/`
}

/** Rows of one segment: a fill has all of one in memory. */
export const RAW_SEGMENT_ROWS_MAX = 65_536

/** Raw rows of one form. */
export interface RawRows {
  readonly columns: readonly NamedType[]
  readonly rows: RawColumns
  /** By row, as the column says that had the event time. */
  readonly eventTimes: ArrayLike<number>
}

/** A segment of raw rows; its name ends in a hash of what it holds. */
export function rawSegment(
  source: string,
  name: string,
  { columns, rows, eventTimes }: RawRows,
): { readonly record: SegmentRecord; readonly bytes: Uint8Array } {
  assert(eventTimes.length <= RAW_SEGMENT_ROWS_MAX, 'a segment of raw rows is within what a fill can hold')
  const bytes = encodeRawSegment(columns, rows)
  const record = {
    path: `${rawFolder(source)}${name}-${contentHash(bytes)}.parquet`,
    ...rawLog(source),
    bucket: RAW_BUCKET,
    bytes: bytes.length,
    ...statisticsOf({ eventTime: eventTimes, ingestTime: rows.stamps.ingestTime }),
  }
  return { record, bytes }
}
