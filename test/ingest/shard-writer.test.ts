import { expect, test } from 'vitest'
import { startLoads } from '../../src/batch/start-loads.ts'
import { writeParquet } from '../../src/core/parquet.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { writerLayout } from '../../src/definitions/writer-layout.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { readFeatures } from '../../src/online/read-features.ts'
import { resolveInNewest } from '../../src/registry/resolve-name.ts'
import { applyClicks, CLICKS, clicksInWindow } from '../platform/clicks.ts'
import { statusesOf, valuesOf } from '../platform/feature-row.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000

async function start(): Promise<MemoryPlatform> {
  const platform = memoryPlatform(START)
  await applyClicks(platform)
  return platform
}

function click(at: number, price: number, user = 'ann') {
  return { at: formatInstant(at), made: formatInstant(at), user, item: 1, price }
}

async function push(platform: MemoryPlatform, ...events: object[]) {
  const answer = await pushEvents(platform, { source: 'clicks', events })
  return answer
}

async function get(
  platform: MemoryPlatform,
  { user = 'ann', consistency = 'strong' }: { user?: string; consistency?: 'strong' | 'eventual' } = {},
) {
  const resolved = await resolveInNewest(platform, 'ranker')
  const rows = parseEntities(resolved.service, [{ user, item: 1 }])
  const answer = await readFeatures(platform, resolved, { rows, consistency })
  return [valuesOf(answer.rows[0]!)[0], statusesOf(answer.rows[0]!)[0]]
}

test('a late row never overwrites a newer value and always reaches the log (S7)', async () => {
  const platform = await start()
  await push(platform, click(START, 7))
  await push(platform, click(START - 5 * SECOND, 3))
  await platform.consume()
  await platform.flush({ cut: true })
  expect(await get(platform)).toEqual(['7', 'present'])
  expect([...platform.manifest.values()].filter(({ view }) => view === 'last_click')[0]!.rowCount).toBe(2)
})

test('a message delivered again, in another batch or after a crash, has no further effect (S9)', async () => {
  const platform = await start()
  await push(platform, click(START, 7), click(START, 8, 'bob'))
  const messages = [...platform.queue]
  await platform.consume()
  platform.queue.push(...messages, ...messages)
  await platform.consume()
  platform.crash()
  platform.queue.push(...messages)
  await platform.consume()
  await platform.flush({ cut: true })
  const rows = [...platform.manifest.values()].filter(({ view }) => view === 'last_click')
  expect(rows.reduce((sum, { rowCount }) => sum + rowCount, 0)).toBe(2)
})

test('a push repeated under its Idempotency-Key answers the same and changes nothing (S9)', async () => {
  const platform = await start()
  const request = { source: 'clicks', events: [click(START, 7)], idempotency: { token: 't', key: 'k' } }
  const first = await pushEvents(platform, request)
  platform.time.now += 60 * SECOND
  expect(await pushEvents(platform, { ...request, events: [click(START, 9)] })).toEqual(first)
  expect(platform.queue).toHaveLength(1)
})

test('a row ahead of the clock is held, logged at once and served when its time comes (S4)', async () => {
  const platform = await start()
  await push(platform, click(START - SECOND, 1), click(START + 60 * SECOND, 2))
  await platform.consume()
  await platform.flush({ cut: true })
  expect(await get(platform)).toEqual(['1', 'present'])
  const logged = [...platform.manifest.values()].filter(({ view }) => view === 'last_click')
  expect(logged.reduce((sum, { rowCount }) => sum + rowCount, 0)).toBe(2)
  platform.crash()
  platform.time.now += 61 * SECOND
  await platform.flush()
  expect(await get(platform)).toEqual(['2', 'present'])
})

test('a row whose time comes while a cut is waited for is counted once, after a restart too (S4, S9)', async () => {
  const platform = memoryPlatform(START, {
    limits: { rowsPerCheckpoint: 1 },
    effect(name, run) {
      if (name === 'register') platform.time.now = START + 61 * SECOND
      return run()
    },
  })
  await applyClicks(platform, clicksInWindow('clicks', 'count'))
  await push(platform, click(START + 60 * SECOND, 2))
  await platform.consume()
  await platform.flush({ cut: true })
  await platform.flush()
  platform.crash()
  const { snapshot, service } = await resolveInNewest(platform, 'ranker')
  const rows = parseEntities(service, [{ user: 'ann' }])
  const { rows: found } = await readFeatures(platform, { snapshot, service }, { rows, consistency: 'strong' })
  expect(valuesOf(found[0]!)).toEqual(['1'])
})

test('a row more than five minutes ahead is rejected by name and the rest is taken (S4)', async () => {
  const platform = await start()
  const answer = await push(platform, click(START + 301 * SECOND, 1), click(START + 300 * SECOND, 2))
  expect(answer).toMatchObject({ accepted: 1, rejected: [{ index: 0, code: 'invalid_argument' }] })
  expect(answer.rejected[0]!.message).toContain('more than 5 minutes ahead')
})

test('exactly ttl old is served and one microsecond more is expired (S3)', async () => {
  const platform = await start()
  await push(platform, click(START, 5))
  await platform.consume()
  platform.time.now = START + 100 * SECOND
  expect(await get(platform)).toEqual(['5', 'present'])
  platform.time.now += 1
  expect(await get(platform)).toEqual(['null', 'expired'])
})

test.each(['writeBlock', 'writeSegment', 'register'] as const)(
  'a failed %s is repeated and nothing is lost',
  async (fault) => {
    const platform = await start()
    await push(platform, click(START, 7))
    await platform.consume()
    platform.faults.add(fault)
    await platform.flush({ cut: true })
    platform.crash()
    platform.time.now += 120 * SECOND
    await platform.flush({ cut: true })
    expect([...platform.manifest.values()].filter(({ view }) => view === 'last_click')).toHaveLength(1)
    expect([...platform.blocks.values()].some((text) => text.includes('"ann"'))).toBe(true)
  },
)

test('a writer puts a block at most once a second, however many rows come', async () => {
  const platform = await start()
  for (let at = 0; at < 10; at++) {
    await push(platform, click(START - at, at))
    await platform.consume()
  }
  platform.time.now += SECOND
  await platform.flush()
  // One block of the user, one of the item.
  expect(platform.counts.writeBlock).toBe(2)
})

test('puts that are due give way: what is delivered meanwhile goes with them, in the same put', async () => {
  const asked: number[] = []
  const platform: MemoryPlatform = memoryPlatform(START, {
    effect: (name, run) => (name === 'untilIdle' ? (meanwhile(run) as ReturnType<typeof run>) : run()),
  })
  async function meanwhile(run: () => unknown) {
    asked.push(platform.counts.writeBlock)
    await platform.consume()
    return run()
  }
  await applyClicks(platform)
  await push(platform, click(START - SECOND, 1))
  await platform.consume()
  await push(platform, click(START, 7))
  platform.time.now += SECOND
  await platform.work()
  // Each of the two blocks lets others go first, and holds what they brought.
  expect(asked).toEqual([0, 1])
  expect(platform.counts.writeBlock).toBe(2)
  expect(platform.nextWorkMs()).toBe(START / 1_000 + 30_000)
  expect(await get(platform, { consistency: 'eventual' })).toEqual(['7', 'present'])
  // Who waits for the puts of a flush, as a load's end does, waits for nobody else.
  await putsOf(platform, 8)
  expect(asked).toHaveLength(2)
})

test("a load's rows in a block that was put a moment ago are put a second later, not a minute (S31)", async () => {
  const platform = await start()
  await push(platform, click(START - SECOND, 1))
  await platform.consume()
  platform.time.now += 2 * SECOND
  await platform.flush()
  const puts = platform.counts.writeBlock
  const file = writeParquet([
    { name: 'at', type: 'timestamp', values: [START] },
    { name: 'made', type: 'timestamp', values: [START] },
    { name: 'user', type: 'string', values: ['ann'] },
    { name: 'item', type: 'int64', values: [1n] },
    { name: 'price', type: 'int64', values: [7n] },
  ])
  platform.land('clicks', 'a.parquet', file)
  await startLoads(platform, 'clicks', { badRowsMax: 0 })
  expect(platform.counts.writeBlock).toBe(puts)
  expect(platform.nextWorkMs()).toBe(platform.time.now / 1_000 + 1_000)
  platform.time.now += SECOND
  await platform.work()
  expect(platform.counts.writeBlock).toBe(puts + 2)
})

/** Pushes one row, has every block that waits put, and answers how many puts there were. */
async function putsOf(platform: MemoryPlatform, price: number): Promise<number> {
  const before = platform.counts.writeBlock
  await push(platform, click(START, price))
  await platform.consume()
  platform.time.now += 2 * SECOND
  await platform.flush()
  return platform.counts.writeBlock - before
}

test('a block that KV holds as it is is not put again, and keeps its publish time (S31)', async () => {
  const platform = await start()
  expect(await putsOf(platform, 7)).toBe(2)
  const texts = new Map(platform.blocks)
  expect(await putsOf(platform, 7)).toBe(0)
  expect(platform.blocks).toEqual(texts)
  expect(platform.nextWorkMs()).not.toBeNull()
  expect(await putsOf(platform, 8)).toBe(2)
  expect(await putsOf(platform, 7)).toBe(2)
})

test('a block is put again, unchanged as it is, after a put that failed and after a restart', async () => {
  const platform = await start()
  await putsOf(platform, 7)
  platform.faults.add('writeBlock')
  expect(await putsOf(platform, 8)).toBe(1)
  // What failed may have arrived: the same content as was put last before it is none that KV is known to hold.
  platform.time.now += 120 * SECOND
  expect(await putsOf(platform, 7)).toBe(2)
  platform.crash()
  expect(await putsOf(platform, 7)).toBe(2)
})

test.each(['lacking', 'damaged'] as const)(
  'a block a reader tells is %s is put again, unchanged as it is',
  async (repair) => {
    const platform = await start()
    await putsOf(platform, 7)
    const { snapshot } = await resolveInNewest(platform, 'ranker')
    const [key] = [...platform.blocks].find(([, text]) => text.includes('"ann"'))!
    const [, entity, group, bits] = key.split('/')
    platform.blocks.delete(key)
    platform.time.now += 120 * SECOND
    const layout = writerLayout(snapshot, entity!, Number.parseInt(bits!.slice(0, 1), 2))
    await platform.writers.readBlocks(layout, [{ group: group!, bits: bits! }], { repair })
    await platform.flush()
    expect(platform.blocks.has(key)).toBe(true)
  },
)

test('a block that a reader was handed meanwhile is put again, so that KV has no older one of it (S31)', async () => {
  const platform = await start()
  await putsOf(platform, 7)
  await get(platform)
  expect(await putsOf(platform, 7)).toBe(2)
})

test('a restart before all blocks are put under new versions of views puts them then (S30)', async () => {
  const platform = await start()
  await putsOf(platform, 7)
  platform.time.now += 2 * SECOND
  platform.faults.add('writeBlock')
  const item = { name: 'item', type: 'int64' as const, sql: 'item' }
  const added = { name: 'last_item', entity: 'user', source: 'clicks', features: [item] }
  await applyClicks(platform, { ...CLICKS, feature_views: [...CLICKS.feature_views!, added] })
  const blockOfAnn = () => [...platform.blocks.values()].find((text) => text.includes('"ann"'))
  expect(platform.faults.size).toBe(0)
  expect(blockOfAnn()).not.toContain('last_item@1')
  platform.crash()
  platform.time.now += 2 * SECOND
  await platform.flush()
  expect(blockOfAnn()).toContain('last_item@1')
})

/** In the place of a view of users another one, which no service has had before. */
const OTHER_VIEW: typeof CLICKS = {
  ...CLICKS,
  feature_views: [
    {
      name: 'last_item',
      entity: 'user',
      source: 'clicks',
      features: [{ name: 'item', type: 'int64', sql: 'item' }],
    },
  ],
  feature_services: [{ name: 'viewer', features: [{ view: 'last_item' }] }],
}

function rowsLogged(platform: MemoryPlatform, name: string): number {
  const segments = [...platform.manifest.values()].filter(({ view }) => view === name)
  return segments.reduce((sum, { rowCount }) => sum + rowCount, 0)
}

test('rows of a view that is dropped before they are logged are logged all the same (S7)', async () => {
  const platform = await start()
  platform.heldJobs = []
  await push(platform, click(START, 7))
  await platform.consume()
  await applyClicks(platform, OTHER_VIEW)
  await push(platform, click(START + SECOND, 8))
  await platform.consume()
  await platform.flush({ cut: true })
  expect(rowsLogged(platform, 'last_click')).toBe(1)
  expect(rowsLogged(platform, 'last_item')).toBe(1)
})

test('a delivery made under definitions that a writer has left behind is made again under its own (S33)', async () => {
  const platform = await start()
  platform.heldJobs = []
  const { deliver } = platform.writers
  let isChanged = false
  Object.assign(platform.writers, {
    async deliver(delivery: Parameters<typeof deliver>[0]) {
      if (!isChanged) {
        // The writer of raw rows has taken its part; this one comes to know of the view that is dropped first.
        isChanged = true
        await applyClicks(platform, OTHER_VIEW)
        await push(platform, click(START - SECOND, 6))
        await platform.consume()
        await platform.flush({ cut: true })
      }
      return deliver(delivery)
    },
  })
  await push(platform, click(START, 7))
  expect(await platform.consume()).toEqual([{ status: 'done' }])
  await platform.flush({ cut: true })
  expect(rowsLogged(platform, 'last_click')).toBe(0)
  expect(rowsLogged(platform, 'last_item')).toBe(2)
})

/** 3,000 rows that come to more than one row of a writer's SQLite holds. */
const LARGE = {
  ...CLICKS,
  entities: [{ ...CLICKS.entities![0]!, shards: 1 }, CLICKS.entities![1]!],
  feature_views: [
    {
      ...CLICKS.feature_views![0]!,
      features: [{ name: 'price', type: 'string' as const, sql: "repeat('x', 5000)" }],
    },
    CLICKS.feature_views![1]!,
  ],
}

test.each([
  ['a message of which a view makes', 0],
  ['rows whose time comes at once and that make', 60 * SECOND],
])(
  '%s more than an entry of the journal holds are served, after a crash too (S4, S9)',
  async (_, aheadUs) => {
    const platform = memoryPlatform(START)
    await applyClicks(platform, LARGE)
    const users = Array.from({ length: 3_000 }, (_, at) => `user${at}`)
    await push(platform, ...users.map((user) => click(START + aheadUs, 1, user)))
    expect(new Set((await platform.consume()).map(({ status }) => status))).toEqual(new Set(['done']))
    platform.time.now += aheadUs
    // A cut takes half of it at most.
    for (let cut = 0; cut < 3; cut++) await platform.flush({ cut: true })
    const value = `"${'x'.repeat(5_000)}"`
    for (const user of [users[0]!, users.at(-1)!])
      expect(await get(platform, { user })).toEqual([value, 'present'])
    platform.crash()
    for (const user of [users[0]!, users.at(-1)!])
      expect(await get(platform, { user })).toEqual([value, 'present'])
    const logged = [...platform.manifest.values()].filter(({ view }) => view === 'last_click')
    expect(logged.reduce((sum, { rowCount }) => sum + rowCount, 0)).toBe(3_000)
  },
)
