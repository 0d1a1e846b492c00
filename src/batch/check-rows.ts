import { FeatureStoreError, invalid } from '../core/error.ts'
import { CONDITION, testRows } from '../core/sql/evaluate-rows.ts'
import {
  checkSourceRow,
  checkViewKeys,
  countUnmet,
  FUTURE_MAX_US,
  unmetExpectations,
} from '../core/transform.ts'
import { encodeCells } from '../core/value.ts'
import { vectorValue } from '../core/vector.ts'
import type { CompiledSource } from '../definitions/snapshot.ts'
import { sourceExpectations } from '../definitions/view-transform.ts'
import type { LoadChunk, LoadRecord, QuarantinedRow, UnmetCounts } from '../platform.ts'
import type { ChunkRows } from './read-rows.ts'
import { type ChunkView, selectRows, type ViewSelection } from './select-rows.ts'

/** Rejections a chunk reports one by one; the rest is counted. */
const REJECTIONS_MAX = 10

export interface CheckedRows extends Pick<LoadChunk, 'rejected' | 'rejections'> {
  /** Positions of rows that pass, rising. */
  readonly accepted: Int32Array
  /** What each view takes of the rows. */
  readonly selections: readonly ViewSelection[]
  /** Those that an expectation keeps back. */
  readonly quarantined: readonly QuarantinedRow[]
  readonly unmet: UnmetCounts
}

/**
 * Takes rows of a file through the checks that pushed ones pass at the door and at the consumer. Columns are looked at as
 * columns; only a row in which that finds anything is put together and judged by those checks themselves.
 */
export function checkRows(
  source: CompiledSource,
  rows: ChunkRows,
  { load, views }: { readonly load: LoadRecord; readonly views: readonly ChunkView[] },
): CheckedRows {
  const doubts = findDoubts(source, rows, load.ingestTime)
  const clear = withoutDoubts(doubts)
  const { columns } = rows
  for (const { expression } of source.expectations) {
    const outcomes = testRows(expression, { columns, rows: clear })
    for (const row of clear) {
      if (outcomes[row] === CONDITION.false || outcomes[row] === CONDITION.failed) doubts[row] = 1
    }
  }
  const readable = readableRows(rows)
  const selections = views.map((view) => selectRows(view, { columns, rows: readable }))
  // All keys before any row: a row that one view cannot file is in none.
  for (const { outcomes, keys } of selections) {
    for (const { nulls } of keys) {
      if (nulls === undefined) continue
      for (const row of clear) if (outcomes[row] === CONDITION.true && nulls[row] !== 0) doubts[row] = 1
    }
  }
  return { selections, ...judgeRows(source, rows, { load, views, doubts }) }
}

/** By row: 1 where it could not be read, lacks a value, or is ahead of the clock. */
function findDoubts(
  source: CompiledSource,
  { rowCount, columns, faults }: ChunkRows,
  now: number,
): Uint8Array {
  const doubts = new Uint8Array(rowCount)
  for (const row of faults.keys()) doubts[row] = 1
  for (const [at, { required }] of source.columns.entries()) {
    const { nulls } = columns[at]!
    const isNeeded = required || at === source.eventTime || at === source.createdTime
    if (!isNeeded || nulls === undefined) continue
    for (let row = 0; row < rowCount; row++) if (nulls[row] !== 0) doubts[row] = 1
  }
  const times = columns[source.eventTime]!.values as Float64Array
  for (let row = 0; row < rowCount; row++) if (times[row]! > now + FUTURE_MAX_US) doubts[row] = 1
  return doubts
}

function withoutDoubts(doubts: Uint8Array): Int32Array {
  const rows = new Int32Array(doubts.length)
  let count = 0
  for (let row = 0; row < doubts.length; row++) if (doubts[row] === 0) rows[count++] = row
  return rows.subarray(0, count)
}

/** Rows whose values mean something. */
function readableRows({ rowCount, faults }: ChunkRows): Int32Array {
  const unreadable = new Uint8Array(rowCount)
  for (const row of faults.keys()) unreadable[row] = 1
  return withoutDoubts(unreadable)
}

function judgeRows(
  source: CompiledSource,
  rows: ChunkRows,
  {
    load,
    views,
    doubts,
  }: { readonly load: LoadRecord; readonly views: readonly ChunkView[]; readonly doubts: Uint8Array },
): Omit<CheckedRows, 'selections'> {
  const expectations = sourceExpectations(source)
  const accepted = new Int32Array(rows.rowCount)
  let acceptedCount = 0
  const quarantined: QuarantinedRow[] = []
  const rejections: { row: number; message: string }[] = []
  const unmet: Record<string, number> = {}
  let rejected = 0
  for (let at = 0; at < rows.rowCount; at++) {
    if (doubts[at] === 0) {
      accepted[acceptedCount++] = at
      continue
    }
    const row = rows.rowStart + at
    try {
      const fault = rows.faults.get(at)
      if (fault !== undefined) throw invalid(fault)
      const values = rows.columns.map((column) => vectorValue(column, at))
      checkSourceRow(source, values, load.ingestTime)
      const refused = unmetExpectations(expectations, values, 'reject')
      countUnmet(unmet, refused)
      if (refused.length > 0) throw invalid(refused[0]!.reason)
      for (const { transform } of views) checkViewKeys(transform, values)
      const kept = unmetExpectations(expectations, values, 'quarantine')
      countUnmet(unmet, kept)
      if (kept.length > 0) {
        const cells = encodeCells(source.columns, values)
        quarantined.push({ index: row, view: null, reason: kept[0]!.reason, cells })
        continue
      }
      countUnmet(unmet, unmetExpectations(expectations, values, 'warn'))
      accepted[acceptedCount++] = at
    } catch (error) {
      if (!(error instanceof FeatureStoreError)) throw error
      rejected++
      if (rejections.length < REJECTIONS_MAX) rejections.push({ row, message: error.message })
    }
  }
  return { accepted: accepted.subarray(0, acceptedCount), quarantined, unmet, rejected, rejections }
}
