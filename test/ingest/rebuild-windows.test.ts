import { expect, test } from 'vitest'
import { runLoad } from '../../src/batch/run-load.ts'
import { startLoads } from '../../src/batch/start-loads.ts'
import { encodeKey, hashKey, topBits } from '../../src/core/entity-key.ts'
import { writeParquet } from '../../src/core/parquet.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { deleteKeys } from '../../src/ingest/delete-keys.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { readFeatures } from '../../src/online/read-features.ts'
import { resolveInNewest } from '../../src/registry/resolve-name.ts'
import { applyClicks, clicksInWindow } from '../platform/clicks.ts'
import { statusesOf, valuesOf } from '../platform/feature-row.ts'
import { type MemoryOptions, type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

/** In the midst of a tile of five minutes. */
const START = parseInstant('2026-01-01T12:02:00Z')
const SECOND = 1_000_000

/** A store that counts clicks and has those of ann a minute and ten seconds ago; what is logged leaves the journal at once. */
async function start(options: MemoryOptions = {}): Promise<MemoryPlatform> {
  const platform = memoryPlatform(START, { limits: { rowsPerCheckpoint: 0 }, ...options })
  await applyClicks(platform, clicksInWindow('clicks', 'count'))
  await push(platform, { seconds: [-60, -10] })
  return platform
}

async function push(platform: MemoryPlatform, { user = 'ann', seconds }: PushOptions) {
  const events = seconds.map((at) => {
    const time = formatInstant(START + at * SECOND)
    return { at: time, made: time, user, item: 1, price: 1 }
  })
  await pushEvents(platform, { source: 'clicks', events })
  await platform.consume()
}

interface PushOptions {
  readonly user?: string
  /** Seconds from `START`. */
  readonly seconds: readonly number[]
}

/** Deletes the older click and not the newer one: their tile has to be made anew. */
async function cutTile(platform: MemoryPlatform) {
  const eventTime = START - 30 * SECOND
  await deleteKeys(platform, { entity: 'user', keys: [{ user: 'ann' }], eventTime, views: null })
  await platform.consume()
}

async function countOf(
  platform: MemoryPlatform,
  { user = 'ann', consistency }: { readonly user?: string; readonly consistency: 'eventual' | 'strong' },
) {
  const resolved = await resolveInNewest(platform, 'ranker')
  const rows = parseEntities(resolved.service, [{ user }])
  const read = await readFeatures(platform, resolved, { rows, consistency })
  return [valuesOf(read.rows[0]!)[0], statusesOf(read.rows[0]!)[0]]
}

/** Loads clicks of ann, with something between the registration of the rows and their way to the writer. */
async function loadAround(
  seconds: readonly number[],
  { afterRegister }: { readonly afterRegister: (platform: MemoryPlatform) => Promise<void> },
): Promise<MemoryPlatform> {
  const platform = await start({
    async jobEffect(name, run) {
      const outcome = await run()
      if (name === 'register') await afterRegister(platform)
      return outcome
    },
  })
  const times = seconds.map((at) => START + at * SECOND)
  const file = writeParquet([
    { name: 'at', type: 'timestamp', values: times },
    { name: 'made', type: 'timestamp', values: times },
    { name: 'user', type: 'string', values: times.map(() => 'ann') },
    { name: 'item', type: 'int64', values: times.map(() => 1n) },
    { name: 'price', type: 'int64', values: times.map(() => 1n) },
  ])
  platform.land('clicks', 'a.parquet', file)
  await startLoads(platform, 'clicks', { badRowsMax: 0 })
  return platform
}

test.each([false, true])(
  'rows of a load that windows were made anew from are not counted again by its sync, after a restart (%s) either (S9, S10)',
  async (isRestarted) => {
    const platform = await loadAround([-20, -5], {
      async afterRegister(within) {
        await cutTile(within)
        await within.flush({ cut: true })
        if (isRestarted) within.crash()
      },
    })
    expect(await countOf(platform, { consistency: 'strong' })).toEqual(['3', 'present'])
  },
)

test('windows whose log could not be read are made anew after a restart, without anybody asking for them (S10)', async () => {
  let isReading = true
  const platform = await start({
    effect(name, run) {
      if (name === 'list' && !isReading) throw new Error('R2 does not answer')
      return run()
    },
  })
  await platform.flush({ cut: true })
  platform.time.now += 2 * SECOND
  isReading = false
  await cutTile(platform)
  await platform.flush({ cut: true })
  expect((await countOf(platform, { consistency: 'eventual' }))[1]).toBe('error')
  platform.crash()
  isReading = true
  platform.time.now += 2 * SECOND
  await platform.flush()
  platform.time.now += 2 * SECOND
  await platform.work()
  platform.time.now += 60 * SECOND
  expect(await countOf(platform, { consistency: 'eventual' })).toEqual(['1', 'present'])
})

test('a journal that gets long is trimmed though windows cannot be made anew, and a restart makes them (S10)', async () => {
  let isReading = false
  const platform = await start({
    limits: { rowsPerCheckpoint: 0, journalCharsMax: 1_000 },
    effect(name, run) {
      if (name === 'list' && !isReading) throw new Error('R2 does not answer')
      return run()
    },
  })
  await cutTile(platform)
  for (let round = 0; round < 20; round++) {
    await push(platform, { seconds: Array.from({ length: 12 }, (_, at) => -20 + at) })
    platform.time.now += 2 * SECOND
    await platform.flush({ cut: true })
  }
  const journal = platform.writerTexts().flatMap((text) => text.split('\n'))
  expect(journal.filter((line) => line.startsWith('activity@1\t'))).toEqual([])
  platform.crash()
  isReading = true
  platform.time.now += 2 * SECOND
  // Nobody asks for the windows.
  await platform.work()
  platform.time.now += 2 * SECOND
  await platform.work()
  platform.time.now += 60 * SECOND
  expect(await countOf(platform, { consistency: 'eventual' })).toEqual(['241', 'present'])
})

test('windows that cannot be made anew keep no others of their writer from it (S10)', async () => {
  const users = Array.from({ length: 12 }, (_, at) => `user${at}`).filter(
    (user) => topBits(hashKey(encodeKey(['string'], [user])).high, 1) === 0,
  )
  expect(users.length).toBeGreaterThan(2)
  let failures = 1
  const platform = memoryPlatform(START, {
    effect(name, run) {
      if (name === 'list' && failures-- > 0) throw new Error('a segment is gone')
      return run()
    },
  })
  await applyClicks(platform, clicksInWindow('clicks', 'count'))
  for (const user of users) await push(platform, { user, seconds: [-60, -10] })
  const keys = users.map((user) => ({ user }))
  await deleteKeys(platform, { entity: 'user', keys, eventTime: START - 30 * SECOND, views: null })
  await platform.consume()
  await platform.flush()
  const counts = await Promise.all(users.map((user) => countOf(platform, { user, consistency: 'strong' })))
  const others = users.slice(1).map(() => ['1', 'present'])
  expect(counts).toEqual([['null', 'error'], ...others])
})

test('windows that a checkpoint holds cut through are made anew after a restart (S10)', async () => {
  const platform = await start({ memoryBytesMax: 1 })
  await cutTile(platform)
  platform.crash()
  await platform.flush()
  expect(await countOf(platform, { consistency: 'strong' })).toEqual(['1', 'present'])
})

test('a row whose time comes while windows are made anew is counted once, when it is released (S4, S10)', async () => {
  let isPassing = false
  const platform = await start({
    effect(name, run) {
      if (name === 'list' && isPassing) platform.time.now = START + 31 * SECOND
      return run()
    },
  })
  await push(platform, { seconds: [30] })
  await cutTile(platform)
  isPassing = true
  await platform.flush({ cut: true })
  await platform.flush()
  expect(await countOf(platform, { consistency: 'strong' })).toEqual(['2', 'present'])
})

test.each(['at once', 'after a restart'])(
  "a load's event that was ahead of the clock when windows were made anew is counted, %s (S4, S10)",
  async (when) => {
    const platform = memoryPlatform(START, { limits: { rowsPerCheckpoint: 1 } })
    await applyClicks(platform, clicksInWindow('spent', 'sum'))
    const events = [40, 5].map((ago, at) => {
      const time = formatInstant(START - ago * SECOND)
      return { at: time, made: time, user: 'ann', item: 1, price: 10 ** at }
    })
    await pushEvents(platform, { source: 'clicks', events })
    await platform.consume()
    const times = [START - 10 * SECOND, START + 60 * SECOND]
    const file = writeParquet([
      { name: 'at', type: 'timestamp', values: times },
      { name: 'made', type: 'timestamp', values: times },
      { name: 'user', type: 'string', values: ['ann', 'ann'] },
      { name: 'item', type: 'int64', values: [1n, 1n] },
      { name: 'price', type: 'int64', values: [100n, 1000n] },
    ])
    platform.land('clicks', 'a.parquet', file)
    platform.heldJobs = []
    await startLoads(platform, 'clicks', { badRowsMax: 0 })
    await runLoad(platform, platform.heldJobs[0]!, {
      async step(name, work) {
        // History has the load by now, and the writer has yet to be brought its share.
        if (name === 'run 0 sync 0') {
          const eventTime = START - 20 * SECOND
          await deleteKeys(platform, { entity: 'user', keys: [{ user: 'ann' }], eventTime, views: null })
          await platform.consume()
          await platform.flush({ cut: true })
          if (when === 'after a restart') {
            await platform.flush()
            platform.crash()
          }
          platform.time.now += 61 * SECOND
        }
        return work()
      },
      async sleep() {},
    })
    const { snapshot, service } = await resolveInNewest(platform, 'ranker')
    const rows = parseEntities(service, [{ user: 'ann' }])
    const read = await readFeatures(platform, { snapshot, service }, { rows, consistency: 'strong' })
    expect(valuesOf(read.rows[0]!)).toEqual(['1110'])
  },
)
