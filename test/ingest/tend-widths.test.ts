import { expect, test } from 'vitest'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { writerLayout } from '../../src/definitions/writer-layout.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { readWritingSnapshot } from '../../src/registry/current-snapshot.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000
const USERS = Array.from({ length: 20 }, (_, at) => `user${at}`)

/** A store with a row of each user, all of them in checkpoints and in KV. */
async function start(): Promise<MemoryPlatform> {
  const platform = memoryPlatform(START, { limits: { rowsPerCheckpoint: 0 } })
  await applyClicks(platform)
  const at = formatInstant(START)
  const events = USERS.map((user) => ({ at, made: at, user, item: 1, price: 7 }))
  await pushEvents(platform, { source: 'clicks', events })
  await platform.consume()
  await platform.flush({ cut: true })
  return platform
}

async function snapshotOf(platform: MemoryPlatform) {
  return readWritingSnapshot(platform, { entities: ['user'], viewsOf: ['user'] })
}

/** Asks both writers of users again and again until nothing of the width is left to be done. */
async function tend(platform: MemoryPlatform, method: 'addWidth' | 'dropWidth', blockBits: number) {
  const snapshot = await snapshotOf(platform)
  let left = 1
  for (let round = 0; left > 0; round++) {
    expect(round, `${left} blocks are left`).toBeLessThan(100)
    left = 0
    for (const shard of [0, 1])
      left += await platform.writers[method](writerLayout(snapshot, 'user', shard), {
        group: 'main',
        blockBits,
      })
    platform.time.now += 2 * SECOND
    await platform.flush()
  }
}

/** Texts of the users' blocks in KV of a width, by their bits. */
function blocksIn(platform: MemoryPlatform, blockBits: number): Map<string, string> {
  return new Map(
    [...platform.blocks].flatMap(([key, text]) => {
      const [, entity, , bits] = key.split('/')
      return entity === 'user' && bits!.length === blockBits ? [[bits!, text]] : []
    }),
  )
}

/** Bits of the blocks that readers have now, and one more. */
async function nextBits(platform: MemoryPlatform) {
  const { entities } = await snapshotOf(platform)
  return entities.user!.groups[0]!.blockBits + 1
}

test('a width that is dropped and added again is put again as a whole, unchanged as its blocks are (S30)', async () => {
  const platform = await start()
  const bits = await nextBits(platform)
  await tend(platform, 'addWidth', bits)
  const first = [...blocksIn(platform, bits).keys()]
  expect(first).toHaveLength(2 ** bits)
  await tend(platform, 'dropWidth', bits)
  expect(blocksIn(platform, bits).size).toBe(0)
  await tend(platform, 'addWidth', bits)
  expect([...blocksIn(platform, bits).keys()].sort()).toEqual(first.sort())
})

test('all blocks of a width are put under new versions of views, though checkpoints are of wider ranges (S30)', async () => {
  const platform = await start()
  const bits = await nextBits(platform)
  await tend(platform, 'addWidth', bits)
  platform.crash()
  // Nothing has come from its source: it is filled at once, and no row brings a block into memory.
  const [clicks] = CLICKS.sources!
  await applyClicks(platform, {
    ...CLICKS,
    sources: [...CLICKS.sources!, { ...clicks!, name: 'visits' }],
    feature_views: [
      ...CLICKS.feature_views!,
      {
        name: 'last_visit',
        entity: 'user',
        source: 'visits',
        features: [{ name: 'visit', type: 'int64', sql: 'price' }],
      },
    ],
  })
  const snapshot = await snapshotOf(platform)
  for (const shard of [0, 1]) await platform.writers.announce(writerLayout(snapshot, 'user', shard))
  const texts = [...blocksIn(platform, bits).values()].filter((text) => text.includes('"user'))
  expect(texts.length).toBeGreaterThan(1)
  for (const text of texts) expect(text).toContain('last_visit@1')
})

test('a fill of a width that was given up midway and is begun again comes to its end (S30)', async () => {
  const platform = await start()
  const bits = await nextBits(platform)
  const snapshot = await snapshotOf(platform)
  for (const shard of [0, 1])
    await platform.writers.addWidth(writerLayout(snapshot, 'user', shard), { group: 'main', blockBits: bits })
  await platform.flush()
  platform.time.now += 2 * SECOND
  platform.faults.add('writeBlock')
  await platform.flush()
  expect(platform.faults.size).toBe(0)
  await tend(platform, 'dropWidth', bits)
  await tend(platform, 'addWidth', bits)
  expect(blocksIn(platform, bits).size).toBe(2 ** bits)
})

/** The users' view in a group of its own, and not. */
const OWN = {
  ...CLICKS,
  feature_views: CLICKS.feature_views!.map((view) =>
    view.entity === 'user' ? { ...view, block_group: 'own' } : view,
  ),
}

async function applyWidely(platform: MemoryPlatform, set: typeof CLICKS) {
  await applyClicks(platform, set)
  const snapshot = await snapshotOf(platform)
  for (const shard of [0, 1]) await platform.writers.announce(writerLayout(snapshot, 'user', shard))
}

async function restAMinute(platform: MemoryPlatform) {
  for (let second = 0; second < 60; second++) {
    platform.time.now += SECOND
    await platform.flush()
  }
}

function keysOf(platform: MemoryPlatform, group: string): string[] {
  return [...platform.blocks.keys()].filter((key) => key.startsWith(`block/user/${group}/`))
}

/** Some of them in the blocks that are deleted first. */
const MANY = Array.from({ length: 100 }, (_, at) => `user${at}`)

test('nothing is left in KV of a group that is gone, though its blocks had yet to be put', async () => {
  const platform = memoryPlatform(START)
  await applyClicks(platform, OWN)
  for (const price of [7, 8]) {
    const at = formatInstant(platform.time.now)
    const events = MANY.map((user) => ({ at, made: at, user, item: 1, price }))
    await pushEvents(platform, { source: 'clicks', events })
    await platform.consume()
    // The next put waits until a second has passed.
    if (price === 7) await platform.flush()
  }
  await applyWidely(platform, CLICKS)
  await restAMinute(platform)
  expect(keysOf(platform, 'own')).toEqual([])
  expect(keysOf(platform, 'main')).not.toEqual([])
})

test('the blocks of a group that is gone and comes again are put again, unchanged as they are (S30)', async () => {
  const platform = await start()
  await applyWidely(platform, OWN)
  await restAMinute(platform)
  const before = keysOf(platform, 'own').sort()
  expect(before).not.toEqual([])
  await applyWidely(platform, CLICKS)
  await restAMinute(platform)
  await applyWidely(platform, OWN)
  await restAMinute(platform)
  expect(keysOf(platform, 'own').sort()).toEqual(before)
})

test.each([
  ['has been divided', 100],
  ['is being divided', 4],
])('nothing is left in KV of a group that is gone and %s before (S11)', async (_, rounds) => {
  const platform = await start()
  const bits = await nextBits(platform)
  const snapshot = await snapshotOf(platform)
  for (let round = 0; round < rounds; round++) {
    for (const shard of [0, 1])
      await platform.writers.addWidth(writerLayout(snapshot, 'user', shard), {
        group: 'main',
        blockBits: bits,
      })
    platform.time.now += 2 * SECOND
    await platform.flush()
  }
  expect(blocksIn(platform, bits).size).toBeGreaterThan(0)
  await applyWidely(platform, OWN)
  await restAMinute(platform)
  expect(keysOf(platform, 'main')).toEqual([])
})
