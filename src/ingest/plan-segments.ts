import { bitsText, hashKey, topBits } from '../core/entity-key.ts'
import { assert } from '../core/error.ts'
import { contentHash } from '../core/hash.ts'
import { encodeAsciiString } from '../core/json.ts'
import { isTombstone, tombstoneView, type ViewRow } from '../core/row.ts'
import { encodeSegmentColumns, rowsToSegment, type SegmentSchema, statisticsOf } from '../core/segment.ts'
import {
  type SegmentRecord,
  segmentRecord,
  TOMBSTONE_COLUMN,
  tombstoneLog,
} from '../definitions/segment-record.ts'
import type { WriterLayout } from '../definitions/writer-layout.ts'

export interface PlannedSegment {
  readonly record: SegmentRecord
  readonly bytes: Uint8Array
}

/**
 * The segments that rows of one writer make, one for each log and bucket. Equal rows give equal bytes. Names end in a hash of the content: a
 * writer that begins anew, its storage lost, counts its cuts from one again.
 */
export function planSegments(layout: WriterLayout, name: string, rows: readonly ViewRow[]): PlannedSegment[] {
  const { bucketBits } = layout.entity
  const bucketOf = (key: string) => topBits(hashKey(key).high, bucketBits)
  const logged = rows.map((row) => (isTombstone(row.view) ? tombstoneRow(layout, row) : row))
  return [...Map.groupBy(logged, ({ view }) => view)].flatMap(([viewId, sameView]) =>
    [...Map.groupBy(sameView, ({ key }) => bucketOf(key))].map(([bucket, sameBucket]) => {
      const schema = isTombstone(viewId) ? tombstoneSchema(layout) : layout.schemas[viewId]
      assert(schema !== undefined, `the writer knows the columns of ${viewId}`)
      const columns = rowsToSegment(schema, sameBucket)
      const bytes = encodeSegmentColumns(schema, columns)
      const place = {
        viewId,
        bucket: bitsText(bucket, bucketBits),
        name: `${name}-${contentHash(bytes)}`,
      }
      return { bytes, record: segmentRecord(place, bytes.length, statisticsOf(columns.stamps)) }
    }),
  )
}

/** A tombstone as a row of its entity's log of tombstones. */
function tombstoneRow({ entity }: WriterLayout, row: ViewRow): ViewRow {
  const { view, version } = tombstoneLog(entity.name)
  const deleted = tombstoneView(row.view)
  return { ...row, view: `${view}@${version}`, cells: deleted === null ? 'null' : encodeAsciiString(deleted) }
}

function tombstoneSchema({ entity }: WriterLayout): SegmentSchema {
  return { keys: entity.joinKeys, features: [TOMBSTONE_COLUMN] }
}
