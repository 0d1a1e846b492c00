import { beforeEach, expect, test } from 'vitest'
import { describeJob } from '../../../src/batch/describe-job.ts'
import { startErasure } from '../../../src/batch/erasure/erasure.ts'
import { fillView } from '../../../src/batch/fill-view.ts'
import { formatInstant, parseInstant } from '../../../src/core/time.ts'
import type { DefinitionSetInput } from '../../../src/definitions/definition-set.ts'
import { rawLog } from '../../../src/definitions/raw-log.ts'
import { pushEvents } from '../../../src/ingest/push-events.ts'
import { encodeAsNdjson } from '../../../src/offline/encode-source-rows.ts'
import { readSourceRows } from '../../../src/offline/read-source-rows.ts'
import { parseEntities } from '../../../src/online/parse-entities.ts'
import { readFeatures } from '../../../src/online/read-features.ts'
import type { LoadRecord } from '../../../src/platform.ts'
import { readWritingSnapshot } from '../../../src/registry/current-snapshot.ts'
import { rebuildView } from '../../../src/registry/rebuild-view.ts'
import { resolveInNewest } from '../../../src/registry/resolve-name.ts'
import { applyClicks } from '../../platform/clicks.ts'
import { valuesOf } from '../../platform/feature-row.ts'
import { type MemoryPlatform, memoryPlatform } from '../../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const HOUR = 3_600_000_000
/** Letters that stand in no other value, compressed or not. */
const GONE = 'Xq7ZgoneZ7qX'

function definitions(price: string, columns: readonly { name: string; type: string }[] = []) {
  return {
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 2 }],
    sources: [
      {
        name: 'clicks',
        event_time: 'at',
        schema: [
          { name: 'at', type: 'timestamp' },
          { name: 'name', type: 'string' },
          { name: 'value', type: 'int64' },
          ...columns,
        ],
        shards: 2,
      },
    ],
    feature_views: [
      {
        name: 'price',
        entity: 'user',
        source: 'clicks',
        // The key is computed: no column holds it as it is.
        join_keys: { user: "concat(name, 'qX')" },
        where: 'value < 100',
        features: [{ name: 'price', type: 'int64', sql: price }],
      },
    ],
    feature_services: [{ name: 'ranker', features: [{ view: 'price' }] }],
  } as DefinitionSetInput
}

let platform: MemoryPlatform

beforeEach(async () => {
  platform = memoryPlatform(START)
  await applyClicks(platform, definitions('value'))
})

async function push(...rows: readonly [name: string | number, value: number][]): Promise<void> {
  platform.time.now += 1_000_000
  const at = formatInstant(platform.time.now)
  const events = rows.map(([name, value]) => ({ at, name, value }))
  await pushEvents(platform, { source: 'clicks', events })
  await platform.consume()
}

/** Cuts what writers hold, raw rows too. */
async function cut(): Promise<void> {
  platform.time.now += HOUR
  await platform.flush({ cut: true })
}

const [gone, ann] = [GONE.slice(0, -2), 'ann']

async function erase() {
  const id = await startErasure(platform, { entity: 'user', keys: [{ user: GONE }] })
  return describeJob(platform, id)
}

function remains(): string[] {
  const decoder = new TextDecoder('latin1')
  const isHeld = (text: string) => text.includes(gone)
  return [
    ...[...platform.objects].filter(([, bytes]) => isHeld(decoder.decode(bytes))).map(([path]) => path),
    ...[...platform.blocks].filter(([, text]) => isHeld(text)).map(([key]) => key),
    ...platform.writerTexts().filter(isHeld),
  ]
}

async function rawRows(): Promise<string[]> {
  const snapshot = await readWritingSnapshot(platform, { sources: ['clicks'] })
  const source = snapshot.sources.clicks!
  const times = { from: 0, to: platform.time.now + HOUR }
  const parts = readSourceRows(platform, { snapshot, source }, times)
  const texts: string[] = []
  for await (const text of encodeAsNdjson(source.columns, parts)) texts.push(text)
  return texts.join('').split('\n').filter(Boolean)
}

async function read(user: string): Promise<string> {
  const resolved = await resolveInNewest(platform, 'ranker')
  const rows = parseEntities(resolved.service, [{ user }])
  const answer = await readFeatures(platform, resolved, { rows, consistency: 'strong' })
  return valuesOf(answer.rows[0]!)[0]!
}

test('raw rows of an erased key leave the log and the writers that had them waiting, `where` aside (S11)', async () => {
  await push([gone, 1], [ann, 2])
  await push([gone, 100])
  await cut()
  await push([gone, 3], [ann, 4])
  expect(remains().some((found) => found.startsWith('raw/clicks/'))).toBe(true)
  const { status, report } = await erase()
  expect(status).toBe('succeeded')
  expect(report!.removed).toMatchObject({ raw: 3, log: 2, writers: 1 })
  expect(remains()).toEqual([])
  expect((await rawRows()).map((row) => (JSON.parse(row) as { value: number }).value).toSorted()).toEqual([
    2, 4,
  ])
})

test('a row is found under every form its source and its views had (S11, S33)', async () => {
  // By the columns of before and after, and as a fill casts what was of another type.
  const renamed = (key: string, type: string) => {
    const { sources, feature_views, ...rest } = definitions('value', [{ name: 'nick', type: 'string' }])
    const [{ schema, ...source }, view] = [sources![0]!, feature_views![0]!]
    const columns = schema.map((column) => (column.name === 'name' ? { ...column, type } : column))
    return {
      ...rest,
      sources: [{ ...source, schema: columns }],
      feature_views: [{ ...view, join_keys: { user: key } }],
    } as DefinitionSetInput
  }
  await applyClicks(platform, renamed('cast(name + 1 as varchar)', 'int64'))
  await push([7, 1], [8, 2])
  await cut()
  await applyClicks(platform, renamed("concat(name, 'qX')", 'string'))
  await push(['7', 3], ['9', 4])
  await cut()
  await applyClicks(platform, renamed('nick', 'string'))
  const erased = await startErasure(platform, { entity: 'user', keys: [{ user: '7qX' }] })
  expect((await describeJob(platform, erased)).report!.removed.raw).toBe(2)
  expect((await rawRows()).map((row) => (JSON.parse(row) as { name: string }).name).toSorted()).toEqual([
    '8',
    '9',
  ])
})

test('what loads and cuts that came to nothing have left goes if it holds the key, and stays if not (S11)', async () => {
  await push([gone, 1])
  await cut()
  await push([ann, 2])
  await cut()
  const left = [...platform.objects]
    .filter(([path]) => path.endsWith('.parquet'))
    .map(([path, bytes], at) => {
      const name = at % 2 === 0 ? `load-${'0'.repeat(32)}-000000-${at}` : `clicks-00-000000009${at}`
      return { path: `${path.slice(0, path.lastIndexOf('/'))}/${name}.parquet`, bytes }
    })
  expect(left.map(({ path }) => path.split('/')[0]).toSorted()).toEqual(['log', 'log', 'raw', 'raw'])
  for (const { path, bytes } of left) await platform.offline.writeSegment(path, bytes)
  platform.time.now += HOUR
  const { status, report } = await erase()
  expect(status).toBe('succeeded')
  expect(remains()).toEqual([])
  expect(report!.removed).toMatchObject({ raw: 2, log: 2 })
  expect(left.filter(({ path }) => platform.objects.has(path))).toHaveLength(2)
})

test('what a failed load has left stays once the load has begun again: it is about to be registered (S11)', async () => {
  await push([gone, 1])
  await cut()
  const [path, bytes] = [...platform.objects].find(([path]) => path.startsWith('raw/'))!
  const id = `load-${'0'.repeat(32)}`
  const left = `raw/clicks/${id}-000000-1.parquet`
  await platform.offline.writeSegment(left, bytes)
  platform.time.now += HOUR
  const { openSegment } = platform.offline
  let isBegun = false
  platform.offline.openSegment = (segment) => {
    if (segment.path === left) isBegun = true
    return openSegment(segment)
  }
  const { listUnfinished } = platform.loads
  platform.loads.listUnfinished = async () =>
    isBegun ? [{ id, source: 'clicks', ingestTime: platform.time.now } as LoadRecord] : listUnfinished()
  expect((await erase()).status).toBe('succeeded')
  expect(isBegun).toBe(true)
  expect(platform.objects.has(path)).toBe(false)
  expect(platform.objects.has(left)).toBe(true)
})

test('an erasure waits for a fill that has planned what it reads, and takes out what that wrote (S11)', async () => {
  await push([gone, 1], [ann, 2])
  await cut()
  platform.heldJobs = []
  await applyClicks(platform, definitions('value + 10'))
  const [fill] = platform.heldJobs
  platform.heldJobs = undefined
  let erasing: ReturnType<typeof erase> | undefined
  await fillView(platform, fill!, {
    async step(name, work) {
      const outcome = await work()
      if (name === 'write 0') erasing = erase()
      return outcome
    },
    sleep: async () => {},
  })
  expect((await describeJob(platform, fill!)).status).toBe('succeeded')
  expect((await erasing!).status).toBe('succeeded')
  expect(remains()).toEqual([])
  expect(await read(`${ann}qX`)).toBe('12')
  expect(await read(GONE)).toBe('null')
})

test('a fill does not plan while raw rows are erased, and ends right after that (S11)', async () => {
  await push([gone, 1], [ann, 2])
  await cut()
  platform.heldJobs = []
  await applyClicks(platform, definitions('value + 10'))
  const [fill] = platform.heldJobs
  const id = await startErasure(platform, { entity: 'user', keys: [{ user: GONE }] })
  platform.heldJobs = undefined
  const job = (await platform.jobRecords.find(id))!
  const params = { ...JSON.parse(job.params), rawSources: ['clicks'] }
  await platform.jobRecords.update(id, { params: JSON.stringify(params), status: 'running' })
  let waits = 0
  await fillView(platform, fill!, {
    step: (_name, work) => work(),
    async sleep() {
      waits++
      expect(await platform.fills.readProgress(fill!)).toEqual({ total: 0, written: 0, synced: 0 })
      await platform.jobs.restart('erase', id)
    },
  })
  expect(waits).toBe(1)
  expect((await describeJob(platform, fill!)).status).toBe('succeeded')
  expect(remains()).toEqual([])
  expect(await read(`${ann}qX`)).toBe('12')
})

test('a fill that had failed before an erasure is made again as another version, without the key (S11)', async () => {
  await push([gone, 1], [ann, 2])
  await cut()
  platform.heldJobs = []
  await applyClicks(platform, definitions('value + 10'))
  const [fill] = platform.heldJobs
  platform.heldJobs = undefined
  await fillView(platform, fill!, {
    async step(name, work) {
      return name === 'register'
        ? { fault: { code: 'failed_precondition', message: 'as a fill fails' } }
        : work()
    },
    sleep: async () => {},
  })
  expect((await describeJob(platform, fill!)).status).toBe('failed')
  platform.time.now += HOUR
  expect((await erase()).status).toBe('succeeded')
  expect(remains()).toEqual([])
  const { view } = await rebuildView(platform, 'price', 'test')
  expect(view).toBe('price@3')
  expect(await read(`${ann}qX`)).toBe('12')
  expect(await read(GONE)).toBe('null')
  expect(remains()).toEqual([])
  expect(await platform.offline.list(rawLog('clicks').view, 0)).toHaveLength(1)
})
