import type { Aggregator } from '../aggregate/aggregator.ts'
import { FeatureStoreError } from '../error.ts'
import type { FeatureStatus } from '../feature-status.ts'
import type { Instant } from '../time.ts'
import { encodeValue } from '../value.ts'
import { windowStart } from './hop.ts'
import { firstAtOrAfter, type Tiles } from './tiles.ts'
import type { WindowPlan } from './window-plan.ts'

/** Windowed features know no `missing` and no `expired` (S19). */
export type WindowStatus = Extract<FeatureStatus, 'present' | 'null' | 'error'>

/** The features of one key at one instant, in the order of the plan's outputs. */
export interface FinishedWindows {
  /** JSON texts (`encodeValue`); `null` where the status is not `present`. */
  readonly cells: readonly string[]
  readonly statuses: readonly WindowStatus[]
  /** Event time of the newest event in the window, null inputs counted too; null where there is none. */
  readonly eventTimes: readonly (Instant | null)[]
}

/**
 * Finishes every window at `now` (S17 to S19). No event in `tiles` is later than `now`; the tiles are only read, and
 * may be those of an earlier instant: what is too old by now is left out.
 */
export function finishWindows(plan: WindowPlan, tiles: Tiles, now: Instant): FinishedWindows {
  const count = plan.outputs.length
  const cells = new Array<string>(count).fill('null')
  const statuses = new Array<WindowStatus>(count).fill('error')
  const eventTimes = new Array<Instant | null>(count).fill(null)
  if (tiles.needsRebuild) return { cells, statuses, eventTimes }
  plan.series.forEach(({ hopUs, columns }, at) => {
    const { starts, lasts, columns: states } = tiles.series[at]!
    const end = firstAtOrAfter(starts, now + 1)
    columns.forEach(({ aggregator, windows }, column) => {
      const columnStates = states[column]!
      let merged = aggregator.create()
      let tile = end
      for (const { windowUs, aggregator: finisher, output } of windows) {
        const tail = windowStart(now, windowUs, hopUs)
        while (tile > 0 && starts[tile - 1]! >= tail) merged = aggregator.merge(merged, columnStates[--tile])
        const cell = finishCell(finisher, merged)
        if (tile < end) eventTimes[output] = lasts[end - 1]!
        if (cell === undefined) continue
        cells[output] = cell
        statuses[output] = cell === 'null' ? 'null' : 'present'
      }
    })
  })
  return { cells, statuses, eventTimes }
}

/** Undefined where the function has no value: an overflow, or more than may be told apart. */
function finishCell(aggregator: Aggregator, state: unknown): string | undefined {
  try {
    return encodeValue(aggregator.outputType, aggregator.finish(state))
  } catch (error) {
    if (error instanceof FeatureStoreError) return undefined
    throw error
  }
}
