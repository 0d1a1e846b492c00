import { bitsText, hashKey, topBits } from '../core/entity-key.ts'
import type { ViewRow } from '../core/row.ts'
import { encodeSegment, rowsToSegment, segmentStatistics } from '../core/segment.ts'
import { type SegmentRecord, segmentRecord } from '../definitions/segment-record.ts'
import type { WriterLayout } from '../definitions/writer-layout.ts'

export interface PlannedSegment {
  readonly record: SegmentRecord
  readonly bytes: Uint8Array
}

/** The segments that rows of one writer make, one for each view version and bucket. Equal rows give equal bytes. */
export function planSegments(layout: WriterLayout, name: string, rows: readonly ViewRow[]): PlannedSegment[] {
  const { bucketBits } = layout.entity
  const bucketOf = (key: string) => bitsText(topBits(hashKey(key).high, bucketBits), bucketBits)
  return [...Map.groupBy(rows, ({ view }) => view)].flatMap(([viewId, sameView]) =>
    [...Map.groupBy(sameView, ({ key }) => bucketOf(key))].map(([bucket, sameBucket]) => {
      const schema = layout.schemas[viewId]!
      const columns = rowsToSegment(schema, sameBucket)
      const bytes = encodeSegment(schema, columns)
      const statistics = segmentStatistics(columns.stamps)
      return { bytes, record: segmentRecord({ viewId, bucket, name }, bytes.length, statistics) }
    }),
  )
}
