import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isReplacedBy, openBlock } from '../../src/core/block.ts'
import { writeCachedBlock } from '../../src/core/block-cache.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { serveFeatures } from '../../src/online/serve-features.ts'
import type { OnlineStore } from '../../src/platform.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { faultyOnline } from '../platform/faulty-online.ts'
import { valuesOf } from '../platform/feature-row.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000
/** In 1,024 blocks, which two operations list: more than 100 blocks are in use. */
const USERS = Array.from({ length: 150 }, (_, at) => `user-${at}`)

/** Clicks of users alone, that do not expire. */
const LASTING: DefinitionSetInput = {
  ...CLICKS,
  feature_views: CLICKS.feature_views!.slice(0, 1).map(({ ttl: _, ...view }) => view),
  feature_services: [{ name: 'ranker', features: [{ view: 'last_click' }] }],
}

/** A second later: KV takes no second put of a key before. */
async function push(platform: MemoryPlatform, users: readonly string[], price: number) {
  platform.time.now += SECOND
  const at = formatInstant(platform.time.now)
  const events = users.map((user) => ({ at, made: at, user, item: 1, price }))
  await pushEvents(platform, { source: 'clicks', events })
  await platform.consume()
  await platform.flush()
}

async function serve(
  platform: MemoryPlatform,
  users: readonly string[],
  consistency: 'eventual' | 'strong' = 'eventual',
) {
  const { rows, cost } = await serveFeatures(platform, 'ranker', {
    parseRows: (service) =>
      parseEntities(
        service,
        users.map((user) => ({ user })),
      ),
    features: undefined,
    consistency,
  })
  return { prices: rows.map((row) => Number(valuesOf(row)[0])), cost }
}

/** Everybody's price is 1, and an isolate has everybody's block. */
async function start() {
  const platform = memoryPlatform(START)
  await applyClicks(platform, LASTING)
  await push(platform, USERS, 1)
  await serve(platform, USERS)
  const store = platform.online
  const read = { keys: [] as string[], lists: 0 }
  const online: OnlineStore = {
    ...store,
    readBlocks(keys) {
      read.keys.push(...keys)
      return store.readBlocks(keys)
    },
    listHeads(space, options) {
      read.lists++
      return store.listHeads(space, options)
    },
  }
  Object.assign(platform, { online })
  const wait = async (seconds: number) => {
    platform.time.now += seconds * SECOND
  }
  return { platform, read, wait }
}

/** What is begun in the background comes after the answer: by turns of the event loop, however long they take. */
async function settle() {
  for (let turn = 0; turn < 5; turn++) await setImmediate()
}

test('of many blocks that grow old together only those that have changed are read again', async () => {
  const { platform, read, wait } = await start()
  await wait(3)
  await serve(platform, USERS)
  await settle()
  expect(read).toEqual({ keys: [], lists: 1 })
  // As good as fetched: 3 s later they are not older than 5.
  await push(platform, ['user-7', 'user-120'], 2)
  await wait(3)
  expect((await serve(platform, USERS)).prices).toEqual(USERS.map(() => 1))
  await settle()
  expect(read.lists).toBe(2)
  expect(read.keys).toHaveLength(2)
  const { prices, cost } = await serve(platform, USERS)
  expect(prices).toEqual(USERS.map((_, at) => (at === 7 || at === 120 ? 2 : 1)))
  expect(cost.kvKeys).toBe(0)
})

test('blocks too few to be worth a list are read', async () => {
  const { platform, read, wait } = await start()
  await wait(3)
  await serve(platform, USERS.slice(0, 50))
  await settle()
  expect(read.lists).toBe(0)
  expect(read.keys.length).toBeGreaterThan(40)
})

test('where heads cannot be listed, are not there or cannot be read, the blocks are read', async () => {
  const { platform, read, wait } = await start()
  const { online: store } = platform
  const failing = { ...store, listHeads: () => Promise.reject(new Error('KV is away')) }
  const others: readonly OnlineStore[] = [
    failing,
    { ...store, listHeads: async () => new Map() },
    {
      ...store,
      listHeads: async (space, options) =>
        new Map([...(await store.listHeads(space, options)).keys()].map((key) => [key, 'fe2 ?'])),
    },
  ]
  for (const online of others) {
    Object.assign(platform, { online })
    read.keys.length = 0
    await push(platform, USERS, 2)
    await wait(3)
    await serve(platform, USERS)
    await settle()
    expect(read.keys.length).toBeGreaterThan(100)
    expect((await serve(platform, USERS)).prices).toEqual(USERS.map(() => 2))
  }
  expect(platform.logged).toContain('The heads of blocks cannot be listed; the blocks are read instead')
})

test('a head with any bit flipped, or cut short, does not keep what has changed from being read (S31)', async () => {
  const { platform } = await start()
  const [key, text] = [...platform.blocks].find(([, block]) => block.includes('"user-7"'))!
  const held = openBlock(text)
  await push(platform, ['user-7'], 2)
  const heads = await platform.online.listHeads({ entity: 'user', group: 'main' }, { operationsMax: 6 })
  const head = heads.get(key)!
  expect(isReplacedBy(held, head)).toBe(true)
  for (let at = 0; at < head.length; at++) {
    expect(isReplacedBy(held, head.slice(0, at)), `cut at ${at}`).toBe(true)
    for (let bit = 0; bit < 8; bit++) {
      const flipped = String.fromCharCode(head.charCodeAt(at) ^ (1 << bit))
      const damaged = head.slice(0, at) + flipped + head.slice(at + 1)
      expect(isReplacedBy(held, damaged), `bit ${bit} of character ${at}`).toBe(true)
    }
  }
})

test('a text of the same millisecond that says something else is read', async () => {
  const { platform, read, wait } = await start()
  // What a writer answered in that millisecond, before it took the row that it then put.
  const [key, text] = [...platform.blocks].find(([, block]) => block.includes('"user-7"'))!
  const held = openBlock(text)
  await push(platform, ['user-7'], 2)
  const put = openBlock(platform.blocks.get(key)!)
  writeCachedBlock(
    platform.memory.blocks,
    key,
    { ...held, publishedMs: put.publishedMs },
    platform.time.now / 1_000,
  )
  await wait(3)
  await serve(platform, USERS)
  await settle()
  expect(read.keys).toEqual([key])
})

test('a list of long ago puts nothing back (S31)', async () => {
  const { platform, wait } = await start()
  const before = await platform.online.listHeads({ entity: 'user', group: 'main' }, { operationsMax: 6 })
  await push(platform, USERS, 2)
  await wait(6)
  expect((await serve(platform, USERS)).prices).toEqual(USERS.map(() => 2))
  Object.assign(platform, { online: { ...platform.online, listHeads: async () => before } })
  await wait(3)
  await serve(platform, USERS)
  await settle()
  expect((await serve(platform, USERS)).prices).toEqual(USERS.map(() => 2))
})

test('a row that came in the very millisecond of a put is not taken back by what was put (S31)', async () => {
  const { platform, wait } = await start()
  const at = formatInstant(platform.time.now)
  const ask = (consistency: 'eventual' | 'strong') => serve(platform, ['user-7'], consistency)
  await pushEvents(platform, {
    source: 'clicks',
    events: [{ at, made: at, user: 'user-7', item: 1, price: 2 }],
  })
  await platform.consume()
  expect((await ask('strong')).prices).toEqual([2])
  // KV goes on showing what was put before: its readers lag.
  await wait(3)
  await ask('eventual')
  await settle()
  expect((await ask('eventual')).prices).toEqual([2])
})

test('with a store that shows what was up to a minute ago, no answer goes back or is older than stated (S31)', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1 }),
      fc.array(fc.record({ waitMs: fc.integer({ min: 200, max: 4_000 }), isPush: fc.boolean() }), {
        minLength: 20,
        maxLength: 40,
      }),
      async (seed, actions) => {
        let state = seed
        const random = () => {
          state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
          return state / 2 ** 32
        }
        let store!: ReturnType<typeof faultyOnline>
        const platform = memoryPlatform(START, {
          online: (clock) => {
            store = faultyOnline(clock, random, { staleMs: 60_000, putFailures: 0 })
            return store
          },
        })
        await applyClicks(platform, LASTING)
        await push(platform, USERS, 0)
        const putMs = [platform.time.now / 1_000]
        const shown = USERS.map(() => 0)
        for (const { waitMs, isPush } of actions) {
          platform.time.now += waitMs * 1_000
          if (isPush) {
            await push(platform, USERS, putMs.length)
            putMs.push(platform.time.now / 1_000)
          }
          const { prices } = await serve(platform, USERS)
          await settle()
          const nowMs = platform.time.now / 1_000
          const oldest = putMs.findLastIndex((ms) => nowMs - ms >= 65_000)
          for (const [at, price] of prices.entries()) {
            expect(price).toBeGreaterThanOrEqual(Math.max(shown[at]!, oldest))
            shown[at] = price
          }
        }
      },
    ),
    { numRuns: 10 },
  )
})
