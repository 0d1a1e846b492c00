import { expect, test } from 'vitest'
import { cancelJob } from '../../src/batch/cancel-job.ts'
import { fillView } from '../../src/batch/fill-view.ts'
import { createBlockCache } from '../../src/core/block-cache.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { rawLog } from '../../src/definitions/raw-log.ts'
import { deleteKeys } from '../../src/ingest/delete-keys.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { parseLabels } from '../../src/offline/parse-labels.ts'
import { retrieveHistory } from '../../src/offline/retrieve-history.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { serveFeatures } from '../../src/online/serve-features.ts'
import { resolveForHistory } from '../../src/registry/resolve-name.ts'
import { applyClicks } from '../platform/clicks.ts'
import { statusesOf, valuesOf } from '../platform/feature-row.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000

function definitions(
  price: string,
  sum: string,
  extra: Partial<DefinitionSetInput> = {},
): DefinitionSetInput {
  return {
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 2 }],
    sources: [
      {
        name: 'clicks',
        event_time: 'at',
        schema: [
          { name: 'at', type: 'timestamp' },
          { name: 'user', type: 'string' },
          { name: 'value', type: 'int64' },
        ],
        shards: 2,
      },
    ],
    feature_views: [
      {
        name: 'price',
        entity: 'user',
        source: 'clicks',
        features: [{ name: 'price', type: 'int64', sql: price }],
      },
      {
        name: 'activity',
        entity: 'user',
        source: 'clicks',
        aggregations: [{ name: 'sum', function: 'sum', sql: sum, windows: ['1h'] }],
      },
    ],
    feature_services: [{ name: 'ranker', features: [{ view: 'price' }, { view: 'activity' }] }],
    ...extra,
  }
}

async function start(held = true): Promise<MemoryPlatform> {
  const platform = memoryPlatform(START)
  await applyClicks(platform, definitions('value', 'value'))
  if (held) platform.heldJobs = []
  return platform
}

async function push(
  platform: MemoryPlatform,
  ...rows: readonly (readonly [user: string, value: number, ago?: number])[]
) {
  const events = rows.map(([user, value, ago = 0]) => ({
    at: formatInstant(platform.time.now - ago * SECOND),
    user,
    value,
  }))
  const answer = await pushEvents(platform, { source: 'clicks', events })
  expect(answer.rejected).toEqual([])
}

async function read(
  platform: MemoryPlatform,
  consistency: 'strong' | 'eventual' = 'strong',
  service = 'ranker',
) {
  Object.assign(platform.memory, { blocks: createBlockCache(1_000_000), served: undefined })
  const served = await serveFeatures(platform, service, {
    parseRows: (of) => parseEntities(of, [{ user: 'ann' }, { user: 'bob' }]),
    features: undefined,
    consistency,
  })
  return served.rows.map((row) => ({ values: valuesOf(row), statuses: statusesOf(row) }))
}

async function history(platform: MemoryPlatform) {
  const resolved = await resolveForHistory(platform, 'ranker')
  const labels = ['ann', 'bob'].map((user) => ({ user, event_time: formatInstant(platform.time.now) }))
  const { rows } = await retrieveHistory(platform, resolved, {
    labels: parseLabels(resolved.service, labels),
    asOf: undefined,
    isKnowledgeCutoff: false,
  })
  return rows.map((row) => row.slice(2))
}

/** Runs a fill to its end, with something else before each of its steps. */
async function runFill(
  platform: MemoryPlatform,
  id: string,
  between: (step: string) => Promise<void> = async () => {},
) {
  await fillView(platform, id, {
    async step(name, work) {
      await between(name)
      return work()
    },
    async sleep() {},
  })
  return (await platform.jobRecords.find(id))!
}

test('a changed view is filled beside the one that is served, and services move when it is done (S33)', async () => {
  const platform = await start()
  await push(platform, ['ann', 1], ['bob', 2, 10], ['ann', 3, 20])
  await platform.consume()
  await applyClicks(platform, definitions('value * 10', 'value'))
  expect(platform.heldJobs).toEqual(['fill-price-2'])
  await push(platform, ['bob', 4])
  await platform.consume()
  expect((await read(platform)).map(({ values }) => values)).toEqual([
    ['1', '4'],
    ['4', '6'],
  ])
  const job = await runFill(platform, 'fill-price-2', async () => {
    const rows = await read(platform)
    expect(rows.map(({ values }) => values[0])).toEqual(
      (await platform.registry.readGeneration()) > 2 ? ['10', '40'] : ['1', '4'],
    )
    expect(rows.flatMap(({ statuses }) => statuses)).toEqual(['present', 'present', 'present', 'present'])
  })
  expect(job).toMatchObject({ status: 'succeeded', error: null })
  const after = (await read(platform)).map(({ values }) => values)
  expect(after).toEqual([
    ['10', '4'],
    ['40', '6'],
  ])
  expect((await read(platform, 'eventual')).map(({ values }) => values)).toEqual(after)
  expect(await history(platform)).toEqual(after)
})

test('what the stream has brought a windowed version is not counted again by its fill (S9, S17)', async () => {
  const platform = await start()
  await push(platform, ['ann', 1], ['bob', 2], ['ann', 3])
  const [message] = platform.queue
  await platform.consume()
  await push(platform, ['ann', 100])
  const late = platform.queue.splice(0)
  await applyClicks(platform, definitions('value', 'value * 10'))
  // Taken in before the apply, and again after it: the new version has it from the stream, too.
  platform.queue.push(message!)
  await platform.consume()
  const job = await runFill(platform, 'fill-activity-2', async (step) => {
    if (step !== 'sync 0') return
    platform.queue.push(...late.splice(0), message!)
    await platform.consume()
  })
  expect(job).toMatchObject({ status: 'succeeded' })
  const sums = (await read(platform)).map(({ values }) => values[1])
  expect(sums).toEqual(['1040', '20'])
  expect((await history(platform)).map((row) => row[1])).toEqual(sums)
})

/**
 * A version whose windows of ann are made anew from the log (S10) while the log has the fill's rows and the writer does not yet. `meanwhile`
 * then goes on with the message that brought those; answers the sum once the fill is done.
 */
async function sumAfterRebuild(
  meanwhile: (platform: MemoryPlatform, message: string) => Promise<void>,
): Promise<string | undefined> {
  const platform = memoryPlatform(START, { limits: { rowsPerCheckpoint: 1 } })
  await applyClicks(platform, definitions('value', 'value'))
  platform.heldJobs = []
  await push(platform, ['ann', 1, 40], ['ann', 2, 10], ['ann', 4, -60])
  const [message] = platform.queue
  await platform.consume()
  await applyClicks(platform, definitions('value', 'value * 10'))
  await push(platform, ['ann', 8, 30], ['ann', 16, 5])
  await platform.consume()
  const job = await runFill(platform, 'fill-activity-2', async (step) => {
    if (step !== 'sync 0') return
    const eventTime = platform.time.now - 20 * SECOND
    await deleteKeys(platform, { entity: 'user', keys: [{ user: 'ann' }], eventTime, views: null })
    await platform.consume()
    await platform.flush({ cut: true })
    await meanwhile(platform, message!)
  })
  expect(job).toMatchObject({ status: 'succeeded' })
  platform.time.now = START + 61 * SECOND
  await platform.flush()
  const sum = (await read(platform))[0]!.values[1]
  expect((await history(platform))[0]![1]).toBe(sum)
  return sum
}

async function bring(platform: MemoryPlatform, message: string) {
  platform.queue.push(message)
  await platform.consume()
}

test.each<readonly [string, Parameters<typeof sumAfterRebuild>[0]]>([
  ['the fill', async () => {}],
  ['the stream', bring],
  [
    'the stream after a restart',
    async (platform, message) => {
      await platform.flush()
      platform.crash()
      await bring(platform, message)
    },
  ],
  [
    'the fill when the time of one has come',
    async (platform) => {
      platform.time.now += 61 * SECOND
    },
  ],
])(
  'rows of a fill that were counted from the log are counted once, though %s brings them next (S9, S10)',
  async (_, meanwhile) => {
    expect(await sumAfterRebuild(meanwhile)).toBe('220')
  },
)

test('every accepted row of a source is in the raw log once, as it came (S9)', async () => {
  const platform = await start()
  await push(platform, ['ann', 1], ['bob', 2])
  const messages = [...platform.queue]
  await platform.consume()
  platform.queue.push(...messages)
  platform.crash()
  await platform.consume()
  platform.time.now += 400 * SECOND
  await platform.flush()
  platform.queue.push(...messages)
  await platform.consume()
  platform.time.now += 400 * SECOND
  await platform.flush()
  const { view, version } = rawLog('clicks')
  const logged = await platform.offline.list(view, version)
  expect(logged.reduce((sum, { rowCount }) => sum + rowCount, 0)).toBe(2)
  expect(logged[0]!.path).toMatch(/^raw\/clicks\//)
})

test('rows that a new version fails on are all kept, in whatever segments those of one push lie', async () => {
  const platform = await start()
  const users = Array.from({ length: 3_000 }, (_, at) => `user number ${at}`)
  await push(platform, ...users.map((user) => [user, 1] as const))
  expect(platform.queue.length).toBeGreaterThan(1)
  await platform.consume()
  platform.time.now += 400 * SECOND
  await platform.flush()
  const { view, version } = rawLog('clicks')
  expect((await platform.offline.list(view, version)).length).toBeGreaterThan(1)
  await applyClicks(platform, definitions('9223372036854775807 + value', 'value'))
  expect(await runFill(platform, 'fill-price-2')).toMatchObject({ status: 'succeeded' })
  const batches = await platform.quarantine.list({ source: 'clicks', countMax: 100 })
  const kept = await Promise.all(batches.map(({ id }) => platform.quarantine.read('clicks', id)))
  expect(kept.flatMap((batch) => batch!.rows)).toHaveLength(users.length)
})

test('a new service is refused with its progress until what it reads is filled (S33)', async () => {
  const platform = await start()
  await push(platform, ['ann', 1])
  await platform.consume()
  const set = definitions('value', 'value')
  const views = [...set.feature_views!, { ...set.feature_views![0]!, name: 'cost' }]
  const services = [...set.feature_services!, { name: 'costs', features: [{ view: 'cost' }] }]
  await applyClicks(platform, { ...set, feature_views: views, feature_services: services })
  await expect(read(platform, 'strong', 'costs')).rejects.toMatchObject({
    code: 'failed_precondition',
    details: { filling: [{ view: 'cost@1', job: 'fill-cost-1' }] },
  })
  await runFill(platform, 'fill-cost-1')
  expect((await read(platform, 'strong', 'costs')).map(({ values }) => values)).toEqual([['1'], ['null']])
})

test('a fill is not cancelled, an apply during it replaces it (S33)', async () => {
  const platform = await start()
  await push(platform, ['ann', 1])
  await platform.consume()
  await applyClicks(platform, definitions('value * 10', 'value'))
  await expect(cancelJob(platform, 'fill-price-2')).rejects.toMatchObject({
    code: 'failed_precondition',
    message: 'Cannot cancel job "fill-price-2": the definitions want "price@2", apply others to be rid of it',
  })
  await applyClicks(platform, definitions('value * 100', 'value'))
  expect(platform.heldJobs).toEqual(['fill-price-2', 'fill-price-3'])
  expect(await runFill(platform, 'fill-price-2')).toMatchObject({ status: 'failed' })
  expect((await read(platform))[0]!.values[0]).toBe('1')
  await runFill(platform, 'fill-price-3')
  expect((await read(platform))[0]!.values[0]).toBe('100')
})

test('a service can pin a version, which is computed on; a version that is not kept up cannot be pinned (S33)', async () => {
  const platform = await start(false)
  await push(platform, ['ann', 1])
  await platform.consume()
  const set = definitions('value * 10', 'value')
  const old = { name: 'old', features: [{ view: 'price@1' }] }
  await applyClicks(platform, { ...set, feature_services: [...set.feature_services!, old] })
  await push(platform, ['ann', 2])
  await platform.consume()
  expect((await read(platform, 'strong', 'old'))[0]!.values).toEqual(['2'])
  expect((await read(platform))[0]!.values[0]).toBe('20')
  const wrong = { name: 'old', features: [{ view: 'price@7' }] }
  await expect(
    applyClicks(platform, { ...set, feature_services: [...set.feature_services!, wrong] }),
  ).rejects.toMatchObject({
    code: 'invalid_argument',
    message: expect.stringMatching(/"price@7" is not kept up, price@1 and price@2 can be pinned/),
  })
  await applyClicks(platform, set)
  await expect(
    applyClicks(platform, { ...set, feature_services: [...set.feature_services!, old] }),
  ).rejects.toMatchObject({
    message: expect.stringMatching(/"price@1" is not kept up, price@2 can be pinned/),
  })
})

test('a nullable column that a source gains makes no new version, and old rows read null (S33)', async () => {
  const platform = await start(false)
  await push(platform, ['ann', 1])
  await platform.consume()
  const set = definitions('value', 'value')
  const [source] = set.sources!
  const wider = { ...source!, schema: [{ name: 'kind', type: 'string' as const }, ...source!.schema] }
  await applyClicks(platform, { ...set, sources: [wider] })
  expect((await platform.registry.read())!.versions).toMatchObject({
    price: { version: 1 },
    activity: { version: 1 },
  })
  const views = [
    ...set.feature_views!,
    {
      ...set.feature_views![0]!,
      name: 'kind',
      features: [{ name: 'kind', type: 'string' as const, sql: 'kind' }],
    },
  ]
  const services = [{ name: 'ranker', features: [{ view: 'price' }, { view: 'kind' }] }]
  await applyClicks(platform, { ...set, sources: [wider], feature_views: views, feature_services: services })
  expect((await read(platform))[0]).toMatchObject({ values: ['1', 'null'], statuses: ['present', 'null'] })
})

test('a column of another type makes a new version of the views that read it; old values are cast (S33)', async () => {
  const platform = await start(false)
  await push(platform, ['ann', 1])
  await platform.consume()
  const set = definitions("cast(value || '5' as bigint)", 'length(value)')
  const [source] = set.sources!
  const schema = source!.schema.map((column) =>
    column.name === 'value' ? { ...column, type: 'string' as const } : column,
  )
  await applyClicks(platform, { ...set, sources: [{ ...source!, schema }] })
  expect((await platform.registry.read())!.versions).toMatchObject({
    price: { version: 2 },
    activity: { version: 2 },
  })
  expect((await read(platform))[0]!.values).toEqual(['15', '1'])
})
