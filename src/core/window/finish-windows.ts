import type { Aggregator } from '../aggregate/aggregator.ts'
import { FeatureStoreError } from '../error.ts'
import type { FeatureStatus } from '../feature-status.ts'
import type { Instant } from '../time.ts'
import { encodeValue, type Value, type ValueType } from '../value.ts'
import { windowStart } from './hop.ts'
import { firstAtOrAfter, type Tiles } from './tiles.ts'
import type { WindowPlan } from './window-plan.ts'

/** Windowed features know no `missing` and no `expired` (S19). */
export type WindowStatus = Extract<FeatureStatus, 'present' | 'null' | 'error'>

/** The features of one key at one instant, in the order of the plan's outputs. */
export interface FinishedWindows<Cell = string> {
  /** JSON texts (`encodeValue`), or values; of null where the status is not `present`. */
  readonly cells: Cell[]
  readonly statuses: WindowStatus[]
  /** Event time of the newest event in the window, null inputs counted too; null where there is none. */
  readonly eventTimes: (Instant | null)[]
}

/**
 * Finishes every window at `now` (S17 to S19). No event in `tiles` is later than `now`; the tiles are only read, and
 * may be those of an earlier instant: what is too old by now is left out.
 */
export function finishWindows(plan: WindowPlan, tiles: Tiles, now: Instant): FinishedWindows {
  const finished = createFinished(plan, 'null')
  finishCells(plan, tiles, now, { finished, toCell: encodeValue })
  return finished
}

/** Room for what `finishValues` finishes. */
export function createFinishedValues(plan: WindowPlan): FinishedWindows<Value> {
  return createFinished<Value>(plan, null)
}

/** As `finishWindows`, in place of what `finished` held: the values that the texts would be read as. */
export function finishValues(
  plan: WindowPlan,
  tiles: Tiles,
  now: Instant,
  finished: FinishedWindows<Value>,
): void {
  finishCells<Value>(plan, tiles, now, { finished, toCell: toItself })
}

const toItself = (_: ValueType, value: Value) => value

function createFinished<Cell>({ outputs: { length } }: WindowPlan, nothing: Cell): FinishedWindows<Cell> {
  return {
    cells: new Array<Cell>(length).fill(nothing),
    statuses: new Array<WindowStatus>(length).fill('error'),
    eventTimes: new Array<Instant | null>(length).fill(null),
  }
}

function finishCells<Cell>(
  plan: WindowPlan,
  tiles: Tiles,
  now: Instant,
  {
    finished,
    toCell,
  }: {
    readonly finished: FinishedWindows<Cell>
    readonly toCell: (type: ValueType, value: Value) => Cell
  },
): void {
  for (let at = 0; at < plan.series.length; at++) {
    const { hopUs, columns } = plan.series[at]!
    const { starts, lasts, columns: states } = tiles.series[at]!
    const end = firstAtOrAfter(starts, now + 1)
    for (let column = 0; column < columns.length; column++) {
      const { aggregator, windows } = columns[column]!
      const columnStates = states[column]!
      let merged = aggregator.create()
      let tile = end
      for (const { windowUs, aggregator: finisher, output } of windows) {
        const tail = windowStart(now, windowUs, hopUs)
        while (tile > 0 && starts[tile - 1]! >= tail) merged = aggregator.merge(merged, columnStates[--tile])
        const value = tiles.needsRebuild ? undefined : finishValue(finisher, merged)
        finished.cells[output] = toCell(finisher.outputType, value ?? null)
        finished.statuses[output] = value === undefined ? 'error' : value === null ? 'null' : 'present'
        finished.eventTimes[output] = tile < end && !tiles.needsRebuild ? lasts[end - 1]! : null
      }
    }
  }
}

/** Undefined where the function has no value: an overflow, or more than may be told apart. */
function finishValue(aggregator: Aggregator, state: unknown): Value | undefined {
  try {
    return aggregator.finish(state)
  } catch (error) {
    if (error instanceof FeatureStoreError) return undefined
    throw error
  }
}
