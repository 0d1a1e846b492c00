import {
  type AggregationFunction,
  type AggregationParameters,
  PARAMETER_DEFAULTS,
  PROPERTIES_BY_FUNCTION,
} from '../aggregate/aggregation-function.ts'
import type { Aggregator } from '../aggregate/aggregator.ts'
import { invalid } from '../error.ts'
import { type DurationUs, type Instant, parseDuration } from '../time.ts'
import type { ValueType } from '../value.ts'
import { defaultHop, windowStart } from './hop.ts'

/** One declared aggregation, ready to be planned: plain JSON, so that it travels in a snapshot. */
export interface WindowAggregation extends Optional<AggregationParameters> {
  readonly name: string
  readonly function: AggregationFunction
  /** Position among an event's inputs. Aggregations of one expression share it, and with it their states. */
  readonly input: number
  readonly inputType: ValueType
  /** Durations as declared: they become part of the features' names. */
  readonly windows: readonly string[]
  /** Absent: by S17, for each window its own. */
  readonly hop?: string | undefined
}

type Optional<T> = { readonly [K in keyof T]?: T[K] | undefined }

/** How a view's aggregations are kept as tiles and finished. */
export interface WindowPlan {
  /** `<name>_<window>`, aggregations and their windows in declared order. */
  readonly outputs: readonly WindowOutput[]
  /** One for each distinct hop, rising. */
  readonly series: readonly SeriesPlan[]
}

export interface WindowOutput {
  readonly name: string
  readonly type: ValueType
}

/** The tiles of one hop. */
export interface SeriesPlan {
  readonly hopUs: DurationUs
  /** Longest window finished from these tiles. */
  readonly longestUs: DurationUs
  readonly columns: readonly ColumnPlan[]
}

/** One state in each tile of a series, and all that is finished from it. */
export interface ColumnPlan {
  readonly aggregator: Aggregator
  readonly input: number
  /** Shortest window first: each goes on where the one before it ended. None where a projection leaves it out. */
  readonly windows: readonly PlannedWindow[]
}

export interface PlannedWindow {
  readonly windowUs: DurationUs
  /** Shares the column's state. */
  readonly aggregator: Aggregator
  /** Position in `WindowPlan.outputs`. */
  readonly output: number
}

/** Tiles of one window: ten years of days. */
const TILES_PER_WINDOW_MAX = 3_660

/** Compiles a view's aggregations. Throws `invalid_argument` naming the aggregation that cannot be. */
export function planWindows(aggregations: readonly WindowAggregation[]): WindowPlan {
  const outputs: WindowOutput[] = []
  const columnsByHop = new Map<
    DurationUs,
    Map<string, { -readonly [K in keyof ColumnPlan]: ColumnPlan[K] }>
  >()
  for (const aggregation of aggregations) {
    const aggregator = createAggregator(aggregation)
    for (const window of aggregation.windows) {
      const windowUs = parseDuration(window)
      const hopUs = hopOf(aggregation, windowUs)
      const output = outputs.push({ name: `${aggregation.name}_${window}`, type: aggregator.outputType }) - 1
      const columns = columnsByHop.get(hopUs) ?? new Map()
      columnsByHop.set(hopUs, columns)
      const id = `${aggregation.input} ${aggregator.stateId}`
      const column = columns.get(id) ?? { aggregator, input: aggregation.input, windows: [] }
      column.windows = [...column.windows, { windowUs, aggregator, output }].sort(
        (a, b) => a.windowUs - b.windowUs,
      )
      columns.set(id, column)
    }
  }
  const repeated = outputs.find(({ name }, at) => outputs.findIndex((other) => other.name === name) !== at)
  if (repeated !== undefined) throw invalid(`Cannot plan windows: two features are named "${repeated.name}"`)
  const series = [...columnsByHop].map(([hopUs, columns]) => {
    const planned = [...columns.values()]
    return { hopUs, longestUs: Math.max(...planned.map(longestOf)), columns: planned }
  })
  return { outputs, series: series.sort((a, b) => a.hopUs - b.hopUs) }
}

/**
 * The plan of the features at `outputs` alone, in that order: reads the tiles of the whole plan and leaves undecoded
 * what it does not finish (S29). For `decodeTiles` and `finishWindows` only; writers keep the whole plan.
 */
export function projectPlan(plan: WindowPlan, outputs: readonly number[]): WindowPlan {
  const projectColumn = (column: ColumnPlan): ColumnPlan => ({
    ...column,
    windows: column.windows.flatMap((window) =>
      outputs.flatMap((wanted, output) => (wanted === window.output ? [{ ...window, output }] : [])),
    ),
  })
  return {
    outputs: outputs.map((output) => plan.outputs[output]!),
    series: plan.series.map((series) => ({ ...series, columns: series.columns.map(projectColumn) })),
  }
}

/** The earliest event time that a window at `now` or later counts; what lies before changes nothing any more. */
export function oldestCounted(plan: WindowPlan, now: Instant): Instant {
  let oldest = Number.POSITIVE_INFINITY
  for (const { longestUs, hopUs } of plan.series)
    oldest = Math.min(oldest, windowStart(now, longestUs, hopUs))
  return oldest
}

/**
 * The first instant after `now` at which a window's tail moves (S18). Until then, and without new events, what was
 * finished at `now` stays as it is.
 */
export function nextTailMove(plan: WindowPlan, now: Instant): Instant {
  let next = Number.POSITIVE_INFINITY
  for (const { hopUs, columns } of plan.series) {
    for (const { windows } of columns) {
      for (const { windowUs } of windows) {
        next = Math.min(next, windowStart(now, windowUs, hopUs) + hopUs + windowUs)
      }
    }
  }
  return next
}

/** Longest window of a column. */
export function longestOf({ windows }: ColumnPlan): DurationUs {
  return windows.at(-1)!.windowUs
}

function createAggregator(aggregation: WindowAggregation): Aggregator {
  const { inputTypes, parameter, create } = PROPERTIES_BY_FUNCTION[aggregation.function]
  if (!inputTypes.includes(aggregation.inputType)) {
    throw refuse(aggregation, `its input is ${aggregation.inputType}, ${inputTypes.join(', ')} is needed`)
  }
  const parameters: { -readonly [K in keyof AggregationParameters]: number } = { ...PARAMETER_DEFAULTS }
  for (const name of Object.keys(PARAMETER_DEFAULTS) as (keyof AggregationParameters)[]) {
    const given = aggregation[name]
    if (given === undefined) continue
    if (name !== parameter) throw refuse(aggregation, `${aggregation.function} takes no ${name}`)
    parameters[name] = given
  }
  return create(aggregation.inputType, parameters)
}

function hopOf(aggregation: WindowAggregation, windowUs: DurationUs): DurationUs {
  const hopUs = aggregation.hop === undefined ? defaultHop(windowUs) : parseDuration(aggregation.hop)
  if (windowUs / hopUs > TILES_PER_WINDOW_MAX) {
    throw refuse(
      aggregation,
      `its window takes more than ${TILES_PER_WINDOW_MAX} tiles, a longer hop is needed`,
    )
  }
  return hopUs
}

function refuse({ name }: WindowAggregation, why: string) {
  return invalid(`Cannot plan aggregation "${name}": ${why}`, { aggregation: name })
}
