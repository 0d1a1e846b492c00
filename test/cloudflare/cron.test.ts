import { beforeEach, expect, test } from 'vitest'
import { describeRuns, listRefused } from '../../src/batch/describe-cron.ts'
import { startDueLoads } from '../../src/batch/start-loads.ts'
import { tick } from '../../src/cloudflare/cron.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import type { Platform } from '../../src/platform.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = 1_767_225_600_000_000
const MINUTE = 60_000_000
const SET: DefinitionSetInput = {
  ...CLICKS,
  sources: [{ ...CLICKS.sources![0]!, landing: { format: 'ndjson' } }],
}
const LINE = '{"at":"2025-12-31T23:59:59Z","made":"2025-12-31T23:59:59Z","user":"ann","item":1,"price":7}'

let platform: MemoryPlatform
beforeEach(async () => {
  platform = memoryPlatform(START)
  await applyClicks(platform, SET)
})

const land = (source: string, name: string, text: string) =>
  platform.land(source, name, new TextEncoder().encode(text))

/** What `GET /v1/jobs` says of a duty, newest first. */
async function runsOf(duty: string) {
  const cron = await describeRuns(platform)
  return cron.filter(({ name }) => name === duty)
}

/** The platform with each start of a job written down. */
function spyOnStarts() {
  const started: string[] = []
  const { start } = platform.jobs
  const jobs = {
    ...platform.jobs,
    start: async (...given: Parameters<typeof start>) => {
      started.push(given[1])
      return start(...given)
    },
  }
  return { started, watched: { ...platform, jobs } }
}

/** The platform with loads found only once `go` is called; `reached` tells that somebody waits for it. */
function hangLoads(watched: Platform) {
  const [gate, reached] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const listSources = async () => {
    reached.resolve()
    await gate.promise
    return watched.landing.listSources()
  }
  const slow = { ...watched, landing: { ...watched.landing, listSources } }
  return { slow, reached: reached.promise, go: gate.resolve }
}

test('tick() keeps what each duty did, and what it did before it had nothing to do', async () => {
  land('clicks', 'a.ndjson', LINE)
  await tick(platform)
  platform.time.now += MINUTE
  await tick(platform)
  expect(await runsOf('startDueLoads')).toEqual([
    {
      name: 'startDueLoads',
      started_time: '2026-01-01T00:01:00Z',
      ended_time: '2026-01-01T00:01:00Z',
      outcome: null,
    },
    {
      name: 'startDueLoads',
      started_time: '2026-01-01T00:00:00Z',
      ended_time: expect.any(String),
      outcome: 'loads: 1 begun',
    },
  ])
  expect(await runsOf('foldTallies')).toHaveLength(1)
})

test('tick() keeps why a duty failed, does the others, and gives the lease back', async () => {
  const list = async () => {
    throw new Error('R2 is away')
  }
  await tick({ ...platform, landing: { ...platform.landing, listSources: list } })
  expect(await runsOf('startDueLoads')).toMatchObject([{ outcome: null, error: 'Error: R2 is away' }])
  expect(await runsOf('foldTallies')).toHaveLength(1)
  land('clicks', 'a.ndjson', LINE)
  platform.time.now += MINUTE
  await tick(platform)
  expect(await runsOf('startDueLoads')).toMatchObject([{ outcome: 'loads: 1 begun' }])
})

test('ticks that overlap do a duty once, and a long one keeps the next from no other', async () => {
  land('clicks', 'a.ndjson', LINE)
  const { started, watched } = spyOnStarts()
  const { slow, reached, go } = hangLoads(watched)
  const first = tick(slow)
  await reached
  platform.time.now += MINUTE
  await tick(watched)
  expect(started).toEqual([])
  expect(await runsOf('foldTallies')).toHaveLength(1)
  go()
  await first
  expect(started).toHaveLength(1)
})

test('a duty whose tick was cut off is done by another once the lease has expired', async () => {
  land('clicks', 'a.ndjson', LINE)
  const { started, watched } = spyOnStarts()
  const { slow, reached } = hangLoads(watched)
  void tick(slow)
  await reached
  platform.time.now += 4 * MINUTE
  await tick(watched)
  expect(started).toEqual([])
  platform.time.now += MINUTE
  await tick(watched)
  expect(started).toHaveLength(1)
})

test('tick() notes a folder of an unknown source once, until there is a source', async () => {
  land('sales', 'a.ndjson', LINE)
  for (let ticks = 0; ticks < 3; ticks++) {
    await tick(platform)
    platform.time.now += MINUTE
  }
  const reason =
    'Cannot load files under "landing/sales/": there is no source of that name; apply a definition of it or delete them'
  expect((await listRefused(platform, { countMax: 100 })).page).toEqual([
    { source: 'sales', file: null, reason, time: '2026-01-01T00:00:00Z' },
  ])
  expect(platform.logged.filter((message) => message === reason)).toHaveLength(1)
  await applyClicks(platform, { ...SET, sources: [...SET.sources!, { ...SET.sources![0]!, name: 'sales' }] })
  await tick(platform)
  expect((await listRefused(platform, { countMax: 100 })).page).toEqual([])
  expect(await platform.loads.list('sales')).toMatchObject([{ file: 'a.ndjson' }])
})

test('startDueLoads() reads what the newest generation is once, however many folders there are', async () => {
  for (let at = 0; at < 30; at++) land(`sales${at}`, 'a.ndjson', LINE)
  land('clicks', 'a.ndjson', LINE)
  platform.heldJobs = []
  let reads = 0
  const readGeneration = async () => {
    reads++
    return platform.registry.readGeneration()
  }
  const watched = { ...platform, registry: { ...platform.registry, readGeneration } }
  expect(await startDueLoads(watched)).toBe('loads: 1 begun, 30 refused')
  expect(reads).toBe(1)
})

test('tick() leaves alone what S3 clients put to mark folders', async () => {
  for (const name of ['', '2026/', 'a.ndjson']) land('clicks', name, name === 'a.ndjson' ? LINE : '')
  await tick(platform)
  expect(await platform.loads.list('clicks')).toMatchObject([{ file: 'a.ndjson', status: 'succeeded' }])
  expect((await listRefused(platform, { countMax: 100 })).page).toEqual([])
})

test('tick() notes a folder of a source without landing', async () => {
  await applyClicks(platform, { ...SET, sources: [{ ...SET.sources![0]!, landing: null }] })
  land('clicks', 'a.ndjson', LINE)
  await tick(platform)
  expect((await listRefused(platform, { countMax: 100 })).page).toMatchObject([
    { source: 'clicks', file: null, reason: expect.stringContaining('declares no landing') },
  ])
})

test('tick() notes a replaced file whose rows windows would count again once (S9)', async () => {
  const [user] = SET.entities!
  await applyClicks(platform, {
    entities: [user!],
    sources: SET.sources,
    feature_views: [
      {
        name: 'clicks_of_user',
        entity: 'user',
        source: 'clicks',
        aggregations: [{ name: 'spent', function: 'sum', sql: 'price', windows: ['1h'] }],
      },
    ],
    feature_services: [],
  })
  land('clicks', 'a.ndjson', LINE)
  await tick(platform)
  land('clicks', 'a.ndjson', LINE.replace('7', '8'))
  for (let ticks = 0; ticks < 2; ticks++) {
    platform.time.now += MINUTE
    await tick(platform)
  }
  const { page: refused_files } = await listRefused(platform, { countMax: 100 })
  expect(refused_files).toMatchObject([{ source: 'clicks', file: 'a.ndjson' }])
  expect(platform.logged.filter((message) => message.includes('again with other content'))).toHaveLength(1)
  expect(await platform.loads.list('clicks')).toHaveLength(1)
  // Put back as it was, it is the file that is loaded already.
  land('clicks', 'a.ndjson', LINE)
  platform.time.now += MINUTE
  await tick(platform)
  expect((await listRefused(platform, { countMax: 100 })).page).toEqual([])
})
