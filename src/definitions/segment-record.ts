import type { SegmentStatistics } from '../core/segment.ts'

/** One segment in the manifest. */
export interface SegmentRecord extends SegmentStatistics {
  /** `log/<view>/v=<version>/bucket=<bits>/<name>.parquet`, Hive-style. */
  readonly path: string
  readonly view: string
  readonly version: number
  /** Top bits of the hashes of its keys, as ones and zeros. */
  readonly bucket: string
  readonly bytes: number
}

/** The record of a segment of `view@version`; its path follows from what it is. */
export function segmentRecord(
  { viewId, bucket, name }: { readonly viewId: string; readonly bucket: string; readonly name: string },
  bytes: number,
  statistics: SegmentStatistics,
): SegmentRecord {
  const at = viewId.lastIndexOf('@')
  const [view, version] = [viewId.slice(0, at), Number(viewId.slice(at + 1))]
  const path = `log/${view}/v=${version}/bucket=${bucket}/${name}.parquet`
  return { path, view, version, bucket, bytes, ...statistics }
}
