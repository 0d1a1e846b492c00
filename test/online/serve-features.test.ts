import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { serveFeatures } from '../../src/online/serve-features.ts'
import type { Platform } from '../../src/platform.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { statusesOf, valuesOf } from '../platform/feature-row.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')

async function start() {
  const platform = memoryPlatform(START)
  await applyClicks(platform)
  await pushClick(platform, 7)
  return platform
}

async function pushClick(platform: ReturnType<typeof memoryPlatform>, price: number) {
  const at = formatInstant(platform.time.now)
  await pushEvents(platform, { source: 'clicks', events: [{ at, made: at, user: 'ann', item: 1, price }] })
  await platform.consume()
  await platform.flush()
}

function serve(platform: Platform, entity: object, features?: readonly string[]) {
  return serveFeatures(platform, 'ranker', {
    parseRows: (service) => parseEntities(service, [{ ...entity }]),
    features,
    consistency: 'eventual',
  })
}

test('serveFeatures() counts what a read cost: keys first, then none while the cache lasts', async () => {
  const platform = await start()
  const entity = { user: 'ann', item: 1 }
  const { cost: cold } = await serve(platform, entity)
  expect(cold).toMatchObject({ cachedBlocks: 0, kvKeys: 2, refreshedBlocks: 0, writers: 0 })
  const { cost: warm } = await serve(platform, entity)
  expect(warm).toMatchObject({ cachedBlocks: 2, kvKeys: 0, refreshedBlocks: 0, writers: 0 })
  platform.time.now += 4_000_000
  const { cost: aging } = await serve(platform, entity)
  expect(aging).toMatchObject({ cachedBlocks: 2, kvKeys: 0, refreshedBlocks: 2, writers: 0 })
  const { cost: unknown } = await serve(platform, { user: 'never', item: 1 })
  expect(unknown).toMatchObject({ cachedBlocks: 1, kvKeys: 1, writers: 1 })
})

/** Of the queue, before it hands over a batch (`wrangler.toml`). */
const BATCH_MS = 1_000
const POLL_MS = 50

test('whoever polls sees a pushed event within 5 s, however old its block is when the event comes (S31)', async () => {
  for (let ageMs = 0; ageMs < 5_000; ageMs += 250) {
    const platform = await start()
    const read = async () => valuesOf((await serve(platform, { user: 'ann', item: 1 })).rows[0]!)[0]
    const poll = async (ms: number) => {
      for (let polledMs = 0; polledMs < ms; polledMs += POLL_MS) {
        platform.time.now += POLL_MS * 1_000
        if ((platform.nextWorkMs() ?? Number.POSITIVE_INFINITY) <= platform.time.now / 1_000)
          await platform.work()
        if ((await read()) === '8') return true
        // What is read again comes in the background.
        await setImmediate()
        await setImmediate()
      }
      return false
    }
    await poll(ageMs)
    const at = formatInstant(platform.time.now)
    await pushEvents(platform, {
      source: 'clicks',
      events: [{ at, made: at, user: 'ann', item: 1, price: 8 }],
    })
    expect(await poll(BATCH_MS)).toBe(false)
    await platform.consume()
    expect(await poll(5_000 - BATCH_MS), `its block was ${ageMs} ms old`).toBe(true)
  }
})

test('a block cached before its view had this version is read again, not answered as error (S30)', async () => {
  const platform = await start()
  await serve(platform, { user: 'ann', item: 1 })
  const [lastClick, lastSale] = CLICKS.feature_views!
  const price = { name: 'price', type: 'int64', sql: 'item' } as const
  await applyClicks(platform, { ...CLICKS, feature_views: [lastClick!, { ...lastSale!, features: [price] }] })
  await pushClick(platform, 8)
  platform.memory.served = undefined
  const { rows } = await serve(platform, { user: 'ann', item: 1 })
  expect(statusesOf(rows[0]!)).toEqual(['present', 'present'])
  expect(valuesOf(rows[0]!)[1]).toBe('1')
})

test('an answer made again under a newer generation keeps to the inputs and features asked for (S30)', async () => {
  const platform = await start()
  await serve(platform, { user: 'ann', item: 1 })
  // This isolate goes on with its snapshot; its writer and KV's blocks know the next one.
  const views = CLICKS.feature_views!.map((view) => ({
    ...view,
    features: [{ name: 'price', type: 'int64' as const, sql: 'item' }],
  }))
  const [service] = CLICKS.feature_services!
  const reversed = { ...service!, features: service!.features.toReversed() }
  await applyClicks(platform, { ...CLICKS, feature_views: views, feature_services: [reversed] })
  platform.time.now += 1_000_000
  await pushClick(platform, 8)
  platform.memory.blocks.entries.clear()
  const served = await serve(platform, { user: 'ann', item: 1 }, ['user_price'])
  // Both blocks from KV under the former generation, of which the isolate has what the writers said under the newer one.
  expect(served.cost).toMatchObject({ cachedBlocks: 2, kvKeys: 2, writers: 2 })
  expect(served.snapshot.generation).toBe(await platform.registry.readGeneration())
  expect(served.service.features.map(({ name }) => name)).toEqual(['user_price'])
  expect(valuesOf(served.rows[0]!)).toEqual(['1'])
  expect(statusesOf(served.rows[0]!)).toEqual(['present'])
})

test('a view that comes back to its group within a minute is served, though KV shows what was there before (S30)', async () => {
  const own = {
    ...CLICKS,
    feature_views: CLICKS.feature_views!.map((view) =>
      view.entity === 'user' ? { ...view, block_group: 'own' } : view,
    ),
  }
  const ann = { user: 'ann', item: 1 }
  const platform = memoryPlatform(START)
  await applyClicks(platform, own)
  await pushClick(platform, 7)
  const before = new Map(platform.blocks)
  await serve(platform, ann)
  // This isolate goes on with its snapshot, and is told by the writer that the group is gone.
  await applyClicks(platform, CLICKS)
  platform.time.now += 1_000_000
  await pushClick(platform, 7)
  platform.memory.blocks.entries.clear()
  for (const key of before.keys()) platform.blocks.delete(key)
  expect(statusesOf((await serve(platform, ann)).rows[0]!)).toEqual(['present', 'present'])
  await applyClicks(platform, own)
  for (const [key, text] of before) platform.blocks.set(key, text)
  platform.memory.served = undefined
  expect(statusesOf((await serve(platform, ann)).rows[0]!)).toEqual(['present', 'present'])
})

test('a BatchGet of 1,000 rows over two entities asks for each block once, in one read', async () => {
  const platform = await start()
  const reads: string[][] = []
  const online: Platform['online'] = {
    ...platform.online,
    async readBlocks(keys) {
      reads.push([...keys])
      return platform.online.readBlocks(keys)
    },
  }
  const entities = Array.from({ length: 1_000 }, (_, at) => ({ user: `u${at}`, item: at }))
  const { cost } = await serveFeatures({ ...platform, online }, 'ranker', {
    parseRows: (service) => parseEntities(service, entities),
    features: undefined,
    consistency: 'eventual',
  })
  expect(reads).toHaveLength(1)
  expect(new Set(reads[0]).size).toBe(reads[0]!.length)
  expect(cost.kvKeys).toBe(reads[0]!.length)
})

test('a writer is asked for no more blocks at once than its answer holds, however many it has, and counts once', async () => {
  const platform = await start()
  const asked: number[] = []
  const writers: Platform['writers'] = {
    ...platform.writers,
    async readBlocks(layout, blocks, options) {
      asked.push(blocks.length)
      return platform.writers.readBlocks(layout, blocks, options)
    },
  }
  const entities = Array.from({ length: 1_000 }, (_, at) => ({
    user: at === 999 ? 'ann' : `u${at}`,
    item: 1,
  }))
  const { rows, cost } = await serveFeatures({ ...platform, writers }, 'ranker', {
    parseRows: (service) => parseEntities(service, entities),
    features: ['user_price'],
    consistency: 'strong',
  })
  expect(Math.max(...asked)).toBeLessThanOrEqual(100)
  expect(cost.writers).toBe(3)
  expect(rows.map((row) => statusesOf(row)[0])).toEqual([...Array(999).fill('missing'), 'present'])
})
