/**
 * `node bench/measure-windows.ts`: what windows cost, in microseconds of CPU and bytes of text, for one key.
 * `npm run bench` judges two of its rows.
 */
import type { Value } from '../src/core/value.ts'
import { finishWindows } from '../src/core/window/finish-windows.ts'
import { decodeTilesToFinish, encodeTiles } from '../src/core/window/tile-text.ts'
import { addEvent, createTiles, dropOldTiles, type WindowEvent } from '../src/core/window/tiles.ts'
import { planWindows, type WindowAggregation, type WindowPlan } from '../src/core/window/window-plan.ts'
import { windowsAtLabels } from '../src/core/window/windows-at-labels.ts'
import type { Comparison } from './comparison.ts'
import { createRandom, randomInt } from './random.ts'

const NOW_US = Date.UTC(2026, 0, 31, 12, 34, 56) * 1_000
const HOUR_US = 3_600_000_000
const EVENTS_PER_TILE = 20

/** 29 hours make 30 tiles of an hour; an hour and 7 days make 13 + 169 = 182. */
const SPANS: readonly (readonly string[])[] = [['29h'], ['1h', '7d']]
const PRICE = { input: 0, inputType: 'float64' } as const
const DELAY = { input: 1, inputType: 'int64' } as const
const ITEM = { input: 2, inputType: 'string' } as const
const SETS: Readonly<Record<string, readonly Omit<WindowAggregation, 'name' | 'windows'>[]>> = {
  'count sum mean of int64': [
    { function: 'count', ...DELAY },
    { function: 'sum', ...DELAY },
    { function: 'mean', ...DELAY },
  ],
  'count sum mean of float64': [
    { function: 'count', ...PRICE },
    { function: 'sum', ...PRICE },
    { function: 'mean', ...PRICE },
  ],
  'count mean min max stddev of float64': [
    { function: 'count', ...PRICE },
    { function: 'mean', ...PRICE },
    { function: 'min', ...PRICE },
    { function: 'max', ...PRICE },
    { function: 'stddev', ...PRICE },
  ],
  'last of string': [{ function: 'last', ...ITEM }],
  'last_n 10 of string': [{ function: 'last_n', n: 10, ...ITEM }],
  'count_distinct of string': [{ function: 'count_distinct', max_distinct: 10_000, ...ITEM }],
  'approx_count_distinct of string': [{ function: 'approx_count_distinct', ...ITEM }],
  'p50 p95 of float64': [
    { function: 'approx_quantile', quantile: 0.5, ...PRICE },
    { function: 'approx_quantile', quantile: 0.95, ...PRICE },
  ],
}

/** Of one key. */
interface WindowCosts {
  readonly tiles: number
  readonly bytes: number
  /** To finish all windows from the block's text, and from tiles decoded before. */
  readonly coldUs: number
  readonly decodedUs: number
  readonly encodeUs: number
  readonly addUs: number
  readonly labelUs: number
}

/**
 * Microseconds in which a key's windows are finished from its text, which is what a read does whose block's windows it
 * does not hold yet, against what they may take: the one baseline that is no measurement, but a budget of its own.
 */
export function measureFinishes(): Comparison[] {
  const set = SETS['count sum mean of float64']!
  return [
    { windows: SPANS[0]!, budgetUs: 20 },
    { windows: SPANS[1]!, budgetUs: 100 },
  ].map(({ windows, budgetUs }) => {
    const { tiles, bytes, coldUs, decodedUs } = measure(planSet(set, windows))
    return {
      name: `window_finish_${tiles}`,
      ours: coldUs,
      baseline: budgetUs,
      unit: 'us',
      facts: { bytes_of_entity: bytes, decoded_us: decodedUs },
    }
  })
}

if (import.meta.main) {
  for (const [name, functions] of Object.entries(SETS)) {
    for (const windows of SPANS) {
      const figures = Object.entries(measure(planSet(functions, windows)))
        .map(([figure, value]) => `${figure} ${value >= 100 ? Math.round(value) : value.toFixed(1)}`)
        .join('  ')
      process.stdout.write(`${name.padEnd(38)} ${windows.join(' ').padEnd(6)} ${figures}\n`)
    }
  }
}

function planSet(functions: (typeof SETS)[string], windows: readonly string[]): WindowPlan {
  return planWindows(functions.map((given, at) => ({ ...given, name: `a${at}`, windows })))
}

function measure(plan: WindowPlan): WindowCosts {
  const events = makeEvents(plan)
  const tiles = createTiles(plan)
  const addAll = () => {
    for (const event of events) addEvent(plan, tiles, event)
  }
  const addUs = elapsedUs(addAll) / events.length
  dropOldTiles(plan, tiles, NOW_US)
  const text = encodeTiles(plan, tiles)
  const labels = Array.from({ length: 200 }, (_, at) => NOW_US - HOUR_US + at * 7_000_000)
  return {
    tiles: tiles.series.reduce((sum, { starts }) => sum + starts.length, 0),
    bytes: text.length,
    coldUs: leastUs(() => finishWindows(plan, decodeTilesToFinish(plan, text), NOW_US)),
    decodedUs: leastUs(() => finishWindows(plan, tiles, NOW_US)),
    encodeUs: leastUs(() => encodeTiles(plan, tiles)),
    addUs,
    labelUs: elapsedUs(() => windowsAtLabels(plan, { events, labelTimes: labels }, () => {})) / labels.length,
  }
}

/** Events in every tile of the plan, in time order, with the ids and prices of a shop. */
function makeEvents(plan: WindowPlan): WindowEvent[] {
  const random = createRandom(7)
  const times = plan.series.flatMap(({ hopUs, longestUs }) => {
    const first = Math.floor((NOW_US - longestUs) / hopUs) * hopUs
    return Array.from({ length: Math.floor((NOW_US - first) / hopUs) + 1 }, (_, tile) =>
      Array.from(
        { length: EVENTS_PER_TILE },
        () => first + tile * hopUs + randomInt(random, hopUs / 1_000) * 1_000,
      ),
    ).flat()
  })
  return times
    .filter((time) => time <= NOW_US)
    .sort((a, b) => a - b)
    .map((eventTime, sequenceIndex) => {
      const order = { createdTime: eventTime + 120_000, sequenceTime: eventTime + 120_000 }
      const stamp = { eventTime, ...order, sequenceOrigin: '01JDCB4V8M5XJ9K2Q7RT6ZPWYN', sequenceIndex }
      const price = Math.round(Math.exp(random() * 6) * 100) / 100
      const inputs: Value[] = [price, BigInt(randomInt(random, 240)), `item-${randomInt(random, 5_000)}`]
      return { stamp, inputs }
    })
}

function elapsedUs(run: () => void): number {
  const startMs = performance.now()
  run()
  return (performance.now() - startMs) * 1_000
}

/** Time of one call in the best of many batches: what the call itself takes, whoever else is on the machine. */
function leastUs(run: () => void): number {
  const calls = 50
  const batch = () => {
    for (let call = 0; call < calls; call++) run()
  }
  // So many that the runtime has compiled what is hot, which it does beside the run, well before the last.
  return Math.min(...Array.from({ length: 300 }, () => elapsedUs(batch) / calls))
}
