import { expect, test } from 'vitest'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { readFeatures } from '../../src/online/read-features.ts'
import { resolveInNewest } from '../../src/registry/resolve-name.ts'
import { applyClicks } from '../platform/clicks.ts'
import { valuesOf } from '../platform/feature-row.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000

const DEFINITIONS: DefinitionSetInput = {
  entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'int64' }], shards: 4 }],
  sources: [
    {
      name: 'profiles',
      event_time: 'at',
      schema: [
        { name: 'at', type: 'timestamp' },
        { name: 'user', type: 'int64' },
        { name: 'score', type: 'int64' },
      ],
    },
  ],
  feature_views: [
    {
      name: 'profile',
      entity: 'user',
      source: 'profiles',
      features: [{ name: 'score', type: 'int64', sql: 'score' }],
    },
  ],
  feature_services: [{ name: 'ranker', features: [{ view: 'profile' }] }],
}

async function push(platform: MemoryPlatform, users: readonly number[], score: number) {
  const events = users.map((user) => ({ at: formatInstant(platform.time.now), user, score }))
  await pushEvents(platform, { source: 'profiles', events })
  await platform.consume()
}

/** Runs every writer's work whenever it is due, as its alarm would, for so long. */
async function pass(platform: MemoryPlatform, seconds: number) {
  const end = platform.time.now + seconds * SECOND
  while (platform.time.now < end) {
    platform.time.now = Math.min(
      end,
      Math.max(platform.time.now + 1_000, (platform.nextWorkMs() ?? 1e15) * 1_000),
    )
    await platform.work()
  }
}

async function readScores(platform: MemoryPlatform, users: readonly number[]) {
  platform.memory.blocks.entries.clear()
  const resolved = await resolveInNewest(platform, 'ranker')
  const rows = parseEntities(
    resolved.service,
    users.map((user) => ({ user })),
  )
  const read = await readFeatures(platform, resolved, { rows, consistency: 'eventual' })
  return read.rows.map((row) => Number(valuesOf(row)[0]))
}

test('a full refresh of 100,000 entities writes at most 1/40 as many KV values', async () => {
  const platform = memoryPlatform(START)
  await applyClicks(platform, DEFINITIONS)
  const users = Array.from({ length: 100_000 }, (_, user) => user)
  for (const score of [1, 2]) {
    const before = platform.counts.writeBlock
    for (let at = 0; at < users.length; at += 10_000)
      await push(platform, users.slice(at, at + 10_000), score)
    await pass(platform, 5)
    expect(platform.counts.writeBlock - before).toBeLessThanOrEqual(100_000 / 40)
    expect(await readScores(platform, [0, 1, 99_999])).toEqual([score, score, score])
    platform.time.now += 60 * SECOND
  }
})

test('a stream of one entity never writes more puts than events, with restarts in between', async () => {
  for (const gapSeconds of [0.1, 0.9, 1.1, 40]) {
    const platform = memoryPlatform(START)
    await applyClicks(platform, DEFINITIONS)
    for (let event = 1; event <= 50; event++) {
      await push(platform, [7], event)
      await pass(platform, gapSeconds)
      // A writer that has nothing to do for a while is put out of memory.
      if (platform.nextWorkMs() === null || event % 7 === 0) platform.crash()
    }
    await pass(platform, 60)
    expect(platform.counts.writeBlock).toBeLessThanOrEqual(50)
    expect(await readScores(platform, [7])).toEqual([50])
  }
})

test('a block that waits for its turn takes new rows in, and is not put again for them', async () => {
  const users = Array.from({ length: 5_000 }, (_, user) => user)
  let putCount = 0
  let pushed: Promise<void> | undefined
  const platform = memoryPlatform(START, {
    online: () => ({
      readBlocks: async (keys) => keys.map(() => null),
      listHeads: async () => new Map(),
      async writeBlock() {
        putCount++
        // The first puts take as long as it takes to refresh every block once more.
        pushed ??= push(platform, users, 2)
        await pushed
      },
      deleteBlock: async () => {},
    }),
  })
  await applyClicks(platform, DEFINITIONS)
  await push(platform, users, 1)
  await pass(platform, 60)
  const [blockCount, putsAtOnce] = [1_024, 12]
  expect(putCount).toBeLessThanOrEqual(blockCount + putsAtOnce)
  expect(await readScores(platform, [0, 4_999])).toEqual([2, 2])
})

test('writers hold no more in memory than all of them together may', async () => {
  const bytesMax = 300_000
  const platform = memoryPlatform(START, { memoryBytesMax: bytesMax })
  await applyClicks(platform, DEFINITIONS)
  const users = Array.from({ length: 5_000 }, (_, user) => user)
  let most = 0
  for (let at = 0; at < users.length; at += 100) {
    await push(platform, users.slice(at, at + 100), at)
    await pass(platform, 2)
    most = Math.max(most, platform.writerMemory().bytes)
  }
  // Beyond the bound goes what one delivery or one round of puts has just loaded.
  expect(most).toBeLessThan(2 * bytesMax)
  expect(platform.writerMemory().bytes).toBe(
    [...platform.writerMemory().blocks.keys()].reduce((sum, { bytes }) => sum + bytes, 0),
  )
  await pass(platform, 60)
  const asked = [0, 99, 100, 2_345, 4_999]
  expect(await readScores(platform, asked)).toEqual(asked.map((user) => Math.floor(user / 100) * 100))
})

test('a writer that cannot log refuses deliveries before too much waits, and loses nothing', async () => {
  const platform = memoryPlatform(START, { limits: { uncutCharsMax: 20_000, cutAgeMs: 1_000 } })
  await applyClicks(platform, DEFINITIONS)
  const users = Array.from({ length: 200 }, (_, user) => user)
  const statuses: string[] = []
  for (let round = 1; round <= 20; round++) {
    for (let shard = 0; shard < 4; shard++) platform.faults.add('writeSegment')
    const events = users.map((user) => ({ at: formatInstant(platform.time.now), user, score: round }))
    await pushEvents(platform, { source: 'profiles', events })
    const [message] = platform.queue
    const [outcome] = await platform.consume()
    statuses.push(outcome!.status)
    if (outcome!.status === 'retry') platform.queue.push(message!)
    platform.time.now += SECOND
    if (round < 12) continue
    platform.faults.clear()
    await pass(platform, 70)
  }
  expect(statuses).toContain('retry')
  expect(statuses.at(-1)).toBe('done')
  while (platform.queue.length > 0) await platform.consume()
  await pass(platform, 70)
  expect(await readScores(platform, [0, 199])).toEqual([20, 20])
})
