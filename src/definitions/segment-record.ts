import { contentHash } from '../core/hash.ts'
import type { SegmentStatistics } from '../core/segment.ts'
import { fingerprint } from './fingerprint.ts'

/** One segment in the manifest. */
export interface SegmentRecord extends SegmentStatistics {
  /**
   * `log/<view>/v=<version>/bucket=<bits>/<name>.parquet` or
   * `tombstones/<entity>/bucket=<bits>/<name>.parquet`.
   */
  readonly path: string
  readonly view: string
  readonly version: number
  /** Top bits of the hashes of its keys, as ones and zeros. */
  readonly bucket: string
  readonly bytes: number
}

/** A segment that counts. */
export interface RegisteredSegment extends SegmentRecord {
  /** The rising number of its registration; of several that were compacted, the last (S5). */
  readonly commit: number
  /** The first: below `commit` where the segment says the commit of each row in a column. */
  readonly commitMin: number
}

/** The log of an entity's tombstones, as if it were a view's. */
export function tombstoneLog(entity: string): { readonly view: string; readonly version: number } {
  return { view: `${TOMBSTONES}${entity}`, version: 0 }
}

export function isTombstoneLog(view: string): boolean {
  return view.startsWith(TOMBSTONES)
}

/** What deletes is one column: the view's name, null for all views of the entity. */
export const TOMBSTONE_COLUMN = { name: 'view', type: 'string' } as const

/** No view's name begins with it. */
const TOMBSTONES = '~'

/** The record of a segment of `view@version`; its path follows from what it is. */
export function segmentRecord(
  { viewId, bucket, name }: { readonly viewId: string; readonly bucket: string; readonly name: string },
  bytes: number,
  statistics: SegmentStatistics,
): SegmentRecord {
  const at = viewId.lastIndexOf('@')
  const [view, version] = [viewId.slice(0, at), Number(viewId.slice(at + 1))]
  const path = `${logFolder(view, version)}/bucket=${bucket}/${name}.parquet`
  return { path, view, version, bucket, bytes, ...statistics }
}

function logFolder(view: string, version: number): string {
  return view.startsWith(TOMBSTONES) ? `tombstones/${view.slice(1)}` : `log/${view}/v=${version}`
}

/** The folders in which the segments of a log's buckets are. */
export function bucketFolders(
  { view, version }: { readonly view: string; readonly version: number },
  buckets: readonly string[],
): string[] {
  return buckets.map((bucket) => `${logFolder(view, version)}/bucket=${bucket}/`)
}

/** How a segment is named that a job makes of others. */
export type Making = 'merged' | 'kept' | 'erased'

/**
 * Where a segment stands that is made of one, or of some of which it is the first. Made again it has the same name; made by a
 * release that writes it otherwise another one, for a path that is taken is not written over.
 */
export function madePath(
  path: string,
  { making, of, bytes }: { readonly making: Making; readonly of: unknown; readonly bytes: Uint8Array },
): string {
  const folder = path.slice(0, path.lastIndexOf('/') + 1)
  return `${folder}${making}-${fingerprint(of)}-${contentHash(bytes)}.parquet`
}

/** Begins the names of a fill's segments; loads and writers name theirs otherwise. */
export const FILL_SEGMENT = 'fill.'
