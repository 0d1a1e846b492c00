import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { parquetReadObjects } from 'hyparquet'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { writeParquet } from '../../src/core/parquet.ts'
import { formatInstant } from '../../src/core/time.ts'
import { type Harness, startHarness, TOKEN, until } from './harness.ts'

// The same rows through both doors, each with a source and views of its own; one service reads both, so that an answer is of
// one time. What is `pushed_` has to be what is `landed_`.

const DOORS = ['pushed', 'landed'] as const
const WINDOWS = ['1h', '1d']
const DEFINITIONS = {
  entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 2 }],
  sources: DOORS.map((door) => ({
    name: door,
    event_time: 'at',
    created_time: 'made',
    schema: [
      { name: 'at', type: 'timestamp' },
      { name: 'made', type: 'timestamp' },
      { name: 'user', type: 'string' },
      { name: 'value', type: 'int64' },
      { name: 'price', type: 'float64' },
      { name: 'tag', type: 'string' },
    ],
    landing: { format: 'parquet' },
  })),
  feature_views: DOORS.flatMap((door) => [
    {
      name: `latest_${door}`,
      entity: 'user',
      source: door,
      features: [
        { name: 'value', type: 'int64', sql: 'value' },
        { name: 'price', type: 'float64', sql: 'price' },
        { name: 'tag', type: 'string', sql: 'tag' },
      ],
      ttl: '1d',
    },
    {
      name: `windows_${door}`,
      entity: 'user',
      source: door,
      aggregations: [
        { name: 'values', function: 'count', sql: 'value', windows: WINDOWS },
        { name: 'total', function: 'sum', sql: 'value', windows: WINDOWS },
        { name: 'mean', function: 'mean', sql: 'price', windows: WINDOWS },
        { name: 'newest', function: 'last', sql: 'tag', windows: WINDOWS },
        { name: 'tags', function: 'count_distinct', sql: 'tag', windows: WINDOWS },
      ],
    },
  ]),
  feature_services: [
    {
      name: 'both',
      features: DOORS.flatMap((door) => [
        { view: `latest_${door}`, prefix: `${door}_` },
        { view: `windows_${door}`, prefix: `${door}_` },
      ]),
    },
  ],
}
const ROWS = 400
const DONE_MS = 60_000
const MINUTE = 60_000_000
const NOW = Math.floor(Date.now() / 60_000) * MINUTE
const USERS = Array.from({ length: 14 }, (_, at) => `user-${at}`)

/** Ties of event time, of both times, and late rows are many; the last users are never or long ago seen. */
const random = createRandom(20_261_128)
const rows = Array.from({ length: ROWS }, () => {
  const user = USERS[Math.floor(random() ** 2 * 12)]!
  const hoursAgo = user === 'user-11' ? 40 : Math.floor(random() ** 3 * 45)
  const at = NOW - 5 * MINUTE - hoursAgo * 60 * MINUTE - Math.floor(random() * 4) * 7 * MINUTE
  return {
    at,
    made: at + Math.floor(random() * 2) * MINUTE,
    user,
    value: random() < 0.2 ? null : Math.floor(random() * 1_000) - 500,
    price: random() < 0.2 ? null : random() * 100 - 50,
    tag: random() < 0.2 ? null : `tag-${Math.floor(random() * 5)}`,
  }
})

let harness: Harness
beforeAll(async () => {
  harness = await startHarness()
  const applied = await harness.call('POST', '/v1/definitions/apply', { definitions: DEFINITIONS })
  expect(applied.status, applied.text).toBe(200)
  for (let start = 0; start < ROWS; start += 90) {
    const events = rows
      .slice(start, start + 90)
      .map((row) => ({ ...row, at: formatInstant(row.at), made: formatInstant(row.made) }))
    const pushed = await harness.call('POST', '/v1/sources/pushed/events', { events })
    expect(pushed.json, pushed.text).toMatchObject({ rejected: [] })
  }
  const column = <T>(value: (row: (typeof rows)[number]) => T) => rows.map(value)
  const file = writeParquet([
    { name: 'at', type: 'timestamp', values: column(({ at }) => at) },
    { name: 'made', type: 'timestamp', values: column(({ made }) => made) },
    { name: 'user', type: 'string', values: column(({ user }) => user) },
    { name: 'value', type: 'int64', values: column(({ value }) => (value === null ? null : BigInt(value))) },
    { name: 'price', type: 'float64', values: column(({ price }) => price) },
    { name: 'tag', type: 'string', values: column(({ tag }) => tag) },
  ])
  await harness.call('PUT', '/v1/sources/landed/files/all.parquet', file)
  const { json } = await harness.call<{ loads: { id: string }[] }>('POST', '/v1/sources/landed/loads', {})
  const load = await until(
    async () =>
      (await harness.call<{ status: string; rows: object }>('GET', `/v1/loads/${json.loads[0]!.id}`)).json,
    ({ status }) => status !== 'queued' && status !== 'running',
    DONE_MS,
  )
  expect(load).toMatchObject({ status: 'succeeded', rows: { written: ROWS } })
  const logged = `SELECT min(rows) AS least FROM
    (SELECT sum(row_count) AS rows FROM segments WHERE path LIKE 'log/%pushed/%' GROUP BY view)`
  await until(
    () => harness.env.DB.prepare(logged).first<number>('least'),
    (least) => least === ROWS,
    DONE_MS,
  )
})
afterAll(() => harness.close())

/** Takes apart what belongs to each door; the names without the door's. */
function byDoor(names: readonly string[], values: readonly unknown[]) {
  const [pushed, landed] = DOORS.map((door) =>
    Object.fromEntries(
      names.flatMap((name, at) =>
        name.startsWith(`${door}_`) ? [[name.slice(door.length + 1), values[at]]] : [],
      ),
    ),
  )
  return { pushed: pushed!, landed: landed! }
}

it.each(['strong', 'eventual'])(
  'rows pushed and loaded are served alike, %s (S6, S20, S25)',
  async (consistency) => {
    const body = {
      entities: USERS.map((user) => ({ user })),
      include: ['statuses', 'event_times'],
      consistency,
    }
    const read = async () => {
      const path = '/v1/feature-services/both/features'
      const { json, text } = await harness.call<Readonly<Record<string, unknown[][]>>>('POST', path, body)
      const names = json.feature_names as unknown as string[]
      expect(names, text).toHaveLength(2 * (3 + 5 * WINDOWS.length))
      return ['rows', 'statuses', 'event_times'].flatMap((part) =>
        json[part]!.map((values) => byDoor(names, values)),
      )
    }
    // A reader of blocks may find one door's a little later than the other's.
    const isAlike = (found: Awaited<ReturnType<typeof read>>) =>
      found.every(({ pushed, landed }) => JSON.stringify(pushed) === JSON.stringify(landed))
    const found = await until(read, isAlike, DONE_MS)
    const statuses = new Set(found.slice(USERS.length).flatMap(({ pushed }) => Object.values(pushed)))
    for (const status of ['present', 'null', 'missing', 'expired']) expect(statuses).toContain(status)
  },
)

it('rows pushed and loaded have the same log, order aside (S25)', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'two-doors-'))
  const duckdb = await (await DuckDBInstance.create(':memory:')).connect()
  try {
    const { results } = await harness.env.DB.prepare(
      "SELECT path FROM segments WHERE path LIKE 'log/%'",
    ).all<{
      path: string
    }>()
    for (const { path } of results) {
      const object = await harness.env.BUCKET.get(path)
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), new Uint8Array(await object!.arrayBuffer()))
    }
    for (const view of ['latest', 'windows']) {
      const [pushed, landed] = DOORS.map(
        (door) => `SELECT * EXCLUDE (ingest_time, sequence_time, sequence_origin, sequence_index)
          FROM read_parquet('${folder}/log/${view}_${door}/**/*.parquet', hive_partitioning = false)`,
      )
      const counted = await duckdb.runAndReadAll(`SELECT
        (SELECT count(*) FROM (${pushed})), (SELECT count(*) FROM (${pushed} EXCEPT ALL ${landed})),
        (SELECT count(*) FROM (${landed} EXCEPT ALL ${pushed}))`)
      expect(counted.getRows()[0], view).toEqual([BigInt(ROWS), 0n, 0n])
    }
  } finally {
    duckdb.closeSync()
    await rm(folder, { recursive: true })
  }
})

it('rows pushed and loaded make equal datasets (S2, S22, S25)', async () => {
  const events = [...new Set(rows.map(({ at }) => at))]
  const times = [NOW, NOW - 50 * 60 * MINUTE, ...events.slice(0, 20).flatMap((at) => [at, at - 1])]
  const labels = USERS.flatMap((user) => times.map((time) => ({ user, time })))
  const file = writeParquet([
    { name: 'user', type: 'string', values: labels.map(({ user }) => user) },
    { name: 'event_time', type: 'timestamp', values: labels.map(({ time }) => time) },
  ])
  await harness.call('PUT', '/v1/files/labels/two-doors.parquet', file)
  const started = await harness.call<{ id: string }>('POST', '/v1/training-datasets', {
    name: 'two-doors',
    feature_service: 'both',
    labels: { path: 'labels/two-doors.parquet' },
    statuses: true,
  })
  const { files, error } = await until(
    async () =>
      (
        await harness.call<{ status: string; error: string | null; files: { path: string }[] }>(
          'GET',
          `/v1/training-datasets/${started.json.id}`,
        )
      ).json,
    ({ status }) => status !== 'queued' && status !== 'running',
    DONE_MS,
  )
  expect(error).toBeNull()
  const joined: Record<string, unknown>[] = []
  for (const { path } of files) {
    const response = await fetch(new URL(`/v1/files/${path}`, harness.url), {
      headers: { authorization: `Bearer ${TOKEN}` },
    })
    joined.push(...(await parquetReadObjects({ file: await response.arrayBuffer() })))
  }
  expect(joined).toHaveLength(labels.length)
  const doors = joined.map((row) => byDoor(Object.keys(row), Object.values(row)))
  expect(Object.keys(doors[0]!.pushed)).toHaveLength(2 * (3 + 5 * WINDOWS.length))
  expect(doors.map(({ pushed }) => pushed)).toEqual(doors.map(({ landed }) => landed))
  expect(doors.filter(({ pushed }) => pushed.total_1d !== null).length).toBeGreaterThan(100)
})

/** Numbers from 0 to 1 that are the same in every run. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
