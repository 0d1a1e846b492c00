import fc from 'fast-check'
import { expect, test } from 'vitest'
import { finishWindows } from '../../../src/core/window/finish-windows.ts'
import { defaultHop, windowStart } from '../../../src/core/window/hop.ts'
import { addEvent, createTiles } from '../../../src/core/window/tiles.ts'
import {
  nextTailMove,
  oldestCounted,
  planWindows,
  type WindowAggregation,
} from '../../../src/core/window/window-plan.ts'
import { oracleHop } from '../../oracles/windows.ts'
import { DAY, edgeTimes, HOUR, histories, MIDNIGHT, MINUTE, PLAN } from './histories.ts'

const COUNT: WindowAggregation = {
  name: 'a',
  function: 'count',
  input: 0,
  inputType: 'int64',
  windows: ['1h', '7d'],
}

test.each([
  [1, 5 * MINUTE],
  [12 * HOUR - 1, 5 * MINUTE],
  [12 * HOUR, HOUR],
  [12 * DAY - 1, HOUR],
  [12 * DAY, DAY],
  [365 * DAY, DAY],
])('the hop of a window of %d us is %d us (S17)', (windowUs, hopUs) => {
  expect(defaultHop(windowUs)).toBe(hopUs)
  expect(oracleHop(windowUs)).toBe(hopUs)
})

test('a window starts at the hop that holds its tail, also before 1970 (S17)', () => {
  expect(windowStart(MIDNIGHT, HOUR, 5 * MINUTE)).toBe(MIDNIGHT - HOUR)
  expect(windowStart(MIDNIGHT - 1, HOUR, 5 * MINUTE)).toBe(MIDNIGHT - HOUR - 5 * MINUTE)
  expect(windowStart(MIDNIGHT + 5 * MINUTE - 1, HOUR, 5 * MINUTE)).toBe(MIDNIGHT - HOUR)
  expect(windowStart(-1, HOUR, HOUR)).toBe(-2 * HOUR)
})

test('features are named <name>_<window>, in declared order, with the types of their functions', () => {
  const plan = planWindows([
    { ...COUNT, windows: ['7d', '1h'] },
    { ...COUNT, name: 'b', function: 'last_n', inputType: 'string', input: 1, n: 3, windows: ['90m'] },
  ])
  expect(plan.outputs).toEqual([
    { name: 'a_7d', type: 'int64' },
    { name: 'a_1h', type: 'int64' },
    { name: 'b_90m', type: 'list<string>' },
  ])
})

test('windows of one hop share tiles, and functions of one input share a state where they can', () => {
  const sum = { ...COUNT, function: 'sum', windows: ['1h', '2h', '7d'] } as const
  const quantile = { ...sum, function: 'approx_quantile' } as const
  const plan = planWindows([
    { ...sum, name: 'sum' },
    { ...sum, name: 'mean', function: 'mean' },
    { ...sum, name: 'other', input: 1 },
    { ...quantile, name: 'p50', quantile: 0.5 },
    { ...quantile, name: 'p99', quantile: 0.99 },
    { ...sum, name: 'own', hop: '10m' },
  ])
  const shapes = plan.series.map(({ hopUs, longestUs, columns }) => [hopUs, longestUs, columns.length])
  expect(shapes).toEqual([
    [5 * MINUTE, 2 * HOUR, 3],
    [10 * MINUTE, 7 * DAY, 1],
    [HOUR, 7 * DAY, 3],
  ])
})

test.each<[string, Partial<WindowAggregation>]>([
  ['its input is string, int64, float64 is needed', { function: 'sum', inputType: 'string' }],
  ['count takes no n', { n: 3 }],
  ['first takes no quantile', { function: 'first', quantile: 0.5 }],
  ['its window takes more than 3660 tiles, a longer hop is needed', { windows: ['7d'], hop: '1m' }],
  ['two features are named "a_1h"', { windows: ['1h', '1h'] }],
])('planWindows() refuses by name: %s (S34)', (message, fault) => {
  expect(() => planWindows([{ ...COUNT, ...fault }])).toThrow(message)
})

test('until the next tail moves nothing changes, and then the oldest counted does (S18)', () => {
  fc.assert(
    fc.property(histories, edgeTimes, (events, now) => {
      const tiles = createTiles(PLAN)
      for (const event of events) if (event.stamp.eventTime <= now) addEvent(PLAN, tiles, event)
      const next = nextTailMove(PLAN, now)
      expect(next).toBeGreaterThan(now)
      expect(finishWindows(PLAN, tiles, next - 1)).toEqual(finishWindows(PLAN, tiles, now))
      expect(oldestCounted(PLAN, next)).toBeGreaterThanOrEqual(oldestCounted(PLAN, now))
    }),
    { numRuns: 30 },
  )
  const plan = planWindows([COUNT])
  expect(nextTailMove(plan, MIDNIGHT)).toBe(MIDNIGHT + 5 * MINUTE)
  expect(oldestCounted(plan, MIDNIGHT + 1)).toBe(MIDNIGHT - 7 * DAY)
})

test('a key never seen has count 0 and everything else null, without event times (S19)', () => {
  const plan = planWindows([COUNT, { ...COUNT, name: 'b', function: 'sum' }])
  expect(finishWindows(plan, createTiles(plan), MIDNIGHT)).toEqual({
    cells: ['0', '0', 'null', 'null'],
    statuses: ['present', 'present', 'null', 'null'],
    eventTimes: [null, null, null, null],
  })
})
