import { FeatureStoreError, invalid } from '../core/error.ts'
import { openRawSegment, readRawRows, type ScannedRow } from '../core/raw-segment.ts'
import type { Stamp } from '../core/row.ts'
import type { TransformedRow } from '../core/transform.ts'
import { encodeCells } from '../core/value.ts'
import { transformReturned } from '../core/worker-transform.ts'
import type { SegmentRecord } from '../definitions/segment-record.ts'
import type { CompiledSource, CompiledView, Snapshot } from '../definitions/snapshot.ts'
import { viewTransform } from '../definitions/view-transform.ts'
import type { Platform, QuarantineBatch, QuarantinedRow } from '../platform.ts'
import { callWorkerOf } from './call-worker-of.ts'

/** A row of a view, made of a raw one under the stamp that it had (S5). */
export interface ViewRowOfRaw extends TransformedRow {
  readonly stamp: Stamp
}

export interface ViewOfRaw {
  readonly snapshot: Snapshot
  readonly view: CompiledView
  /** Rows taken in under this generation or a later one reach the view by themselves. */
  readonly before: number
}

/** The rows that a view makes of a segment of raw rows, and those it cannot be made of. */
export async function readViewRows(
  platform: Platform,
  { snapshot, view, before }: ViewOfRaw,
  segment: SegmentRecord,
): Promise<{ readonly rows: readonly ViewRowOfRaw[]; readonly faults: readonly QuarantineBatch[] }> {
  const source = snapshot.sources[view.source]!
  const transform = viewTransform(snapshot, view)
  const file = await openRawSegment(platform.offline.openSegment(segment), segment.path)
  const rows: ViewRowOfRaw[] = []
  const faulty: { readonly row: ScannedRow; readonly reason: string }[] = []
  for (const range of file.rowGroups) {
    const scanned = await readRawRows(file, source.columns, range)
    const wanted = scanned.filter(({ generation }) => generation < before)
    const returned = await callWorkerOf(platform, transform, () => wanted.map(({ values }) => values))
    wanted.forEach((row, at) => {
      try {
        if (row.fault !== undefined) throw invalid(row.fault)
        const made = transformReturned(transform, row.values, returned?.[at])
        if (made !== undefined) rows.push({ ...made, stamp: stampOf(source, row) })
      } catch (error) {
        if (!(error instanceof FeatureStoreError)) throw error
        faulty.push({ row, reason: error.message })
      }
    })
  }
  const faults = [...Map.groupBy(faulty, ({ row }) => row.sequenceOrigin).values()].map((sameOrigin) =>
    quarantineBatch(source, view.id, sameOrigin),
  )
  return { rows, faults }
}

/** Times by the columns that give them now: a source may name others than it did. */
function stampOf({ columns, eventTime, createdTime }: CompiledSource, row: ScannedRow): Stamp {
  const { ingestTime, sequenceTime, sequenceOrigin, sequenceIndex, values } = row
  const timeAt = (column: number) => {
    const time = values[column] as number | null
    if (time === null) throw invalid(`Column "${columns[column]!.name}": it is null, a value is needed`)
    return time
  }
  return {
    eventTime: timeAt(eventTime),
    createdTime: createdTime === null ? ingestTime : timeAt(createdTime),
    ingestTime,
    sequenceTime,
    sequenceOrigin,
    sequenceIndex,
  }
}

function quarantineBatch(
  source: CompiledSource,
  view: string,
  faulty: readonly { readonly row: ScannedRow; readonly reason: string }[],
): QuarantineBatch {
  const { name, columns } = source
  const { sequenceOrigin, sequenceIndex, ingestTime } = faulty[0]!.row
  return {
    // Rows of one push or load may lie in several segments, each row in one.
    id: `${view}.${sequenceOrigin}.${sequenceIndex}`,
    source: name,
    pushId: sequenceOrigin,
    doorTime: ingestTime,
    columns: columns.map((column) => column.name),
    rows: faulty.map(({ row, reason }): QuarantinedRow => {
      return { index: row.sequenceIndex, view, reason, cells: encodeCells(source.columns, row.values) }
    }),
  }
}
