import { FeatureStoreError, invalid } from '../core/error.ts'
import type { Stamp } from '../core/row.ts'
import {
  checkSourceRow,
  checkViewKeys,
  countUnmet,
  unmetExpectations,
  type ViewTransform,
} from '../core/transform.ts'
import { encodeValue, type Value } from '../core/value.ts'
import type { CompiledSource } from '../definitions/snapshot.ts'
import { sourceExpectations } from '../definitions/view-transform.ts'
import type { LoadChunk, LoadRecord, QuarantinedRow, UnmetCounts } from '../platform.ts'
import type { ChunkRows } from './read-rows.ts'

/** Rejections a chunk reports one by one; the rest is counted. */
const REJECTIONS_MAX = 10

export interface AcceptedRow {
  readonly values: readonly Value[]
  readonly stamp: Stamp
}

export interface CheckedRows extends Pick<LoadChunk, 'rejected' | 'rejections'> {
  readonly accepted: readonly AcceptedRow[]
  /** Those that an expectation keeps back. */
  readonly quarantined: readonly QuarantinedRow[]
  readonly unmet: UnmetCounts
}

/** Takes rows of a file through the checks that pushed ones pass at the door and at the consumer. */
export function checkRows(
  source: CompiledSource,
  rows: ChunkRows,
  { load, transforms }: { readonly load: LoadRecord; readonly transforms: readonly ViewTransform[] },
): CheckedRows {
  const expectations = sourceExpectations(source)
  const accepted: AcceptedRow[] = []
  const quarantined: QuarantinedRow[] = []
  const rejections: { row: number; message: string }[] = []
  const unmet: Record<string, number> = {}
  let rejected = 0
  for (let at = 0; at < rows.rowCount; at++) {
    const row = rows.rowStart + at
    try {
      const fault = rows.faults.get(at)
      if (fault !== undefined) throw invalid(fault)
      const values = rows.columns.map((column) => column[at]!)
      checkSourceRow(source, values, load.ingestTime)
      const refused = unmetExpectations(expectations, values, 'reject')
      countUnmet(unmet, refused)
      if (refused.length > 0) throw invalid(refused[0]!.reason)
      // All keys before any row: a row that one view cannot file is in none.
      for (const transform of transforms) checkViewKeys(transform, values)
      const kept = unmetExpectations(expectations, values, 'quarantine')
      countUnmet(unmet, kept)
      if (kept.length > 0) {
        const cells = encodeCellsOf(source, values)
        quarantined.push({ index: row, view: null, reason: kept[0]!.reason, cells })
        continue
      }
      countUnmet(unmet, unmetExpectations(expectations, values, 'warn'))
      accepted.push({ values, stamp: stampOf(source, values, { load, row }) })
    } catch (error) {
      if (!(error instanceof FeatureStoreError)) throw error
      rejected++
      if (rejections.length < REJECTIONS_MAX) rejections.push({ row, message: error.message })
    }
  }
  return { accepted, quarantined, unmet, rejected, rejections }
}

/** A source row as comma-separated JSON texts. */
export function encodeCellsOf({ columns }: CompiledSource, values: readonly Value[]): string {
  return columns.map(({ type }, at) => encodeValue(type, values[at]!)).join(',')
}

function stampOf(
  { eventTime, createdTime }: CompiledSource,
  values: readonly Value[],
  { load, row }: { readonly load: LoadRecord; readonly row: number },
): Stamp {
  return {
    eventTime: values[eventTime] as number,
    createdTime: createdTime === null ? load.ingestTime : (values[createdTime] as number),
    ingestTime: load.ingestTime,
    sequenceTime: load.ingestTime,
    sequenceOrigin: load.id,
    sequenceIndex: row,
  }
}
