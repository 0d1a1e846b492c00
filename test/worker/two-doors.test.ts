import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parquetReadObjects } from 'hyparquet'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { encodePartId } from '../../src/batch/load-parts.ts'
import { createParquetWriter, writeParquet } from '../../src/core/parquet.ts'
import { formatInstant } from '../../src/core/time.ts'
import { openDuckdb } from '../oracles/open-duckdb.ts'
import { type Harness, startHarness, TOKEN, until, writeConfig } from './harness.ts'

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
/** Of the landed file's row groups, which are chunks: enough of them that the load is in parts. */
const GROUP_ROWS = 25
const PARTS = 4
const DONE_MS = 180_000
const MINUTE = 60_000_000
const NOW = Math.floor(Date.now() / 60_000) * MINUTE
const USERS = Array.from({ length: 14 }, (_, at) => `user-${at}`)

interface LandedRow {
  readonly at: number
  readonly made: number
  readonly user: string | null
  readonly value: number | null
  readonly price: number | null
  readonly tag: string | null
}

/** Ties of event time, of both times, and late rows are many; the last users are never or long ago seen. */
const random = createRandom(20_261_128)
const rows = Array.from({ length: ROWS }, (): LandedRow => {
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

let folder: string
let harness: Harness
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'featheredge-two-doors-'))
  harness = await startHarness({ configPath: await writeConfig(folder, 'test/worker/held/worker.ts') })
  const applied = await harness.call('POST', '/v1/definitions/apply', { definitions: DEFINITIONS })
  expect(applied.status, applied.text).toBe(200)
  for (let start = 0; start < ROWS; start += 90) {
    const events = rows
      .slice(start, start + 90)
      .map((row) => ({ ...row, at: formatInstant(row.at), made: formatInstant(row.made) }))
    const pushed = await harness.call('POST', '/v1/sources/pushed/events', { events })
    expect(pushed.json, pushed.text).toMatchObject({ rejected: [] })
  }
  const load = await untilEnded(await startLoad('all', landedFile(rows, GROUP_ROWS)))
  expect(load).toMatchObject({ status: 'succeeded', rows: { written: ROWS } })
  const logged = `SELECT min(rows) AS least FROM
    (SELECT sum(row_count) AS rows FROM segments WHERE path LIKE 'log/%pushed/%' GROUP BY view)`
  await until(
    () => harness.env.DB.prepare(logged).first<number>('least'),
    (least) => least === ROWS,
    DONE_MS,
  )
})
afterAll(async () => {
  await harness?.close()
  await rm(folder, { recursive: true, maxRetries: 10 })
})

interface Load {
  readonly id: string
  readonly status: string
  readonly rows: { readonly written: number }
  readonly progress: { readonly done: number; readonly total: number }
  readonly error?: string
}

function landedFile(landed: readonly LandedRow[], groupRows: number): Uint8Array {
  const columns = [
    { name: 'at', type: 'timestamp' },
    { name: 'made', type: 'timestamp' },
    { name: 'user', type: 'string' },
    { name: 'value', type: 'int64' },
    { name: 'price', type: 'float64' },
    { name: 'tag', type: 'string' },
  ] as const
  const writer = createParquetWriter(columns)
  for (let start = 0; start < landed.length; start += groupRows) {
    const group = landed.slice(start, start + groupRows)
    const values = group.map(({ value, ...row }) => ({
      ...row,
      value: value === null ? null : BigInt(value),
    }))
    writer.write(columns.map(({ name }) => values.map((row) => row[name])))
  }
  return writer.finish()
}

/** Lands a file and begins its load. */
async function startLoad(name: string, file: Uint8Array): Promise<string> {
  await harness.call('PUT', `/v1/sources/landed/files/${name}.parquet`, file)
  const body = { files: [`${name}.parquet`] }
  const { json } = await harness.call<{ loads: Load[] }>('POST', '/v1/sources/landed/loads', body)
  return json.loads[0]!.id
}

const readLoad = async (id: string) => (await harness.call<Load>('GET', `/v1/loads/${id}`)).json

function untilEnded(id: string): Promise<Load> {
  return until(
    () => readLoad(id),
    ({ status }) => status !== 'queued' && status !== 'running',
    DONE_MS,
  )
}

const hasEnded = (status: string) => status === 'complete' || status === 'terminated'

/** Statuses of the instances that were begun beside a load's own, by what they do. */
async function readParts(id: string): Promise<Record<string, string[]>> {
  const { generation } = (await harness.env.DB.prepare('SELECT generation FROM loads WHERE id = ?')
    .bind(id)
    .first())!
  const statuses: Record<string, string[]> = { chunk: [], sync: [] }
  for (const phase of ['chunk', 'sync'] as const) {
    for (let part = 1; part < PARTS; part++) {
      const partId = encodePartId({
        load: id,
        attempt: 0,
        generation: Number(generation),
        phase,
        part,
        partCount: PARTS,
      })
      const instance = await harness.env.JOBS.get(partId).catch(() => undefined)
      if (instance !== undefined) statuses[phase]!.push((await instance.status()).status)
    }
  }
  return statuses
}

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
  const duckdb = await openDuckdb()
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

it('a load of many chunks is in parts, which all end with it', async () => {
  const { results } = await harness.env.DB.prepare('SELECT id FROM loads').all<{ id: string }>()
  expect(results).toHaveLength(1)
  const parts = await until(
    () => readParts(results[0]!.id),
    ({ chunk, sync }) => [...chunk!, ...sync!].every(hasEnded),
    DONE_MS,
  )
  const ended = Array(PARTS - 1).fill('complete')
  expect(parts).toEqual({ chunk: ended, sync: ended })
})

it('a load in parts with a bad row in its last chunk fails by row and reason, all parts end, and it leaves nothing', async () => {
  const bad = rows.map((row, at) => (at === ROWS - 1 ? { ...row, user: null } : row))
  const id = await startLoad('bad', landedFile(bad, GROUP_ROWS))
  expect(await untilEnded(id)).toMatchObject({
    status: 'failed',
    error: expect.stringMatching(
      new RegExp(
        `^Cannot load "bad.parquet": 1 rows are bad and max_bad_rows is 0; row ${ROWS - 1}: Join key`,
      ),
    ),
  })
  await untilGone(id)
})

it('a load in parts that is cancelled ends all of them and leaves nothing', async () => {
  // Each part goes no further than to its first chunk from the tenth on.
  await harness.call('POST', `/hold?steps=${encodeURIComponent('chunk \\d\\d$')}`)
  const id = await startLoad('cancelled', landedFile(rows, 4))
  await until(
    () => readLoad(id),
    ({ progress }) => progress.done >= 10 + PARTS,
    DONE_MS,
  )
  const cancelled = await harness.call('POST', `/v1/jobs/${id}/cancel`)
  expect(cancelled.status, cancelled.text).toBe(200)
  await harness.call('POST', '/hold')
  await untilGone(id)
  expect(await readLoad(id)).toMatchObject({ status: 'cancelled' })
})

/** Waits until neither a load nor a part of it goes on; then nothing is kept for it, and history shows none of it. */
async function untilGone(id: string): Promise<void> {
  const own = await harness.env.JOBS.get(id)
  await until(async () => (await own.status()).status, hasEnded, DONE_MS)
  const parts = await until(
    () => readParts(id),
    ({ chunk }) => chunk!.every(hasEnded),
    DONE_MS,
  )
  expect(parts).toMatchObject({
    chunk: [expect.any(String), expect.any(String), expect.any(String)],
    sync: [],
  })
  const { objects } = await harness.env.BUCKET.list({ prefix: `loads/${id}/` })
  expect(objects).toEqual([])
  const registered = harness.env.DB.prepare('SELECT count(*) AS count FROM segments WHERE path LIKE ?')
  expect(await registered.bind(`%${id}%`).first('count')).toBe(0)
}

/** Numbers from 0 to 1 that are the same in every run. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
