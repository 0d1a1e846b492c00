import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type LocalWorker, startLocalWorker } from '../../scripts/local-worker.ts'
import { createParquetWriter } from '../../src/core/parquet.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { CLICKS } from '../platform/clicks.ts'
import { until, writeConfig } from './harness.ts'

const USERS = Array.from({ length: 12 }, (_, at) => `user-${at}`)
const EVENTS = 84
const CHUNK_LABELS = 2
/** Steps enough to be killed in each kind of them. */
const LABELS = 24
/** Of a load. */
const PARTS = 4
const START_MS = Date.now() - 600_000
const MADE_MS = 180_000

interface Report {
  readonly status: string
  readonly progress: { readonly done: number; readonly total: number }
  readonly row_count: number | null
  readonly files: readonly { readonly path: string }[]
  readonly error: string | null
}

let worker: LocalWorker
let state: string
let configPath: string
beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'featheredge-kill-dataset-'))
  configPath = await writeConfig(state, 'test/worker/held/worker.ts')
  await start({ isMigrated: false })
})
afterAll(async () => {
  await worker.stop()
  await rm(state, { recursive: true, force: true, maxRetries: 10 })
})

/** Steps of jobs whose name is of the pattern are done and do not end (`held/worker.ts`). */
async function start({
  isMigrated,
  heldSteps = '',
}: {
  readonly isMigrated: boolean
  readonly heldSteps?: string
}): Promise<void> {
  worker = await startLocalWorker({
    port: 0,
    state,
    token: 'test',
    configPath,
    isMigrated,
    variables: {
      DATASET_CHUNK_ROWS: String(CHUNK_LABELS),
      SEGMENT_AGE_MS: '600000',
      LOAD_PARTS: String(PARTS),
      ...(heldSteps === '' ? {} : { HELD_STEPS: heldSteps }),
    },
  })
}
async function send(
  method: string,
  path: string,
  body?: object | string | Uint8Array<ArrayBuffer>,
): Promise<Response> {
  const answer = await fetch(worker.url + path, {
    method,
    headers: { authorization: 'Bearer test' },
    ...(body === undefined
      ? {}
      : { body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body) }),
  })
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`)
  return answer
}

async function call<T>(method: string, path: string, body?: object | string): Promise<T> {
  return (await (await send(method, path, body)).json()) as T
}

const at = (second: number) => new Date(START_MS + second * 1_000).toISOString()

const untilReport = (id: string, isWanted: (report: Report) => boolean) =>
  until(() => call<Report>('GET', `/v1/training-datasets/${id}`), isWanted, MADE_MS)

async function readFiles({ files }: Report): Promise<string[]> {
  const read = files.map(async ({ path }) => {
    const bytes = await (await send('GET', `/v1/files/${path}`)).arrayBuffer()
    return Buffer.from(bytes).toString('base64')
  })
  return Promise.all(read)
}

/** D1 of the killed Worker, which may not have let go of its file yet. */
async function openD1(): Promise<DatabaseSync> {
  const folder = join(state, 'v3/d1/miniflare-D1DatabaseObject')
  const names = (await readdir(folder)).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name))
  expect(names).toHaveLength(1)
  return new DatabaseSync(join(folder, names[0]!), { timeout: 10_000 })
}

/** Two minutes of silence are put into the past. */
function silence(database: DatabaseSync, table: 'jobs' | 'loads', id: string): void {
  const { changes } = database.prepare(`UPDATE ${table} SET heartbeat_time = 0 WHERE id = ?`).run(id)
  expect(changes).toBe(1)
}

/** Answers how many steps of the dataset are done. */
async function silenceDataset(id: string): Promise<number> {
  const database = await openD1()
  silence(database, 'jobs', id)
  const steps = database.prepare('SELECT count(*) AS count FROM training_steps WHERE dataset = ?').get(id)
  database.close()
  return Number(steps!.count)
}

it('a dataset whose Worker is killed at several steps is resumed by Cron and ends byte-equal to an undisturbed one', async () => {
  await call('POST', '/v1/definitions/apply', { definitions: CLICKS })
  const events = Array.from({ length: EVENTS }, (_, event) => ({
    at: at(event),
    made: at(event),
    user: USERS[event % USERS.length]!,
    item: event % 7,
    price: event,
  }))
  await call('POST', '/v1/sources/clicks/events', { events })
  await until(
    () =>
      call<{ rows: number[][] }>('POST', '/v1/feature-services/ranker/features', {
        entities: [{ user: USERS.at(-1), item: (EVENTS - 1) % 7 }],
        consistency: 'strong',
      }),
    ({ rows }) => rows[0]![1] === EVENTS - 1,
    MADE_MS,
  )
  const labels = Array.from({ length: LABELS }, (_, label) => {
    const second = (label * 37) % 100
    return `${USERS[label % USERS.length]},${label % 9},${at(second)}\n`
  })
  await send('PUT', '/v1/files/labels/killed.csv', `user,item,event_time\n${labels.join('')}`)
  const request = {
    name: 'killed',
    feature_service: 'ranker',
    labels: { path: 'labels/killed.csv' },
    statuses: true,
  }
  const { id: undisturbed } = await call<{ id: string }>('POST', '/v1/training-datasets', request)
  const wanted = await untilReport(undisturbed, ({ status }) => status !== 'queued' && status !== 'running')
  expect(wanted).toMatchObject({ status: 'succeeded', row_count: LABELS, error: null })
  const divided = LABELS / CHUNK_LABELS
  const joined = wanted.progress.total - divided - wanted.files.length

  // While labels are divided, while they are joined, while files are written.
  const kills = [
    { heldSteps: '^divided 2$', done: 3 },
    { heldSteps: `^joined ${joined - 1}$`, done: divided + joined },
    { heldSteps: '^file 0$', done: divided + joined + 1 },
  ]
  await send('POST', `/hold?steps=${encodeURIComponent(kills[0]!.heldSteps)}`)
  const { id } = await call<{ id: string }>('POST', '/v1/training-datasets', { again: undisturbed })
  let stepCount = 0
  for (const [at, { done }] of kills.entries()) {
    const reached = await untilReport(id, ({ progress }) => progress.done >= done)
    await worker.kill()
    expect(reached).toMatchObject({ status: 'running', progress: { done } })
    const stepsDone = await silenceDataset(id)
    expect(stepsDone).toBeGreaterThan(stepCount)
    stepCount = stepsDone
    await start({ isMigrated: true, heldSteps: kills[at + 1]?.heldSteps ?? '' })
    await worker.tick()
  }
  const made = await untilReport(id, ({ status }) => status !== 'running')
  expect(made).toMatchObject({
    status: 'succeeded',
    row_count: LABELS,
    error: null,
    progress: wanted.progress,
  })
  expect(await readFiles(made)).toEqual(await readFiles(wanted))
})

const CHUNKS = 32
const ROWS_PER_CHUNK = 5

/** Payments of users in turn, a second apart; the amount of each is its number. */
function paymentsFile(): Uint8Array<ArrayBuffer> {
  const columns = [
    { name: 'at', type: 'timestamp' },
    { name: 'user', type: 'string' },
    { name: 'cents', type: 'int64' },
  ] as const
  const writer = createParquetWriter(columns)
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    const rows = Array.from({ length: ROWS_PER_CHUNK }, (_, row) => chunk * ROWS_PER_CHUNK + row)
    writer.write([
      rows.map((row) => (START_MS + row * 1_000) * 1_000),
      rows.map((row) => USERS[row % USERS.length]!),
      rows.map(BigInt),
    ])
  }
  return new Uint8Array(writer.finish())
}

const PAYMENTS: DefinitionSetInput = {
  entities: [{ name: 'payer', join_keys: [{ name: 'user', type: 'string' }], shards: 2 }],
  sources: [
    {
      name: 'payments',
      event_time: 'at',
      schema: [
        { name: 'at', type: 'timestamp' },
        { name: 'user', type: 'string' },
        { name: 'cents', type: 'int64' },
      ],
      landing: { format: 'parquet' },
    },
  ],
  feature_views: [
    {
      name: 'paid',
      entity: 'payer',
      source: 'payments',
      aggregations: [
        { name: 'count', function: 'count', sql: 'cents', windows: ['1h'] },
        { name: 'sum', function: 'sum', sql: 'cents', windows: ['1h'] },
      ],
    },
  ],
  feature_services: [{ name: 'payers', features: [{ view: 'paid' }] }],
}

it('a load in parts whose Worker is killed among its chunks and among its syncs is resumed by Cron and counts every row once (S8, S9)', async () => {
  await call('POST', '/v1/definitions/apply', { definitions: PAYMENTS, allow_breaking: true })
  await send('PUT', '/v1/sources/payments/files/payments.parquet', paymentsFile())
  // Each part goes no further than to its first chunk, or sync, from the twelfth on.
  const kills = ['chunk', 'sync'].map((phase, before) => ({
    heldSteps: `${phase} (1[2-9]|[23]\\d)$`,
    done: before * CHUNKS + 12 + PARTS,
  }))
  await send('POST', `/hold?steps=${encodeURIComponent(kills[0]!.heldSteps)}`)
  const started = await call<{ loads: { id: string }[] }>('POST', '/v1/sources/payments/loads', {})
  const { id } = started.loads[0]!
  const untilLoad = (isWanted: (report: Report) => boolean) =>
    until(() => call<Report>('GET', `/v1/loads/${id}`), isWanted, MADE_MS)
  for (const [at, { done }] of kills.entries()) {
    const reached = await untilLoad(({ progress }) => progress.done >= done)
    await worker.kill()
    expect(reached).toMatchObject({ status: 'running', progress: { done } })
    const database = await openD1()
    silence(database, 'loads', id)
    const { parts } = database
      .prepare('SELECT count(DISTINCT chunk % 4) AS parts FROM load_chunks WHERE load = ?')
      .get(id)!
    database.close()
    expect(parts).toBe(PARTS)
    await start({ isMigrated: true, heldSteps: kills[at + 1]?.heldSteps ?? '' })
    await worker.tick()
  }
  const load = await untilLoad(({ status }) => status !== 'running')
  const rows = CHUNKS * ROWS_PER_CHUNK
  expect(load).toMatchObject({
    status: 'succeeded',
    rows: { read: rows, written: rows },
    progress: { done: 2 * CHUNKS, total: 2 * CHUNKS },
  })
  const entities = USERS.map((user) => ({ user }))
  const served = await call<{ rows: number[][] }>('POST', '/v1/feature-services/payers/features', {
    entities,
    consistency: 'strong',
  })
  const wanted = USERS.map((_, user) => {
    const own = Array.from({ length: rows }, (_, row) => row).filter((row) => row % USERS.length === user)
    return [own.length, own.reduce((sum, row) => sum + row, 0)]
  })
  expect(served.rows).toEqual(wanted)
  const database = await openD1()
  const logged = database
    .prepare("SELECT sum(row_count) AS rows FROM segments WHERE view = 'paid' AND replaced_time IS NULL")
    .get()
  database.close()
  expect(logged).toEqual({ rows })
})
