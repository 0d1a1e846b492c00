import fc from 'fast-check'
import { expect } from 'vitest'
import {
  AGGREGATION_FUNCTIONS,
  PROPERTIES_BY_FUNCTION,
} from '../../../src/core/aggregate/aggregation-function.ts'
import { encodeValue, type Value, type ValueType } from '../../../src/core/value.ts'
import type { FinishedWindows } from '../../../src/core/window/finish-windows.ts'
import type { WindowEvent } from '../../../src/core/window/tiles.ts'
import { planWindows, type WindowAggregation } from '../../../src/core/window/window-plan.ts'
import { type OracleEvent, oracleHop, oracleWindow } from '../../oracles/windows.ts'
import { inputsOf } from '../aggregate/inputs.ts'

export const SECOND = 1_000_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR
/** A midnight, so that every hop begins there. */
export const MIDNIGHT = Date.UTC(2026, 0, 31) * 1_000

const INPUT_TYPES: readonly ValueType[] = ['int64', 'float64', 'string', 'bool', 'timestamp']
/** On both sides of each change of hop, and by one with a hop of its own. */
const WINDOWS = ['10m', '1h', '719m', '12h', '7d', '287h', '12d']
export const DURATION_US: Readonly<Record<string, number>> = {
  '10m': 10 * MINUTE,
  '1h': HOUR,
  '719m': 719 * MINUTE,
  '12h': 12 * HOUR,
  '7d': 7 * DAY,
  '287h': 287 * HOUR,
  '12d': 12 * DAY,
}
const OWN_HOP = 7 * MINUTE
const PARAMETERS = { n: 3, quantile: 0.75, max_distinct: 4 }

/** Every function over every input type it takes and all windows, and some again with a hop of their own. */
export const AGGREGATIONS: readonly WindowAggregation[] = AGGREGATION_FUNCTIONS.flatMap((name) =>
  INPUT_TYPES.flatMap((inputType, input): WindowAggregation[] => {
    const { inputTypes, parameter } = PROPERTIES_BY_FUNCTION[name]
    if (!inputTypes.includes(inputType)) return []
    const given = parameter === null ? {} : { [parameter]: PARAMETERS[parameter] }
    const aggregation = { name: `${name}_${inputType}`, function: name, input, inputType, ...given }
    const own = { ...aggregation, name: `own_${aggregation.name}`, windows: ['1h'], hop: '7m' }
    return [{ ...aggregation, windows: WINDOWS }, ...(inputType === 'int64' ? [own] : [])]
  }),
)
export const PLAN = planWindows(AGGREGATIONS)

export interface HistoryEvent extends WindowEvent {
  readonly stamp: WindowEvent['stamp'] & { readonly eventTime: number }
}

/** Offsets that matter: at, just before and just after the edges of hops, hours, days and windows. */
export const edgeTimes: fc.Arbitrary<number> = fc
  .tuple(
    fc.constantFrom(0, -1, 1, -2, -6, -7, -11, -12, -13).map((days) => days * DAY),
    fc.constantFrom(0, 0, 1, 2, 11, 12, 23).map((hours) => hours * HOUR),
    fc.constantFrom(0, 5, 7, 10, 55, 60).map((minutes) => minutes * MINUTE),
    fc.constantFrom(-1, 0, 1, 250_000),
  )
  .map(([days, hours, minutes, micros]) => MIDNIGHT + days + hours + minutes + micros)

/** None so small that its square, and with it the tolerance, is lost. */
const floats = fc
  .double({ min: -1e6, max: 1e6, noNaN: true })
  .map((value) => (Math.abs(value) < 1e-100 ? 0 : value))

const inputs = fc.tuple(...INPUT_TYPES.map((type) => fc.option(type === 'float64' ? floats : inputsOf(type))))

/** Events of one key in the order in which they arrive; the sequence makes each stamp its own. */
export const histories: fc.Arbitrary<HistoryEvent[]> = fc
  .array(fc.tuple(edgeTimes, fc.integer({ min: 0, max: 2 }), inputs), { maxLength: 40 })
  .map((rows) =>
    rows.map(([eventTime, created, values], sequenceIndex) => ({
      stamp: {
        eventTime,
        createdTime: eventTime + created,
        sequenceTime: 0,
        sequenceOrigin: 'p',
        sequenceIndex,
      },
      inputs: values as readonly Value[],
    })),
  )

/** The same events in the order of S6. */
export function inOrder(events: readonly HistoryEvent[]): HistoryEvent[] {
  return events.toSorted(
    ({ stamp: a }, { stamp: b }) =>
      a.eventTime - b.eventTime || a.createdTime - b.createdTime || a.sequenceIndex - b.sequenceIndex,
  )
}

/** Holds every feature to the oracle, which looks at the events alone. */
export function expectAsOracle(
  finished: FinishedWindows,
  events: readonly HistoryEvent[],
  at: number,
  aggregations: readonly WindowAggregation[] = AGGREGATIONS,
): void {
  let output = 0
  for (const aggregation of aggregations) {
    const rows = events.map(
      ({ stamp, inputs: values }): OracleEvent => ({
        eventTime: stamp.eventTime,
        createdTime: stamp.createdTime,
        sequence: stamp.sequenceIndex,
        value: values[aggregation.input]!,
      }),
    )
    for (const window of aggregation.windows) {
      expectFeature(finished, output++, { aggregation, rows, windowUs: DURATION_US[window]!, at })
    }
  }
  expect(finished.cells).toHaveLength(output)
}

function expectFeature(
  { cells, statuses, eventTimes }: FinishedWindows,
  output: number,
  {
    aggregation,
    rows,
    windowUs,
    at,
  }: { aggregation: WindowAggregation; rows: readonly OracleEvent[]; windowUs: number; at: number },
): void {
  const expected = oracleWindow(
    rows,
    {
      function: aggregation.function,
      inputType: aggregation.inputType,
      windowUs,
      hopUs: aggregation.hop === undefined ? oracleHop(windowUs) : OWN_HOP,
      n: PARAMETERS.n,
      quantile: PARAMETERS.quantile,
      maxDistinct: PARAMETERS.max_distinct,
    },
    at,
  )
  const { type, name } = PLAN.outputs[output]!
  const what = `${name} at ${at}`
  expect([statuses[output], eventTimes[output]], what).toEqual([expected.status, expected.eventTime])
  if (expected.tolerance === 0 || expected.value === null) {
    expect(cells[output], what).toBe(encodeValue(type, expected.value))
    return
  }
  const error = Math.abs(Number(cells[output]) - Number(expected.value))
  expect(error, what).toBeLessThanOrEqual(expected.tolerance)
}
