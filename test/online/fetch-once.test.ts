import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { serveFeatures } from '../../src/online/serve-features.ts'
import type { OnlineStore } from '../../src/platform.ts'
import { applyClicks } from '../platform/clicks.ts'
import { valuesOf } from '../platform/feature-row.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const USERS = ['ann', 'bob', 'cat', 'dan', 'eve', 'fay']

/** Users with a click each, and every key that is read from KV from then on. */
async function start() {
  const platform = memoryPlatform(START)
  await applyClicks(platform)
  const at = formatInstant(platform.time.now)
  const events = USERS.map((user, price) => ({ at, made: at, user, item: 1, price }))
  await pushEvents(platform, { source: 'clicks', events })
  await platform.consume()
  await platform.flush()
  const store: OnlineStore = platform.online
  const readKeys: string[] = []
  const readFrom = (read: OnlineStore['readBlocks']) =>
    Object.assign(platform, {
      online: {
        ...store,
        readBlocks: (keys: readonly string[]) => {
          readKeys.push(...keys)
          return read(keys)
        },
      },
    })
  readFrom(store.readBlocks)
  const serve = async (users: readonly string[]) => {
    const { rows, cost } = await serveFeatures(platform, 'ranker', {
      parseRows: (service) =>
        parseEntities(
          service,
          users.map((user) => ({ user, item: 1 })),
        ),
      features: undefined,
      consistency: 'eventual',
    })
    return { prices: rows.map((row) => valuesOf(row)[0]), cost }
  }
  return { platform, store, readKeys, readFrom, serve }
}

test('requests that lack the same blocks at once read each of them once, and answer in the order asked', async () => {
  const { platform, readKeys, serve } = await start()
  const asked = USERS.map((_, first) => [...USERS.slice(first), ...USERS.slice(0, first)])
  const answers = await Promise.all(asked.map(serve))
  expect(answers.map(({ prices }) => prices)).toEqual(
    asked.map((users) => users.map((user) => String(USERS.indexOf(user)))),
  )
  expect(readKeys).toHaveLength(new Set(readKeys).size)
  expect(answers.slice(1).every(({ cost }) => cost.kvKeys === 0 && cost.cachedBlocks > 0)).toBe(true)
  expect(platform.memory.blocks.fetching.size).toBe(0)
})

test('a request reads only what nobody reads yet, beside what it waits for', async () => {
  const { readKeys, serve } = await start()
  const [some, all] = await Promise.all([serve(USERS.slice(0, 2)), serve(USERS)])
  expect(some.prices).toEqual(['0', '1'])
  expect(all.prices).toEqual(['0', '1', '2', '3', '4', '5'])
  expect(all.cost.kvKeys).toBeGreaterThan(0)
  expect(some.cost.kvKeys + all.cost.kvKeys).toBe(new Set(readKeys).size)
})

test('what a request was reading when it was cut off is read by the next that waited for it', async () => {
  const { store, readFrom, serve } = await start()
  readFrom(() => new Promise(() => {}))
  void serve(USERS)
  await setImmediate()
  readFrom(store.readBlocks)
  const { prices, cost } = await serve(USERS)
  expect(prices).toEqual(['0', '1', '2', '3', '4', '5'])
  expect(cost.kvKeys).toBeGreaterThan(0)
})

test('a read that ends in nothing leaves each request to ask KV and writers itself (S30)', async () => {
  const { platform, readFrom, serve } = await start()
  readFrom(() => Promise.reject(new Error('KV is away')))
  Object.assign(platform.memory.blocks, { bytesMax: 0 })
  const answers = await Promise.all([serve(USERS), serve(USERS)])
  expect(answers.map(({ prices }) => prices)).toEqual(Array(2).fill(['0', '1', '2', '3', '4', '5']))
  expect(answers.map(({ cost }) => cost.writers > 0)).toEqual([true, true])
})

test('a block that came of a wait is as old as its read: past 5 s it is read again (S31)', async () => {
  const { platform, store, readKeys, readFrom, serve } = await start()
  const { promise, resolve } = Promise.withResolvers<void>()
  readFrom(async (keys) => {
    await promise
    return store.readBlocks(keys)
  })
  const first = serve(['ann'])
  await setImmediate()
  const second = serve(['ann'])
  await setImmediate()
  platform.time.now += 5_000_000
  resolve()
  await Promise.all([first, second])
  expect(readKeys).toHaveLength(2 * new Set(readKeys).size)
})

test('a block that a writer answered is as old as the question: past 5 s it is read again (S31)', async () => {
  const { platform, readKeys, serve } = await start()
  platform.blocks.clear()
  const { readBlocks } = platform.writers
  Object.assign(platform.writers, {
    async readBlocks(...question: Parameters<typeof readBlocks>) {
      const texts = await readBlocks(...question)
      platform.time.now += 4_000_000
      return texts
    },
  })
  await serve(['ann'])
  platform.time.now += 1_000_000
  await serve(['ann'])
  expect(readKeys).toHaveLength(2 * new Set(readKeys).size)
})
