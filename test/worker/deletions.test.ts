import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckdb } from '../oracles/open-duckdb.ts'
import { type Harness, startHarness, until } from './harness.ts'

/** One entity with two views from one source, so that either can be deleted from alone. */
const DEFINITIONS = {
  entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 2 }],
  sources: [
    {
      name: 'clicks',
      event_time: 'at',
      schema: [
        { name: 'at', type: 'timestamp' },
        { name: 'user', type: 'string' },
        { name: 'price', type: 'int64' },
      ],
    },
  ],
  feature_views: [
    {
      name: 'price',
      entity: 'user',
      source: 'clicks',
      features: [{ name: 'price', type: 'int64', sql: 'price' }],
    },
    {
      name: 'cost',
      entity: 'user',
      source: 'clicks',
      features: [{ name: 'cost', type: 'int64', sql: 'price' }],
      block_group: 'costs',
    },
  ],
  feature_services: [{ name: 'ranker', features: [{ view: 'price' }, { view: 'cost' }] }],
}
const SERVICE = '/v1/feature-services/ranker'
/** The queue's batch, the publish interval and the isolate's cache, on a slow machine. */
const READABLE_MS = 180_000
const MINUTE_MS = 60_000

let harness: Harness
let folder: string

beforeAll(async () => {
  // What is pushed or deleted waits in the writers until a test has it cut.
  harness = await startHarness({ variables: { SEGMENT_AGE_MS: '600000' } })
  folder = await mkdtemp(join(tmpdir(), 'featheredge-deletions-'))
  const applied = await harness.call('POST', '/v1/definitions/apply', { definitions: DEFINITIONS })
  expect(applied.status, applied.text).toBe(200)
})
afterAll(async () => {
  await harness.close()
  await rm(folder, { recursive: true })
})

const text = (ms: number) => new Date(ms).toISOString()

async function push(user: string, ms: number, price: number): Promise<void> {
  const events = [{ at: text(ms), user, price }]
  const pushed = await harness.call('POST', '/v1/sources/clicks/events', { events })
  expect(pushed.json, pushed.text).toMatchObject({ accepted: 1, rejected: [] })
}

async function remove(user: string, ms: number, options: object = {}): Promise<void> {
  const body = { keys: [{ user }], event_time: text(ms), ...options }
  const removed = await harness.call('POST', '/v1/entities/user/deletions', body)
  expect([removed.status, removed.json], removed.text).toMatchObject([202, { accepted: 1 }])
}

/** A value where there is one, else its status, of both views. */
type Shown = readonly [price: unknown, cost: unknown]

async function show(user: string, consistency: 'eventual' | 'strong'): Promise<unknown[]> {
  const body = { entities: [{ user }], consistency }
  const { json } = await harness.call<{ rows: unknown[][]; statuses: string[][] }>(
    'POST',
    `${SERVICE}/features`,
    body,
  )
  return json.rows[0]!.map((value, at) => (value === null ? json.statuses[0]![at] : value))
}

/** What a user's row becomes within the given time. */
async function expectShown(user: string, shown: Shown, consistency: 'eventual' | 'strong'): Promise<void> {
  const found = await until(
    () => show(user, consistency),
    (row) => JSON.stringify(row) === JSON.stringify(shown),
    READABLE_MS,
  )
  expect(found).toEqual(shown)
}

/** A deletion passes the same queue as a push: once a later push of another user shows, it has been taken. */
async function expectShownBehind(user: string, shown: Shown): Promise<void> {
  await pushBehind()
  await expectShown(user, shown, 'strong')
}

let markers = 0
async function pushBehind(): Promise<void> {
  const marker = `marker ${markers++}`
  await push(marker, Date.now() - MINUTE_MS, 1)
  await expectShown(marker, [1, 1], 'strong')
}

/** What labels of a user at these times are joined with; history says no statuses, missing is null. */
async function history(user: string, times: readonly number[]): Promise<Shown[]> {
  const labels = times.map((ms) => ({ user, event_time: text(ms) }))
  const answer = await harness.call<{ rows: unknown[][] }>('POST', `${SERVICE}/historical-features`, {
    labels,
  })
  expect(answer.status, answer.text).toBe(200)
  return answer.json.rows.map((row) => row.slice(2) as unknown as Shown)
}

async function cutAll(): Promise<void> {
  for (const bits of ['0', '1']) await harness.env.SHARD_WRITERS.getByName(`user/${bits}`).flush(true)
}

/** What the manifest names of the log of tombstones, copied out of R2 and read as DuckDB does. */
async function readTombstones(user: string): Promise<unknown[]> {
  const { results } = await harness.env.DB.prepare(
    "SELECT path FROM segments WHERE path LIKE 'tombstones/user/bucket=%' ORDER BY path",
  ).all<{ path: string }>()
  if (results.length === 0) return []
  const files: string[] = []
  for (const { path } of results) {
    const object = await harness.env.BUCKET.get(path)
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, new Uint8Array(await object!.arrayBuffer()))
    files.push(`'${file}'`)
  }
  const duckdb = await openDuckdb()
  const read = await duckdb.runAndReadAll(
    `SELECT user, epoch_ms(event_time)::varchar AS ms, view FROM read_parquet([${files}],
       hive_partitioning = true, hive_types = {'bucket': varchar})
     WHERE user = '${user}' AND bucket IN ('0', '1') ORDER BY event_time`,
  )
  const rows = read.getRowObjectsJson()
  duckdb.closeSync()
  return rows
}

it('a deletion hides what is older and nothing that is newer, online and in history, waiting and cut (S10)', async () => {
  const t = Date.now() - 30 * MINUTE_MS
  await push('ann', t - MINUTE_MS, 10)
  await expectShown('ann', [10, 10], 'eventual')
  await remove('ann', t)
  await expectShown('ann', ['missing', 'missing'], 'strong')
  await expectShown('ann', ['missing', 'missing'], 'eventual')

  await push('ann', t - 1, 11)
  await expectShownBehind('ann', ['missing', 'missing'])
  await push('ann', t + 1, 12)
  await expectShown('ann', [12, 12], 'strong')
  await expectShown('ann', [12, 12], 'eventual')

  const times = [t - 2 * MINUTE_MS, t - MINUTE_MS, t - 2, t - 1, t, t + 1]
  const told = [
    [null, null],
    [10, 10],
    [10, 10],
    [11, 11],
    [null, null],
    [12, 12],
  ]
  // Everything still waits in the writers, rows and tombstone.
  expect(await readTombstones('ann')).toEqual([])
  expect(await history('ann', times)).toEqual(told)
  await cutAll()
  expect(await readTombstones('ann')).toEqual([{ user: 'ann', ms: String(t), view: null }])
  expect(await history('ann', times)).toEqual(told)
  await expectShown('ann', [12, 12], 'strong')
})

it('a deletion that waits hides rows that were cut long before, and rows that come after it was cut (S10)', async () => {
  const t = Date.now() - 20 * MINUTE_MS
  await push('bob', t - MINUTE_MS, 20)
  await expectShown('bob', [20, 20], 'strong')
  await cutAll()
  await remove('bob', t)
  await expectShown('bob', ['missing', 'missing'], 'strong')
  expect(await readTombstones('bob')).toEqual([])
  const times = [t - MINUTE_MS, t, t + MINUTE_MS]
  const told = [
    [20, 20],
    [null, null],
    [null, null],
  ]
  expect(await history('bob', times)).toEqual(told)
  await cutAll()
  expect(await history('bob', times)).toEqual(told)
  await push('bob', t - 1, 21)
  await expectShownBehind('bob', ['missing', 'missing'])
  const toldThen = await until(
    () => history('bob', [t - 1, t]),
    ([before]) => before![0] === 21,
    READABLE_MS,
  )
  expect(toldThen).toEqual([
    [21, 21],
    [null, null],
  ])
  await expectShown('bob', ['missing', 'missing'], 'eventual')
})

it('a deletion from one view leaves the other (S10, S12)', async () => {
  const t = Date.now() - 10 * MINUTE_MS
  await push('eve', t - MINUTE_MS, 30)
  await expectShown('eve', [30, 30], 'strong')
  await remove('eve', t, { views: ['price'] })
  await expectShown('eve', ['missing', 30], 'strong')
  await expectShown('eve', ['missing', 30], 'eventual')
  expect(await history('eve', [t - 1, t])).toEqual([
    [30, 30],
    [null, 30],
  ])
  await cutAll()
  expect(await readTombstones('eve')).toEqual([{ user: 'eve', ms: String(t), view: 'price' }])
  expect(await history('eve', [t - 1, t])).toEqual([
    [30, 30],
    [null, 30],
  ])
})

it('a deletion ahead of the clock waits for its time (S4, S10)', async () => {
  // On a machine so slow that the time has come before anybody has looked, further ahead.
  for (let aheadMs = 8_000, hasLooked = false; !hasLooked; aheadMs *= 3) {
    const user = `zoe ${aheadMs}`
    await push(user, Date.now() - MINUTE_MS, 40)
    await expectShown(user, [40, 40], 'strong')
    const t = Date.now() + aheadMs
    await remove(user, t)
    await pushBehind()
    const shown = await show(user, 'strong')
    if (Date.now() >= t) continue
    expect(shown).toEqual([40, 40])
    hasLooked = true
    await expectShown(user, ['missing', 'missing'], 'strong')
    expect(Date.now()).toBeGreaterThanOrEqual(t)
    await expectShown(user, ['missing', 'missing'], 'eventual')
  }
})

it('a deletion retried with its Idempotency-Key stands in the log once (S9)', async () => {
  const t = Date.now() - MINUTE_MS
  const body = { keys: [{ user: 'max' }], event_time: text(t) }
  const headers = { 'idempotency-key': 'once' }
  for (let time = 0; time < 3; time++)
    expect((await harness.call('POST', '/v1/entities/user/deletions', body, headers)).status).toBe(202)
  await expectShownBehind('max', ['missing', 'missing'])
  const cut = async () => {
    await cutAll()
    return readTombstones('max')
  }
  expect(await until(cut, (rows) => rows.length > 0, READABLE_MS)).toEqual([
    { user: 'max', ms: String(t), view: null },
  ])
})
