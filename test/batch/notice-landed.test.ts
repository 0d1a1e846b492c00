import { beforeEach, expect, test } from 'vitest'
import { describeRuns, listRefused } from '../../src/batch/describe-cron.ts'
import { noticeLanded } from '../../src/batch/notice-landed.ts'
import { startDueLoads } from '../../src/batch/start-loads.ts'
import { FeatureStoreError } from '../../src/core/error.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = 1_767_225_600_000_000
const SET = { ...CLICKS, sources: [{ ...CLICKS.sources![0]!, landing: { format: 'ndjson' as const } }] }
const LINE = '{"at":"2025-12-31T23:59:59Z","made":"2025-12-31T23:59:59Z","user":"ann","item":1,"price":7}'

let platform: MemoryPlatform
beforeEach(async () => {
  platform = memoryPlatform(START)
  await applyClicks(platform, SET)
})

const land = (source: string, name: string, text = LINE) =>
  platform.land(source, name, new TextEncoder().encode(text))

/** A message as R2 sends it. */
function notice(action: string, key: string, bucket = 'featheredge'): string {
  return JSON.stringify({
    account: '3f4b7e3dcab231cbfdaa90a6a28bd548',
    action,
    bucket,
    object: action.includes('Delet') ? { key } : { key, size: LINE.length, eTag: 'c846ff7a18f28c2e' },
    eventTime: '2026-01-01T00:00:00.379Z',
    ...(action === 'CopyObject' && { copySource: { bucket: 'elsewhere', object: 'a.ndjson' } }),
  })
}

const statuses = async (...bodies: string[]) =>
  (await noticeLanded(platform, bodies)).map(({ status }) => status)

/** What `GET /v1/jobs` says came of notices last. */
async function lastRun() {
  const cron = await describeRuns(platform)
  return cron.find(({ name }) => name === 'noticeLanded')
}

test.each(['PutObject', 'CopyObject', 'CompleteMultipartUpload'])(
  'noticeLanded() loads a file that %s made, and says so among the runs of Cron',
  async (action) => {
    land('clicks', '2026/01/a.ndjson')
    expect(await statuses(notice(action, 'landing/clicks/2026/01/a.ndjson'))).toEqual(['done'])
    expect(await platform.loads.list('clicks')).toMatchObject([
      { file: '2026/01/a.ndjson', status: 'succeeded' },
    ])
    expect(await lastRun()).toMatchObject({ outcome: 'notices: 1 begun' })
  },
)

test('a file is one load however often it is noticed and whoever finds it first (S9)', async () => {
  const key = 'landing/clicks/a.ndjson'
  const twice = [notice('PutObject', key), notice('CopyObject', key)]
  land('clicks', 'a.ndjson')
  const started: string[] = []
  const { start } = platform.jobs
  Object.assign(platform.jobs, {
    async start(...given: Parameters<typeof start>) {
      started.push(given[1])
      return start(...given)
    },
  })
  await Promise.all([noticeLanded(platform, twice), startDueLoads(platform)])
  await noticeLanded(platform, twice)
  expect(await startDueLoads(platform)).toBeUndefined()
  expect(await platform.loads.list('clicks')).toMatchObject([{ status: 'succeeded' }])
  expect(new Set(started).size).toBe(1)
})

test('a notice of a file that was replaced since loads what lies there now', async () => {
  const key = 'landing/clicks/a.ndjson'
  land('clicks', 'a.ndjson')
  land('clicks', 'a.ndjson', LINE.replace('7', '8'))
  await noticeLanded(platform, [notice('PutObject', key)])
  const { etag } = (await platform.landing.find('clicks', 'a.ndjson'))!
  expect(await platform.loads.list('clicks')).toMatchObject([{ etag, status: 'succeeded' }])
})

test('a load that failed is not begun again by a notice', async () => {
  land('clicks', 'a.ndjson', 'no JSON')
  const body = notice('PutObject', 'landing/clicks/a.ndjson')
  await noticeLanded(platform, [body])
  const [failed] = await platform.loads.list('clicks')
  expect(failed).toMatchObject({ status: 'failed' })
  platform.time.now += 1_000_000
  await noticeLanded(platform, [body])
  expect(await platform.loads.list('clicks')).toEqual([failed])
})

test.each(['DeleteObject', 'LifecycleDeletion'])(
  '%s is ignored with a word among the runs',
  async (action) => {
    land('clicks', 'a.ndjson')
    expect(await statuses(notice(action, 'landing/clicks/a.ndjson'))).toEqual(['done'])
    expect(await platform.loads.list('clicks')).toEqual([])
    expect(await lastRun()).toMatchObject({ outcome: 'notices: 1 deletions ignored' })
    expect(platform.logged).toEqual([])
  },
)

test.each([
  ['that is no JSON', 'damaged'],
  ['that is no object', '[1]'],
  ['of another shape', '{"type":"cf.r2.bucket.created","payload":{"name":"featheredge"}}'],
  ['without a key', '{"action":"PutObject","bucket":"featheredge","object":{}}'],
  ['of an unknown action', notice('RenameObject', 'landing/clicks/a.ndjson')],
  ['of a key outside landing', notice('PutObject', 'labels/a.ndjson')],
  ['of a key that only contains landing', notice('PutObject', 'old/landing/clicks/a.ndjson')],
  ['of a file in no folder', notice('PutObject', 'landing/a.ndjson')],
  ["of a folder's mark", notice('PutObject', 'landing/clicks/')],
  ['of another bucket', notice('PutObject', 'landing/clicks/elsewhere.ndjson', 'elsewhere')],
  ['of a file that is gone', notice('PutObject', 'landing/clicks/gone.ndjson')],
  ['of a file of an unknown source that is gone', notice('PutObject', 'landing/sales/gone.ndjson')],
])('a message %s is done with once, logged, and starts nothing', async (_, body) => {
  land('clicks', 'a.ndjson')
  expect(await statuses(body)).toEqual(['done'])
  expect(platform.logged).toEqual(['A notification names no file to load and is passed over'])
  expect(await lastRun()).toMatchObject({ outcome: 'notices: 1 passed over' })
  expect(await platform.loads.list('clicks')).toEqual([])
  expect((await listRefused(platform, { countMax: 100 })).page).toEqual([])
})

test('noticeLanded() notes what cannot be loaded, once, as Cron does', async () => {
  land('sales', 'a.ndjson')
  land('sales', 'b.ndjson')
  const bodies = ['a', 'b'].map((name) => notice('PutObject', `landing/sales/${name}.ndjson`))
  expect(await statuses(...bodies)).toEqual(['done', 'done'])
  const { page: refused_files } = await listRefused(platform, { countMax: 100 })
  expect(refused_files).toMatchObject([
    { source: 'sales', file: null, reason: expect.stringContaining('there is no source of that name') },
  ])
  expect(await lastRun()).toMatchObject({ outcome: 'notices: 1 refused' })
  await noticeLanded(platform, bodies)
  await startDueLoads(platform)
  expect((await listRefused(platform, { countMax: 100 })).page).toEqual(refused_files)
  expect(platform.logged.filter((line) => line.includes('landing/sales/'))).toHaveLength(1)
})

test('messages of a source whose loads cannot be begun come again, and keep those of no other', async () => {
  await applyClicks(platform, { ...SET, sources: [...SET.sources, { ...SET.sources[0]!, name: 'sales' }] })
  land('clicks', 'a.ndjson')
  land('sales', 'a.ndjson')
  const bodies = ['clicks', 'sales'].map((source) => notice('PutObject', `landing/${source}/a.ndjson`))
  const { find } = platform.landing
  const away = {
    ...platform,
    landing: {
      ...platform.landing,
      find: async (...given: Parameters<typeof find>) => {
        if (given[0] === 'clicks') throw new FeatureStoreError('unavailable', 'R2 is away')
        return find(...given)
      },
    },
  }
  const outcomes = await noticeLanded(away, [...bodies, 'damaged'])
  expect(outcomes.map(({ status }) => status)).toEqual(['retry', 'done', 'done'])
  expect(await lastRun()).toMatchObject({ outcome: null, error: 'R2 is away' })
  expect(await platform.loads.list('sales')).toHaveLength(1)
  expect(await statuses(...bodies)).toEqual(['done', 'done'])
  expect(await platform.loads.list('clicks')).toHaveLength(1)
})

test('a tick of Cron begins 200 loads, of all sources together; the others follow (1,000 queries of D1 a tick)', async () => {
  await applyClicks(platform, { ...SET, sources: [...SET.sources, { ...SET.sources[0]!, name: 'sales' }] })
  platform.heldJobs = []
  for (let at = 0; at < 150; at++) for (const source of ['clicks', 'sales']) land(source, `${at}.ndjson`)
  const deeds = []
  for (let tick = 0; tick < 3; tick++) deeds.push(await startDueLoads(platform))
  expect(deeds).toEqual(['loads: 200 begun', 'loads: 100 begun', undefined])
  expect(new Set(platform.heldJobs).size).toBe(300)
})
