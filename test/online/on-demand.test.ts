import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { getJson } from '../../src/http/feature-json.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { serveFeatures } from '../../src/online/serve-features.ts'
import { resolveInNewest } from '../../src/registry/resolve-name.ts'
import { applyClicks } from '../platform/clicks.ts'
import { statusesOf, valuesOf } from '../platform/feature-row.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'
import { RATIO_NAMES, RATIOS } from '../platform/ratios.ts'

const START = parseInstant('2026-01-01T00:00:00Z')

async function start(prices: Readonly<Record<number, number | null>> = { 1: 8 }) {
  const platform = memoryPlatform(START)
  await applyClicks(platform, RATIOS)
  const at = formatInstant(START)
  const events = Object.entries(prices).map(([item, price]) => ({ at, made: at, user: 'ann', item, price }))
  await pushEvents(platform, { source: 'clicks', events })
  await platform.consume()
  await platform.flush()
  platform.time.now += 1_000_000
  return platform
}

type Platform = Awaited<ReturnType<typeof start>>

function serve(platform: Platform, entities: readonly object[], features?: readonly string[]) {
  return serveFeatures(platform, 'ranker', {
    parseRows: (service) =>
      parseEntities(
        service,
        entities.map((entity) => ({ ...entity })),
      ),
    features,
    consistency: 'eventual',
  })
}

test('computed features stand where the service has them, with their status and the time of the request', async () => {
  const platform = await start()
  const { service, rows } = await serve(platform, [{ user: 'ann', item: 1, budget: 5 }])
  expect(service.inputs).toEqual([
    { name: 'user', type: 'string' },
    { name: 'item', type: 'int64' },
    { name: 'budget', type: 'int64' },
  ])
  expect(service.features.map(({ name }) => name)).toEqual(RATIO_NAMES)
  expect(valuesOf(rows[0]!)).toEqual([
    '1.6',
    '3',
    String(Math.log(8)),
    '8',
    '"dear to ann"',
    String(Math.log(8) * 2),
    '8',
  ])
  expect(new Set(statusesOf(rows[0]!))).toEqual(new Set(['present']))
  expect(rows[0]!.eventTimes).toEqual([platform.time.now, START, platform.time.now, START])
})

test('a row without an answer is an error in the features that need it, and nowhere else (S26, S28)', async () => {
  const platform = await start({ 1: 8, 2: -8 })
  const { rows } = await serve(platform, [
    { user: 'ann', item: 1, budget: 5 },
    { user: 'ann', item: 2, budget: 0 },
    { user: 'nobody', item: 3, budget: 5 },
  ])
  expect(statusesOf(rows[0]!)).toEqual(Array(7).fill('present'))
  // Division by nullif(0, 0) is null; the logarithm of -8 is an error, and so is what is made of it.
  expect(statusesOf(rows[1]!)).toEqual(['null', 'present', 'error', 'present', 'null', 'error', 'present'])
  expect(valuesOf(rows[1]!)).toEqual(['null', '-8', 'null', '-8', 'null', 'null', '-8'])
  // What was never written enters as null.
  expect(statusesOf(rows[2]!)).toEqual(['null', 'present', 'null', 'missing', 'null', 'null', 'missing'])
  expect(valuesOf(rows[2]!)[1]).toBe('-5')
})

test('an expired input enters as null', async () => {
  const platform = await start()
  platform.time.now += 100_000_000
  const { rows } = await serve(platform, [{ user: 'ann', item: 1, budget: 5 }])
  expect(statusesOf(rows[0]!).slice(0, 4)).toEqual(['null', 'present', 'present', 'expired'])
})

test('an input that the store cannot give makes error of what reads it, and of nothing else (S28)', async () => {
  const platform = await start()
  const { readBlocks } = platform.online
  const online = {
    ...platform.online,
    readBlocks: async (keys: readonly string[]) =>
      (await readBlocks(keys)).map((text, at) => (keys[at]!.includes('item') ? null : text)),
  }
  const writers = { ...platform.writers, readBlocks: () => Promise.reject(new Error('gone')) }
  const broken = { ...platform, online, writers }
  const { rows } = await serve(broken, [{ user: 'ann', item: 1, budget: 5 }])
  expect(statusesOf(rows[0]!)).toEqual(['present', 'error', 'error', 'present', 'error', 'error', 'error'])
})

test('any features in any order are the values, statuses and times of those features (S29)', async () => {
  const platform = await start({ 1: 8, 2: -8 })
  const entities = [
    { user: 'ann', item: 1, budget: 5 },
    { user: 'ann', item: 2, budget: 0 },
  ]
  const all = await serve(platform, entities)
  const subsets = fc.shuffledSubarray([...RATIO_NAMES], { minLength: 1 })
  await fc.assert(
    fc.asyncProperty(subsets, async (names) => {
      const { service, rows } = await serve(platform, entities, names)
      expect(service.features.map(({ name }) => name)).toEqual(names)
      rows.forEach((row, at) => {
        const [some, every] = [
          JSON.parse(getJson(service, row)),
          JSON.parse(getJson(all.service, all.rows[at]!)),
        ]
        for (const part of ['features', 'statuses', 'event_times']) {
          const picked = names.map((name) => [name, every[part][name]])
          expect(some[part]).toEqual(Object.fromEntries(picked))
        }
      })
    }),
  )
})

test('a projection reads and computes what its features need, and no more (S29)', async () => {
  const platform = await start()
  const { service } = await resolveInNewest(platform, 'ranker')
  const entity = { user: 'ann', item: 1, budget: 5 }
  const { service: one } = await serve(platform, [entity], ['r_per_budget'])
  expect(one.entries.map(({ view }) => view)).toEqual(['last_click@1'])
  expect(one.onDemand).toMatchObject({ reads: [{ entry: 0 }], features: [{ feature: 0 }] })
  const { service: chained } = await serve(platform, [entity], ['twice_log'])
  expect(chained.onDemand!.features.map(({ view }) => view)).toEqual(['relative', 'verdict'])
  const { service: stored } = await serve(platform, [entity], ['item_price'])
  expect(stored.onDemand).toBeNull()
  expect(one.inputs).toEqual(service.inputs)
})

test('request inputs are needed and typed like join keys, and told by row and name (S24, S28)', async () => {
  const platform = await start()
  const entities = [
    { user: 'ann', item: 1 },
    { user: 'ann', item: 1, budget: null },
    { user: 'ann', item: 1, budget: 'much' },
    { user: 'ann', item: 1, budget: 1, bugdet: 1 },
  ]
  await expect(serve(platform, entities)).rejects.toMatchObject({
    code: 'invalid_argument',
    details: {
      faults: [
        { row: 0, name: 'budget', message: 'it is not given, a value is needed' },
        { row: 1, name: 'budget', message: 'it is null, a value is needed' },
        { row: 2, name: 'budget', message: 'Cannot read "much" as int64' },
        { row: 3, name: 'bugdet', message: 'there is no such field, did you mean "budget"?' },
      ],
    },
  })
})

test('a service of request inputs alone reads no block', async () => {
  const platform = memoryPlatform(START)
  const inputs = [{ name: 'length', type: 'float64', from: 'request' }] as const
  const features = [{ name: 'area', type: 'float64', sql: 'length * length' }] as const
  await applyClicks(platform, {
    on_demand_views: [{ name: 'square', inputs: [...inputs], features: [...features] }],
    feature_services: [{ name: 'ranker', features: [{ view: 'square' }] }],
  })
  const { rows, cost } = await serve(platform, [{ length: 1.5 }, { length: 'NaN' }])
  expect(rows.map(valuesOf)).toEqual([['2.25'], ['"NaN"']])
  expect(cost).toMatchObject({ kvKeys: 0, writers: 0 })
})
