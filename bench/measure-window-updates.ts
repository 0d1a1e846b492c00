/**
 * Events/s that windows take in, spread over many keys, and the bytes of text that a key's tiles make in its block. No
 * budget holds it: the figures are said. `node bench/measure-window-updates.ts` prints them alone.
 */
import { encodeTiles } from '../src/core/window/tile-text.ts'
import { addEvent, createTiles, dropOldTiles, type WindowEvent } from '../src/core/window/tiles.ts'
import { planWindows, type WindowAggregation } from '../src/core/window/window-plan.ts'
import { createRandom, randomInt } from './random.ts'

const NOW_US = Date.UTC(2026, 0, 31, 12, 34, 56) * 1_000
const WEEK_US = 7 * 86_400_000_000
const WINDOWS = ['1h', '24h', '7d']

/** Fifteen features of three hops, as a shop would have them. */
const AGGREGATIONS: readonly WindowAggregation[] = [
  { name: 'orders', function: 'count', input: 0, inputType: 'float64', windows: WINDOWS },
  { name: 'spent', function: 'sum', input: 0, inputType: 'float64', windows: WINDOWS },
  { name: 'mean_price', function: 'mean', input: 0, inputType: 'float64', windows: WINDOWS },
  { name: 'items', function: 'sum', input: 1, inputType: 'int64', windows: WINDOWS },
  { name: 'last_item', function: 'last', input: 1, inputType: 'int64', windows: WINDOWS },
]

export interface WindowUpdateOptions {
  readonly keyCount: number
  readonly eventsPerKey: number
}

export interface WindowUpdates {
  readonly features: number
  readonly updates_per_second: number
  readonly tiles_per_entity: number
  readonly bytes_per_entity: number
}

export function measureWindowUpdates({ keyCount, eventsPerKey }: WindowUpdateOptions): WindowUpdates {
  const plan = planWindows(AGGREGATIONS)
  const events = makeEvents(keyCount * eventsPerKey)
  const random = createRandom(5)
  const keys = events.map(() => randomInt(random, keyCount))
  const tiles = Array.from({ length: keyCount }, () => createTiles(plan))
  const startMs = performance.now()
  for (const [at, event] of events.entries()) addEvent(plan, tiles[keys[at]!]!, event)
  const seconds = (performance.now() - startMs) / 1_000
  let [bytes, tileCount] = [0, 0]
  for (const one of tiles) {
    dropOldTiles(plan, one, NOW_US)
    bytes += encodeTiles(plan, one).length
    for (const { starts } of one.series) tileCount += starts.length
  }
  return {
    features: plan.outputs.length,
    updates_per_second: events.length / seconds,
    tiles_per_entity: tileCount / keyCount,
    bytes_per_entity: bytes / keyCount,
  }
}

export function formatWindowUpdates(updates: WindowUpdates): string {
  return Object.entries(updates)
    .map(([fact, value]) => `window_updates ${fact}: ${Math.round(value)}`)
    .join('\n')
}

/** Events of a week in the order of their times, as a stream mostly brings them. */
function makeEvents(count: number): WindowEvent[] {
  const random = createRandom(3)
  return Array.from({ length: count }, () => NOW_US - randomInt(random, WEEK_US / 1_000) * 1_000)
    .sort((a, b) => a - b)
    .map((eventTime, sequenceIndex) => ({
      stamp: {
        eventTime,
        createdTime: eventTime + 1_000,
        sequenceTime: eventTime + 2_000,
        sequenceOrigin: '01JDCB4V8M5XJ9K2Q7RT6ZPWYN',
        sequenceIndex,
      },
      inputs: [Math.round(Math.exp(random() * 6) * 100) / 100, BigInt(1 + randomInt(random, 9))],
    }))
}

if (import.meta.main) {
  process.stdout.write(
    `${formatWindowUpdates(measureWindowUpdates({ keyCount: 10_000, eventsPerKey: 100 }))}\n`,
  )
}
