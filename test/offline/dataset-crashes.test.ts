import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { writeParquet } from '../../src/core/parquet.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { startDueDatasets, startSchedule } from '../../src/offline/schedule-datasets.ts'
import { type DatasetSpec, startAgain, startDataset } from '../../src/offline/start-dataset.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { type MemoryOptions, type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000
const MINUTE = 60 * SECOND
const USERS = ['ann', 'bob', 'eve']

const SPEC: DatasetSpec = {
  name: 'a',
  of: { kind: 'service', name: 'ranker' },
  labels: { kind: 'file', path: 'labels/a.parquet' },
  asOf: null,
  isKnowledgeCutoff: false,
  hasStatuses: false,
}

/** A store with some rows and some labels, whose datasets take many steps. */
async function createStore(options: MemoryOptions = {}): Promise<MemoryPlatform> {
  const platform = memoryPlatform(START, { ...options, datasetChunkRows: 2 })
  await applyClicks(platform)
  platform.time.now += MINUTE
  const events = USERS.map((user, item) => ({
    at: formatInstant(START + item * SECOND),
    made: formatInstant(START),
    user,
    item,
    price: item * 10,
  }))
  await pushEvents(platform, { source: 'clicks', events })
  await platform.consume()
  const labels = Array.from({ length: 5 }, (_, at) => ({ user: USERS[at % 3]!, item: BigInt(at % 4), at }))
  await platform.files.put(
    'labels/a.parquet',
    writeParquet([
      { name: 'user', type: 'string', values: labels.map(({ user }) => user) },
      { name: 'item', type: 'int64', values: labels.map(({ item }) => item) },
      { name: 'event_time', type: 'timestamp', values: labels.map(({ at }) => START + at * SECOND) },
    ]),
  )
  const lines = labels.map(({ user, item, at }) => `${user},${item},${formatInstant(START + at * SECOND)}\n`)
  await platform.files.put('labels/a.csv.gz', gzipSync(`user,item,event_time\n${lines.join('')}`))
  return platform
}

/** What a dataset left behind on R2, and what is told of it. */
async function readOutcome(platform: MemoryPlatform, id: string) {
  const objects = [...platform.objects].filter(([path]) => path.startsWith(`training/${id}/`))
  const { pins, result } = (await platform.training.find(id))!
  return {
    objects: objects.map(([path, bytes]) => [path, Buffer.from(bytes).toString('base64')]).sort(),
    pins,
    result,
    steps: [...(await platform.training.readSteps(id))],
    status: (await platform.jobRecords.find(id))!.status,
  }
}

const LABELS: [string, DatasetSpec['labels'], number][] = [
  ['a Parquet file', SPEC.labels, 0.5],
  ['compressed text', { kind: 'file', path: 'labels/a.csv.gz' }, 1.5],
  ['entities', { kind: 'entities', entity: 'user', at: START + MINUTE }, 1.5],
]

test.each(LABELS)(
  'a dataset of %s that is cut off before or after an effect resumes and ends the same',
  async (_, labels, every) => {
    const of = {
      kind: labels.kind === 'file' ? 'service' : 'view',
      name: labels.kind === 'file' ? 'ranker' : 'last_click',
    } as const
    const spec = { ...SPEC, of, labels }
    const whole = await createStore()
    const { id } = await startDataset(whole, spec)
    const wanted = await readOutcome(whole, id)
    expect(wanted.status).toBe('succeeded')
    expect(wanted.result!.rowCount).toBe(labels.kind === 'file' ? 5 : 3)
    expect(wanted.steps).toEqual([])

    let effects = 0
    let cutAt = Number.POSITIVE_INFINITY
    const jobEffect: MemoryOptions['jobEffect'] = async (_name, run) => {
      const effect = effects++
      if (effect === cutAt) throw new Error('cut off before an effect')
      const outcome = await run()
      if (effect + 0.5 === cutAt) throw new Error('cut off after an effect')
      return outcome
    }
    for (let cut = 0; ; cut += every) {
      effects = Number.NEGATIVE_INFINITY
      const platform = await createStore({ jobEffect })
      effects = 0
      cutAt = cut
      const begun = await startDataset(platform, spec).catch(() => undefined)
      if (begun !== undefined) {
        expect(effects, 'all effects have been tried').toBeLessThanOrEqual(cut)
        break
      }
      const [dataset] = await platform.training.list({ countMax: 1 })
      // Before its job is there the client has no answer, and asks again.
      if (dataset === undefined || (await platform.jobRecords.find(dataset.id)) === undefined) continue
      platform.time.now += 3 * MINUTE
      await platform.jobs.restart('training', dataset.id)
      const found = await readOutcome(platform, dataset.id)
      const pins = { ...found.pins!, asOf: wanted.pins!.asOf }
      expect({ ...found, pins, objects: parquetOf(found) }, `cut off at ${cut}`).toEqual({
        ...wanted,
        objects: parquetOf(wanted),
      })
    }
  },
)

/** The manifest names the time of the pin, which is later where that was cut off. */
function parquetOf({ objects }: Awaited<ReturnType<typeof readOutcome>>) {
  return objects.map(([path, bytes]) => (path!.endsWith('.parquet') ? [path, bytes] : [path]))
}

test('startAgain() refuses what cannot be kept: labels replaced or gone, rows touched (S5)', async () => {
  const platform = await createStore()
  const { id } = await startDataset(platform, SPEC)
  const labels = platform.objects.get('labels/a.parquet')!
  await platform.files.put('labels/a.parquet', Uint8Array.of(1))
  await expect(startAgain(platform, id)).rejects.toMatchObject({
    code: 'failed_precondition',
    message: expect.stringContaining('has been replaced'),
  })
  platform.objects.delete('labels/a.parquet')
  await expect(startAgain(platform, id)).rejects.toMatchObject({
    message: expect.stringContaining('is gone'),
  })
  await platform.files.put('labels/a.parquet', labels)
  await expect(startAgain(platform, id)).resolves.toMatchObject({ name: 'a' })
  await platform.training.touch(['last_sale'], 'key 5f was erased')
  await expect(startAgain(platform, id)).rejects.toMatchObject({
    code: 'failed_precondition',
    message: `Cannot make training dataset "${id}" again: key 5f was erased`,
  })
})

test('a dataset keeps the generation it began with, and so does one made again (S5, S33)', async () => {
  const platform = await createStore()
  const { id } = await startDataset(platform, SPEC)
  await applyClicks(platform, { entities: [], sources: [], feature_views: [], feature_services: [] })
  const again = await startAgain(platform, id)
  const bytes = async (one: string) =>
    (await readOutcome(platform, one)).objects
      .filter(([path]) => path!.endsWith('.parquet'))
      .map(([, text]) => text)
  expect(await bytes(again.id)).toEqual(await bytes(id))
  await expect(startDataset(platform, SPEC)).rejects.toMatchObject({ code: 'not_found' })
})

test('a service that is changed while its dataset is made leaves it as it began, whenever that is (S33)', async () => {
  const undisturbed = await createStore()
  const { id: wanted } = await startDataset(undisturbed, SPEC)
  const changed = CLICKS.feature_views!.map((view) => ({
    ...view,
    features: [{ name: 'price', type: 'int64' as const, sql: 'price + 1000' }],
  }))
  const service = { name: 'ranker', features: CLICKS.feature_services![0]!.features.slice(0, 1) }
  const set = { ...CLICKS, feature_views: changed, feature_services: [service] }
  let changedAt = 0
  for (let isOver = false; !isOver; changedAt++) {
    let steps = Number.NEGATIVE_INFINITY
    let platform: MemoryPlatform | undefined
    const jobEffect: MemoryOptions['jobEffect'] = async (name, run) => {
      if (name === 'writeStep' && steps++ === changedAt) await applyClicks(platform!, set)
      return run()
    }
    platform = await createStore({ jobEffect })
    steps = 0
    const { id } = await startDataset(platform, SPEC)
    isOver = steps <= changedAt
    const found = await readOutcome(platform, id)
    expect(found).toMatchObject({ status: 'succeeded', pins: { generation: 1 } })
    expect(parquetOf(found), `changed at step ${changedAt}`).toEqual(
      parquetOf(await readOutcome(undisturbed, wanted)),
    )
  }
  expect(changedAt).toBeGreaterThan(5)
})

test('a job that is cancelled goes no further and cannot be taken up again', async () => {
  let platform: MemoryPlatform | undefined
  const jobEffect: MemoryOptions['jobEffect'] = async (name, run) => {
    const [dataset] = name === 'writeStep' ? await platform!.training.list({ countMax: 1 }) : []
    if (dataset !== undefined) await platform!.jobRecords.cancel(dataset.id)
    return run()
  }
  platform = await createStore({ jobEffect })
  const { id } = await startDataset(platform, SPEC)
  expect(await readOutcome(platform, id)).toMatchObject({ status: 'cancelled', result: null, objects: [] })
  await platform.jobs.restart('training', id)
  expect(await readOutcome(platform, id)).toMatchObject({ status: 'cancelled', result: null, objects: [] })
})

const DAILY: DatasetSpec = { ...SPEC, labels: { kind: 'file', path: 'labels/{date-1d}.parquet' } }

test('a scheduled dataset is begun once at each due time, also when Crons overlap', async () => {
  const platform = await createStore()
  await platform.files.put('labels/2025-12-31.parquet', platform.objects.get('labels/a.parquet')!)
  const id = await startSchedule(platform, DAILY, '30 2 * * *')
  await startDueDatasets(platform)
  expect(await platform.training.list({ countMax: 10 })).toEqual([])
  platform.time.now = parseInstant('2026-01-01T02:30:00Z')
  await Promise.all([startDueDatasets(platform), startDueDatasets(platform), startDueDatasets(platform)])
  await startDueDatasets(platform)
  const [made, ...others] = await platform.training.list({ countMax: 10 })
  expect(others).toEqual([])
  expect(made).toMatchObject({ schedule: id, request: { labels: { path: 'labels/2025-12-31.parquet' } } })
  expect(await platform.jobRecords.find(made!.id)).toMatchObject({ status: 'succeeded', kind: 'training' })
  const next = (await platform.training.findSchedule(id))!.nextTime!
  expect(formatInstant(next)).toBe('2026-01-02T02:30:00Z')
})

test('a Cron that is cut off with the lease is followed by another, and due times missed are made up for', async () => {
  const platform = await createStore()
  const id = await startSchedule(platform, DAILY, '30 2 * * *')
  platform.time.now = parseInstant('2026-01-02T12:00:00Z')
  const due = (await platform.training.findSchedule(id))!.nextTime!
  const lease = { now: platform.time.now, until: platform.time.now + 2 * MINUTE }
  expect(await platform.training.leaseSchedule(id, due, lease)).toBe(true)
  await startDueDatasets(platform)
  expect(await platform.training.list({ countMax: 10 })).toEqual([])
  for (let tick = 0; tick < 5; tick++) {
    platform.time.now += MINUTE
    await startDueDatasets(platform)
  }
  const made = await platform.training.list({ countMax: 10 })
  expect(made.map(({ request }) => request.labels)).toEqual([
    { kind: 'file', path: 'labels/2026-01-01.parquet' },
    { kind: 'file', path: 'labels/2025-12-31.parquet' },
  ])
  // Labels that never came are a fault of their run alone.
  for (const { id: run } of made) {
    expect(await platform.jobRecords.find(run)).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('there is no such file'),
    })
  }
  expect(await platform.training.cancelSchedule(id)).toBe(true)
  platform.time.now += 48 * 60 * MINUTE
  await startDueDatasets(platform)
  expect(await platform.training.list({ countMax: 10 })).toHaveLength(2)
})
