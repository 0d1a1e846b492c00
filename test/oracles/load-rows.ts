import type { ChunkRows } from '../../src/batch/read-rows.ts'
import { FeatureStoreError, invalid } from '../../src/core/error.ts'
import { compareStamps, encodeRow, type Stamp } from '../../src/core/row.ts'
import { checkSourceRow, checkViewKeys, countUnmet, unmetExpectations } from '../../src/core/transform.ts'
import { encodeCells, type Value } from '../../src/core/value.ts'
import { vectorValue } from '../../src/core/vector.ts'
import { oldestCounted } from '../../src/core/window/window-plan.ts'
import { type ReturnedRow, transformReturned } from '../../src/core/worker-transform.ts'
import type { CompiledSource, Snapshot } from '../../src/definitions/snapshot.ts'
import { sourceExpectations, viewTransform, windowPlan } from '../../src/definitions/view-transform.ts'
import type { LoadRecord, QuarantinedRow } from '../../src/platform.ts'

/** What a chunk of a load comes to. */
export interface LoadedRows {
  readonly written: number
  readonly rejected: readonly { readonly row: number; readonly message: string }[]
  readonly quarantined: readonly QuarantinedRow[]
  readonly unmet: Readonly<Record<string, number>>
  /** Cells of the accepted rows. */
  readonly raw: readonly string[]
  /** Lines of `encodeRow`, by view. */
  readonly logged: Readonly<Record<string, readonly string[]>>
  /** Of all views. */
  readonly newest: readonly string[]
}

/** Loads a chunk by the letter, one row after another. `returnedOf` is what a view's Worker makes of a row, if it has one. */
export function loadRowByRow(
  { snapshot, source, load }: { snapshot: Snapshot; source: CompiledSource; load: LoadRecord },
  rows: ChunkRows,
  returnedOf: (values: readonly Value[]) => ReturnedRow,
): LoadedRows {
  const expectations = sourceExpectations(source)
  const views = source.views.map((id) => snapshot.views[id]!)
  const rejected: { row: number; message: string }[] = []
  const quarantined: QuarantinedRow[] = []
  const unmet: Record<string, number> = {}
  const accepted: { readonly values: readonly Value[]; readonly stamp: Stamp }[] = []
  for (let at = 0; at < rows.rowCount; at++) {
    const row = rows.rowStart + at
    const values = rows.columns.map((column) => vectorValue(column, at))
    const check = (onFailure: 'reject' | 'quarantine' | 'warn') => {
      const reasons = unmetExpectations(expectations, values, onFailure)
      countUnmet(unmet, reasons)
      return reasons[0]?.reason
    }
    try {
      const fault = rows.faults.get(at)
      if (fault !== undefined) throw invalid(fault)
      checkSourceRow(source, values, load.ingestTime)
      const refused = check('reject')
      if (refused !== undefined) throw invalid(refused)
      for (const view of views) checkViewKeys(viewTransform(snapshot, view), values)
    } catch (error) {
      if (!(error instanceof FeatureStoreError)) throw error
      rejected.push({ row, message: error.message })
      continue
    }
    const reason = check('quarantine')
    if (reason !== undefined) {
      quarantined.push({ index: row, view: null, reason, cells: encodeCells(source.columns, values) })
      continue
    }
    check('warn')
    accepted.push({ values, stamp: stampOf(source, values, { load, row }) })
  }
  const logged: Record<string, string[]> = {}
  const newest: string[] = []
  for (const view of views) {
    const transform = viewTransform(snapshot, view)
    const newestByKey = new Map<string, { readonly stamp: Stamp; readonly line: string }>()
    logged[view.id] = []
    for (const { values, stamp } of accepted) {
      try {
        const isSent =
          transform.worker !== null && (transform.where === null || transform.where(values) === true)
        const made = transformReturned(transform, values, isSent ? returnedOf(values) : undefined)
        if (made === undefined) continue
        const { key, features } = made
        const line = encodeRow({
          ...stamp,
          view: view.id,
          key,
          cells: encodeCells(transform.features, features),
        })
        logged[view.id]!.push(line)
        if (view.windows !== null) {
          if (stamp.eventTime >= oldestCounted(windowPlan(view.windows), load.ingestTime)) newest.push(line)
        } else if (stamp.eventTime > load.ingestTime) newest.push(line)
        else {
          const before = newestByKey.get(key)
          if (before === undefined || compareStamps(stamp, before.stamp) > 0)
            newestByKey.set(key, { stamp, line })
        }
      } catch (error) {
        if (!(error instanceof FeatureStoreError)) throw error
        const cells = encodeCells(source.columns, values)
        quarantined.push({ index: stamp.sequenceIndex, view: view.id, reason: error.message, cells })
      }
    }
    newest.push(...[...newestByKey.values()].map(({ line }) => line))
  }
  const raw = accepted.map(({ values }) => encodeCells(source.columns, values))
  return { written: accepted.length, rejected, quarantined, unmet, raw, logged, newest }
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
