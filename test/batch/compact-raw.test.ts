import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compactDueLogs, compactLog } from '../../src/batch/compact-log.ts'
import { enforceRetention } from '../../src/batch/enforce-retention.ts'
import { startErasure } from '../../src/batch/erasure/erasure.ts'
import { fillView } from '../../src/batch/fill-view.ts'
import {
  canJoin,
  planRawCompaction,
  SMALL_COUNT_MIN,
  smallSegments,
} from '../../src/batch/plan-compaction.ts'
import { HEARTBEAT_MAX_US, resumeJobs } from '../../src/batch/start-jobs.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { RAW_SEGMENT_ROWS_MAX, rawLog } from '../../src/definitions/raw-log.ts'
import type { RegisteredSegment } from '../../src/definitions/segment-record.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { encodeAsNdjson } from '../../src/offline/encode-source-rows.ts'
import { type RowBounds, readSourceRows } from '../../src/offline/read-source-rows.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { readFeatures } from '../../src/online/read-features.ts'
import type { Platform } from '../../src/platform.ts'
import { readWritingSnapshot } from '../../src/registry/current-snapshot.ts'
import { resolveInNewest } from '../../src/registry/resolve-name.ts'
import { applyClicks } from '../platform/clicks.ts'
import { valuesOf } from '../platform/feature-row.ts'
import { guardEffects, type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000
const HOUR = 3_600 * SECOND
const DAY = 24 * HOUR
const USERS = ['ann', 'bob', 'eve']
const ALWAYS = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }
const RAW = rawLog('clicks')

/** `form` 1 has a column more than 0, of which 2 has another type. */
function definitions(sql: string, { form = 0, retention = '30d' } = {}): DefinitionSetInput {
  const note = { name: 'note', type: form === 2 ? 'string' : 'int64' } as const
  return {
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 1 }],
    sources: [
      {
        name: 'clicks',
        event_time: 'at',
        schema: [
          { name: 'at', type: 'timestamp' },
          { name: 'user', type: 'string' },
          { name: 'value', type: 'int64' },
          ...(form === 0 ? [] : [note]),
        ],
        retention,
        shards: 2,
      },
    ],
    feature_views: [
      { name: 'last', entity: 'user', source: 'clicks', features: [{ name: 'value', type: 'int64', sql }] },
      {
        name: 'sum',
        entity: 'user',
        source: 'clicks',
        aggregations: [{ name: 'sum', function: 'sum', sql, windows: [retention] }],
      },
    ],
    feature_services: [{ name: 'ranker', features: [{ view: 'last' }, { view: 'sum' }] }],
  }
}

interface Push {
  readonly values: readonly number[]
  readonly form: number
}

/** A store into which each push came as a segment of raw rows of its own. */
async function createStore(pushes: readonly Push[]): Promise<MemoryPlatform> {
  const platform = memoryPlatform(START)
  await applyClicks(platform, definitions('value'))
  let inForce = 0
  for (const { values, form } of pushes) {
    if (form !== inForce) await applyClicks(platform, definitions('value', { form }))
    inForce = form
    await push(platform, values)
  }
  return platform
}

async function push(platform: MemoryPlatform, values: readonly number[]): Promise<void> {
  platform.time.now += 10 * SECOND
  const at = formatInstant(platform.time.now)
  const events = values.map((value) => ({ at, user: USERS[value % USERS.length], value }))
  await pushEvents(platform, { source: 'clicks', events })
  await platform.consume()
  platform.time.now += 300 * SECOND
  await platform.flush({ cut: true })
}

/** Twelve pushes of three rows. */
const TWELVE: readonly Push[] = Array.from({ length: 12 }, (_, at) => ({
  values: [at, at + 1, at + 2],
  form: 0,
}))

async function readRows(platform: MemoryPlatform, bounds: RowBounds = ALWAYS): Promise<string[]> {
  const snapshot = await readWritingSnapshot(platform, { sources: ['clicks'] })
  const source = snapshot.sources.clicks!
  const texts: string[] = []
  const parts = readSourceRows(platform, { snapshot, source }, bounds)
  for await (const text of encodeAsNdjson(source.columns, parts)) texts.push(text)
  return texts.join('').split('\n').filter(Boolean).toSorted()
}

async function readOnline(platform: MemoryPlatform): Promise<string[][]> {
  const resolved = await resolveInNewest(platform, 'ranker')
  const rows = parseEntities(
    resolved.service,
    USERS.map((user) => ({ user })),
  )
  const answer = await readFeatures(platform, resolved, { rows, consistency: 'strong' })
  return answer.rows.map((row) => [...valuesOf(row)])
}

const listRaw = (platform: MemoryPlatform) => platform.offline.list(RAW.view, RAW.version)

/** Begins the fill of both views and holds it. */
async function holdFill(platform: MemoryPlatform): Promise<readonly string[]> {
  platform.heldJobs = []
  await applyClicks(platform, definitions('value * 100'))
  const fills = platform.heldJobs
  platform.heldJobs = undefined
  return fills
}

test('compaction of raw rows changes no answer of theirs, nor what a fill makes of them (S5, S33)', async () => {
  const arbitraryPush = fc.record({
    values: fc.array(fc.nat(99), { minLength: 1, maxLength: 4 }),
    form: fc.constantFrom(0, 0, 1, 2),
  })
  const arbitraryPushes = fc.array(arbitraryPush, { minLength: SMALL_COUNT_MIN, maxLength: 14 })
  await fc.assert(
    fc.asyncProperty(arbitraryPushes, async (pushes) => {
      const [plain, compacted] = [await createStore(pushes), await createStore(pushes)]
      const times = await listRaw(plain)
      await compactDueLogs(compacted)
      const answers = async (platform: MemoryPlatform) => [
        await readRows(platform),
        await readRows(platform, { from: START + 600 * SECOND, to: START + HOUR / 2 }),
        ...(await Promise.all(
          times.map(({ ingestTimeMax: asOf }) => readRows(platform, { ...ALWAYS, asOf })),
        )),
      ]
      expect(await answers(compacted)).toEqual(await answers(plain))
      expect((await listRaw(compacted)).length).toBeLessThan((await listRaw(plain)).length)
      for (const platform of [plain, compacted]) await applyClicks(platform, definitions('value * 100'))
      expect(await readOnline(compacted)).toEqual(await readOnline(plain))
      const logged = async (platform: MemoryPlatform) =>
        (await platform.offline.list('sum', 2)).reduce((sum, { rowCount }) => sum + rowCount, 0)
      expect(await logged(compacted)).toBe(await logged(plain))
    }),
    { numRuns: 5 },
  )
})

test('raw rows are compacted at most once an hour, and the job names them', async () => {
  const platform = await createStore(TWELVE)
  const before = await readRows(platform)
  expect(await compactDueLogs(platform)).toContain('raw rows of clicks')
  expect(await listRaw(platform)).toHaveLength(1)
  const began = platform.time.now
  for (const { values } of TWELVE.slice(0, 9)) await push(platform, values)
  platform.time.now = began + HOUR - 1
  expect(await compactDueLogs(platform)).not.toContain('raw rows')
  expect(await listRaw(platform)).toHaveLength(10)
  platform.time.now += 1
  expect(await compactDueLogs(platform)).toBe('compaction begun of raw rows of clicks')
  expect(await listRaw(platform)).toHaveLength(1)
  expect(await readRows(platform)).toHaveLength(before.length + 27)
})

test('a fill goes on with the segments that it has planned, however long it takes, and leaves nothing out (S33)', async () => {
  const [wanted, platform] = [await createStore(TWELVE), await createStore(TWELVE)]
  await applyClicks(wanted, definitions('value * 100'))
  const planned = await listRaw(platform)
  for (const fill of await holdFill(platform))
    await fillView(platform, fill, {
      async step(name, work) {
        const outcome = await work()
        if (name === 'plan') {
          await compactDueLogs(platform)
          platform.time.now += 2 * DAY
          await compactDueLogs(platform)
        }
        return outcome
      },
      sleep: async () => {},
    })
  expect(await listRaw(platform)).toHaveLength(1)
  expect(await readOnline(platform)).toEqual(await readOnline(wanted))
  expect(planned.filter(({ path }) => platform.objects.has(path))).toHaveLength(planned.length)
  platform.time.now += DAY
  await compactDueLogs(platform)
  expect(planned.filter(({ path }) => platform.objects.has(path))).toEqual([])
})

const PORTS = ['offline', 'jobRecords'] as const

/** Compacts with `effect` around all that it changes. */
async function compact(platform: MemoryPlatform, effect: Parameters<typeof guardEffects>[1]): Promise<void> {
  const whole = Object.fromEntries(PORTS.map((port) => [port, platform[port]])) as Pick<
    Platform,
    (typeof PORTS)[number]
  >
  for (const port of PORTS) Object.assign(platform, { [port]: guardEffects<object>(platform[port], effect) })
  try {
    await compactDueLogs(platform)
  } finally {
    Object.assign(platform, whole)
  }
}

test('compaction of raw rows cut off before any of its effects is gone on with, and neither loses nor repeats a row', async () => {
  const eight = TWELVE.slice(0, SMALL_COUNT_MIN)
  const undisturbed = await createStore(eight)
  const names: string[] = []
  await compact(undisturbed, (name, run) => {
    names.push(name)
    return run()
  })
  const wanted = await readRows(undisturbed)
  for (const name of ['writeSegment', 'replace', 'update']) expect(names).toContain(name)
  for (let cut = 0; cut < names.length; cut++) {
    const where = `before effect ${cut}, ${names[cut]}`
    const platform = await createStore(eight)
    let effects = 0
    const run = compact(platform, async (_name, work) => {
      if (effects++ === cut) throw new Error('power cut')
      return work()
    })
    await expect(run, where).rejects.toThrow('power cut')
    expect(await readRows(platform), where).toEqual(wanted)
    platform.time.now += HEARTBEAT_MAX_US + 1
    await resumeJobs(platform)
    await compactDueLogs(platform)
    expect(await readRows(platform), where).toEqual(wanted)
    expect(await listRaw(platform), where).toHaveLength(1)
  }
})

/** Runs `meanwhile` between the first merge's object and the manifest. */
async function compactWhile(platform: MemoryPlatform, meanwhile: () => Promise<unknown>): Promise<void> {
  const { replace } = platform.offline
  platform.offline.replace = async (paths, segment) => {
    platform.offline.replace = replace
    await meanwhile()
    return replace(paths, segment)
  }
  await compactDueLogs(platform)
}

/** Objects of raw rows that hold a text. */
function holders(platform: MemoryPlatform, text: string): string[] {
  const decoder = new TextDecoder('latin1')
  return [...platform.objects]
    .filter(([path, bytes]) => path.startsWith('raw/') && decoder.decode(bytes).includes(text))
    .map(([path]) => path)
}

test('an erasure in the midst of a merge of raw rows leaves nothing of the key, and all of the others (S11)', async () => {
  const platform = await createStore(TWELVE)
  const others = (await readRows(platform)).filter((row) => !row.includes('"ann"'))
  expect(holders(platform, 'ann').length).toBeGreaterThan(SMALL_COUNT_MIN)
  await compactWhile(platform, () => startErasure(platform, { entity: 'user', keys: [{ user: 'ann' }] }))
  expect(holders(platform, 'ann')).toEqual([])
  expect(await readRows(platform)).toEqual(others)
  const unnamed = { buckets: [''], before: platform.time.now + 1 }
  expect(await platform.offline.listUnnamed(RAW, unnamed)).toEqual([])
})

test('rows of a key that come after its erasure was asked for stay, though a merge of them is about to be registered', async () => {
  const platform = await createStore(TWELVE)
  const { purgeReplaced, listUnnamed, replace } = platform.offline
  const [isPut, isListed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let compaction: Promise<unknown> | undefined
  platform.offline.purgeReplaced = async (...purged) => {
    await purgeReplaced(...purged)
    if (purged[0].view !== RAW.view || compaction !== undefined) return
    await push(platform, [0, 1, 2])
    platform.offline.replace = async (paths, record) => {
      const isRaw = record?.view === RAW.view
      if (isRaw) isPut.resolve()
      if (isRaw) await isListed.promise
      return replace(paths, record)
    }
    compaction = compactDueLogs(platform)
    await isPut.promise
    platform.time.now += 10 * SECOND
  }
  platform.offline.listUnnamed = async (...listed) => {
    const objects = await listUnnamed(...listed)
    isListed.resolve()
    await compaction
    return objects
  }
  await startErasure(platform, { entity: 'user', keys: [{ user: 'ann' }] })
  expect(compaction).toBeDefined()
  expect((await readRows(platform)).filter((row) => row.includes('"ann"'))).toHaveLength(1)
  expect(await listRaw(platform)).toHaveLength(1)
})

test('what retention takes away in the midst of a merge of raw rows does not come back (S3)', async () => {
  const platform = await createStore(TWELVE)
  await applyClicks(platform, definitions('value', { retention: '1h' }))
  const before = await readRows(platform)
  await compactWhile(platform, () => enforceRetention(platform))
  const after = await readRows(platform)
  expect(after.length).toBeLessThan(before.length)
  expect(after).toEqual(before.slice(-after.length))
  expect(await listRaw(platform)).toHaveLength(1)
})

test('a merge of raw rows while they are read gives a reader each row once', async () => {
  const platform = await createStore(TWELVE)
  const wanted = await readRows(platform)
  const { openSegment } = platform.offline
  let opened = 0
  let compaction: Promise<unknown> | undefined
  platform.offline.openSegment = (segment) => {
    if (++opened === 3) compaction = compactDueLogs(platform)
    return openSegment(segment)
  }
  expect(await readRows(platform)).toEqual(wanted)
  await compaction
  expect(await listRaw(platform)).toHaveLength(1)
})

test('compactLog() of a log without segments ends', async () => {
  const platform = await createStore([])
  await platform.jobRecords.begin({
    id: 'compact-none',
    kind: 'compact',
    subject: 'raw rows of clicks',
    params: JSON.stringify(RAW),
    status: 'queued',
    done: 0,
    total: 0,
    error: null,
    startedTime: START,
    heartbeatTime: START,
  })
  await compactLog(platform, 'compact-none', { step: (_name, work) => work(), sleep: async () => {} })
  expect(await platform.jobRecords.find('compact-none')).toMatchObject({ status: 'succeeded', total: 0 })
})

const segment = (commit: number, change: Partial<RegisteredSegment> = {}): RegisteredSegment => ({
  path: `raw/clicks/${commit}.parquet`,
  ...RAW,
  bucket: '',
  bytes: 10,
  rowCount: 10,
  eventTimeMin: 0,
  eventTimeMax: 0,
  ingestTimeMin: 0,
  ingestTimeMax: 0,
  commit,
  commitMin: commit,
  ...change,
})

test('planRawCompaction() takes small segments in the order of the log, and no more rows than one may have', () => {
  const [half] = [smallSegments('raw').rowCountMax]
  const commits = (...given: Parameters<typeof planRawCompaction>) =>
    planRawCompaction(...given)?.map(({ commit }) => commit)
  expect(commits([], null)).toBeUndefined()
  expect(commits([segment(1)], null)).toBeUndefined()
  expect(commits([segment(3), segment(1), segment(2, { rowCount: half + 1 })], null)).toEqual([1, 3])
  expect(commits([segment(3), segment(1), segment(2)], { commit: 1, path: 'raw/clicks/1.parquet' })).toEqual([
    2, 3,
  ])
  expect(half * 2).toBe(RAW_SEGMENT_ROWS_MAX)
  expect(
    commits(
      [1, 2, 3].map((commit) => segment(commit, { rowCount: half })),
      null,
    ),
  ).toEqual([1, 2])
  expect(
    commits(
      [1, 2].map((commit) => segment(commit, { bytes: 4_000_001 })),
      null,
    ),
  ).toBeUndefined()
  expect(
    commits(
      Array.from({ length: 500 }, (_, at) => segment(at)),
      null,
    ),
  ).toHaveLength(400)
})

test('canJoin() keeps apart what differs in a type, and what a fill could not hold', () => {
  const shape = (type: string, bytes = 10, name = 'a') => ({
    rowCount: 10,
    columns: [{ name, type }],
    rowGroups: [{ bytes }],
  })
  expect(canJoin([shape('int64'), shape('int64')])).toBe(true)
  expect(canJoin([shape('int64'), shape('string', 10, 'b')])).toBe(true)
  expect(canJoin([shape('int64'), shape('string')])).toBe(false)
  expect(canJoin([shape('int64', 8_000_000), shape('int64', 8_000_000)])).toBe(true)
  expect(canJoin([shape('int64', 8_000_000), shape('int64', 8_000_001)])).toBe(false)
  // Values that a dictionary makes small are as large in memory as others.
  const wide = {
    rowCount: 1_001,
    columns: Array.from({ length: 2_000 }, (_, at) => ({ name: `${at}`, type: 'int64' })),
  }
  expect(canJoin([{ ...wide, rowGroups: [] }])).toBe(false)
})
