import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { asyncBufferFromUrl, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ParquetColumn, writeParquet } from '../../src/core/parquet.ts'
import { openDuckdb } from '../oracles/open-duckdb.ts'
import { CLICKS } from '../platform/clicks.ts'
import { type ErrorBody, type Harness, startHarness, TOKEN, until, writeConfig } from './harness.ts'

const MADE_MS = 180_000
const NOW_MS = Date.now()
const at = (secondsAgo: number) => new Date(NOW_MS - secondsAgo * 1_000).toISOString()
const us = (secondsAgo: number) => (NOW_MS - secondsAgo * 1_000) * 1_000

interface Report {
  readonly id: string
  readonly status: string
  readonly row_count: number | null
  readonly files: readonly { readonly path: string; readonly rows: number; readonly bytes: number }[]
  readonly manifest: string | null
  readonly progress: { readonly done: number; readonly total: number }
  readonly error: string | null
  readonly [name: string]: unknown
}

let folder: string
let harness: Harness
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'featheredge-training-'))
  // Rows wait in the writers until a dataset has them cut, and few labels make several chunks.
  harness = await startHarness({
    configPath: await writeConfig(folder, 'test/worker/held/worker.ts'),
    variables: { SEGMENT_AGE_MS: '600000', DATASET_CHUNK_ROWS: '3' },
  })
  const applied = await harness.call('POST', '/v1/definitions/apply', { definitions: CLICKS })
  expect(applied.status, applied.text).toBe(200)
  await push({ user: 'ann', item: 1, price: 5, at: at(90) }, { user: 'bob', item: 2, price: 7, at: at(80) })
  await untilKnown('bob', 7)
})
afterAll(async () => {
  await harness?.close()
  rmSync(folder, { recursive: true, maxRetries: 10 })
})

async function push(...events: { user: string; item: number; price: number; at: string; made?: string }[]) {
  const body = { events: events.map((event) => ({ made: event.at, ...event })) }
  const { status, text } = await harness.call('POST', '/v1/sources/clicks/events', body)
  expect(status, text).toBe(202)
}

/** By what history shows of a fixed time: what Get shows expires within two minutes (S3). */
const untilKnown = (user: string, price: number | null) =>
  until(
    () =>
      harness.call<{ rows: unknown[][] }>('POST', '/v1/feature-services/ranker/historical-features', {
        labels: [{ user, item: 1, event_time: at(0) }],
      }),
    ({ json }) => json.rows[0]![3] === price,
    MADE_MS,
  )

/** Label columns; those given take the place of good ones. */
function labelFile(columns: Partial<Record<'user' | 'item' | 'event_time', ParquetColumn>> = {}): Uint8Array {
  return writeParquet(
    Object.values({
      user: { name: 'user', type: 'string', values: ['bob', 'ann', 'bob', 'nobody', 'ann'] },
      item: { name: 'item', type: 'int64', values: [2n, 1n, 1n, 9n, 1n] },
      event_time: { name: 'event_time', type: 'timestamp', values: [us(0), us(0), us(95), us(0), us(0)] },
      weight: { name: 'weight', type: 'float64', values: [1.5, null, 2.5, Number.NaN, 4.5] },
      ...columns,
    } satisfies Record<string, ParquetColumn>),
  )
}

async function putLabels(name: string, file: Uint8Array | string): Promise<string> {
  const { status, text } = await harness.call('PUT', `/v1/files/labels/${name}`, file)
  expect(status, text).toBe(201)
  return `labels/${name}`
}

const REQUEST = { name: 'first', feature_service: 'ranker' }

async function start(body: object, path = '/v1/training-datasets'): Promise<string> {
  const { status, text, json } = await harness.call<{ id: string; status: string }>('POST', path, body)
  expect(status, text).toBe(202)
  return json.id
}

const untilEnded = async (id: string): Promise<Report> =>
  (
    await until(
      () => harness.call<Report>('GET', `/v1/training-datasets/${id}`),
      ({ json }) => ['succeeded', 'failed', 'cancelled'].includes(json.status),
      MADE_MS,
    )
  ).json

async function make(body: object, path?: string): Promise<Report> {
  const report = await untilEnded(await start(body, path))
  expect(report.status, JSON.stringify(report)).toBe('succeeded')
  return report
}

async function bytesOf({ files }: Report): Promise<string[]> {
  const read = files.map(async ({ path }) => {
    const response = await fetch(url(path), { headers })
    return Buffer.from(await response.arrayBuffer()).toString('base64')
  })
  return Promise.all(read)
}

const headers = { authorization: `Bearer ${TOKEN}` }
const url = (path: string) => new URL(`/v1/files/${path}`, harness.url)

/** Rows of a dataset as a reader of Parquet over HTTP gets them, in ranges. */
async function readOverHttp({ files }: Report): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = []
  for (const { path, bytes } of files) {
    const file = await asyncBufferFromUrl({ url: url(path).href, requestInit: { headers } })
    expect(file.byteLength).toBe(bytes)
    const metadata = await parquetMetadataAsync(file)
    const chunks = metadata.row_groups.flatMap(({ columns }) => columns)
    expect(chunks.map(({ meta_data }) => meta_data!.codec).filter((codec) => codec !== 'SNAPPY')).toEqual([])
    rows.push(...(await parquetReadObjects({ file, metadata })))
  }
  return rows
}

/** The one that others look at, too. */
let first: Report

it('a dataset has every label in order with the features of its time, statuses where asked for (S2, S21, S24)', async () => {
  const path = await putLabels('first.parquet', labelFile())
  first = await make({ ...REQUEST, labels: { path }, statuses: true })
  const made = first
  expect(made).toMatchObject({
    name: 'first',
    feature_service: 'ranker',
    labels: { path },
    row_count: 5,
    generation: 1,
    commit: expect.any(Number),
    as_of: expect.stringMatching(/Z$/),
    error: null,
  })
  expect(made.progress.done).toBe(made.progress.total)
  const rows = await readOverHttp(made)
  expect(Object.keys(rows[0]!)).toEqual([
    'user',
    'item',
    'event_time',
    'weight',
    'user_price',
    'item_price',
    'user_price_status',
    'item_price_status',
  ])
  expect(rows.map((row) => Object.values(row).slice(3))).toEqual([
    [1.5, 7n, 7n, 'present', 'present'],
    [null, 5n, 5n, 'present', 'present'],
    [2.5, null, null, 'missing', 'missing'],
    [Number.NaN, null, null, 'missing', 'missing'],
    [4.5, 5n, 5n, 'present', 'present'],
  ])
  expect(rows[2]!.event_time).toEqual(new Date(NOW_MS - 95_000))
  const manifest = await harness.call<Record<string, unknown>>('GET', `/v1/files/${made.manifest}`)
  expect(manifest.json).toMatchObject({
    feature_service: 'ranker',
    feature_views: ['last_click@1', 'last_sale@1'],
    as_of: made.as_of,
    commit: made.commit,
    knowledge_cutoff: false,
    row_count: 5,
    statuses: { user_price: { present: 3, missing: 2 }, item_price: { present: 3, missing: 2 } },
    schema: expect.arrayContaining([{ name: 'event_time', type: 'timestamp' }]),
    segments: expect.arrayContaining([expect.stringMatching(/^log\/last_click\/v=1\/bucket=/)]),
  })
  // Nothing is left of what was made on the way.
  const { objects } = await harness.env.BUCKET.list({ prefix: `training/${made.id}/` })
  expect(objects.map(({ key }) => key).sort()).toEqual(
    [made.manifest, ...made.files.map((file) => file.path)].sort(),
  )
})

it('a reader of Parquet over HTTP fetches the footer and the column it wants by range, and nothing else', async () => {
  const [{ path, bytes }] = first.files as [Report['files'][number]]
  // In the order in which they were sent: answers may come in another.
  const requests: Promise<readonly [string, number, number]>[] = []
  const file = await asyncBufferFromUrl({
    url: url(path).href,
    byteLength: bytes,
    requestInit: { headers },
    async fetch(input, init) {
      const range = new Headers(init?.headers).get('range')!
      const answered = fetch(input, init).then(async (response) => ({
        response,
        body: await response.arrayBuffer(),
      }))
      requests.push(answered.then(({ response, body }) => [range, response.status, body.byteLength]))
      const { response, body } = await answered
      return new Response(body, response)
    },
  })
  const metadata = await parquetMetadataAsync(file, { initialFetchSize: 8 })
  const rows = await parquetReadObjects({ file, metadata, columns: ['user_price'] })
  expect(rows.map(({ user_price }) => user_price)).toEqual([7n, 5n, null, null, 5n])
  const [tail, footer, ...chunks] = await Promise.all(requests)
  expect(tail).toEqual([`bytes=${bytes - 8}-${bytes - 1}`, 206, 8])
  expect(footer!.slice(1)).toEqual([206, metadata.metadata_length])
  const wanted = metadata.row_groups.map(
    ({ columns }) =>
      columns.find(({ meta_data }) => meta_data!.path_in_schema[0] === 'user_price')!.meta_data!,
  )
  expect(chunks.map(([, status, length]) => [status, length])).toEqual(
    wanted.map(({ total_compressed_size }) => [206, Number(total_compressed_size)]),
  )
})

/** The bucket's Parquet files in a folder, and DuckDB to run the store's SQL over them. */
async function downloadBucket() {
  const folder = mkdtempSync(join(tmpdir(), 'featheredge-export-'))
  const { objects } = await harness.env.BUCKET.list()
  for (const { key } of objects.filter((object) => object.key.endsWith('.parquet'))) {
    mkdirSync(dirname(join(folder, key)), { recursive: true })
    const object = (await harness.env.BUCKET.get(key))!
    writeFileSync(join(folder, key), new Uint8Array(await object.arrayBuffer()))
  }
  const duckdb = await openDuckdb()
  return {
    folder,
    async rowsOf(answer: { readonly status: number; readonly headers: Headers; readonly text: string }) {
      expect(answer.status, answer.text).toBe(200)
      expect(answer.headers.get('content-type')).toMatch('application/sql')
      return (await duckdb.runAndReadAll(answer.text)).getRows()
    },
  }
}

it('the SQL of a dataset gives its rows under DuckDB, over the same files of the bucket', async () => {
  const { folder, rowsOf } = await downloadBucket()
  const query = `engine=duckdb&base=${folder}`
  const expected = [
    [1.5, 7n, 7n, 'present', 'present'],
    [null, 5n, 5n, 'present', 'present'],
    [2.5, null, null, 'missing', 'missing'],
    [Number.NaN, null, null, 'missing', 'missing'],
    [4.5, 5n, 5n, 'present', 'present'],
  ]
  const made = `/v1/training-datasets/${first.id}/sql`
  expect((await rowsOf(await harness.call('GET', `${made}?${query}`))).map((row) => row.slice(3))).toEqual(
    expected,
  )
  const request = { ...REQUEST, labels: first.labels, statuses: true }
  const asked = await harness.call('POST', `/v1/training-datasets/sql?${query}`, request)
  expect((await rowsOf(asked)).map((row) => row.slice(3))).toEqual(expected)
  const spark = await harness.call('GET', `${made}?engine=spark`)
  expect(spark.text).toMatch(/^-- Featheredge: "ranker" of generation 1, for spark\./)
  expect(spark.text).toContain('s3a://featheredge/labels/first.parquet')
  rmSync(folder, { recursive: true })

  const refused: [string, string, object | undefined, string, RegExp][] = [
    ['GET', made, undefined, 'invalid_argument', /"engine"|engine/],
    ['GET', `${made}?engine=presto`, undefined, 'invalid_argument', /engine/],
    ['GET', `${made}?engine=duckdb&base=a'b`, undefined, 'invalid_argument', /base/],
    ['GET', `${made}?engine=duckdb&dialect=x`, undefined, 'invalid_argument', /dialect/],
    ['GET', '/v1/training-datasets/none/sql?engine=duckdb', undefined, 'not_found', /"none"/],
    [
      'POST',
      '/v1/training-datasets/sql?engine=duckdb',
      { ...request, schedule: '@daily' },
      'invalid_argument',
      /schedule/,
    ],
    [
      'POST',
      '/v1/training-datasets/sql?engine=duckdb',
      { ...REQUEST, labels: { path: 'labels/none.parquet' } },
      'not_found',
      /there is no such file/,
    ],
    [
      'POST',
      '/v1/training-datasets/sql?engine=duckdb',
      { ...REQUEST, labels: { path: 'labels/some.csv' } },
      'failed_precondition',
      /"labels\/some.csv": it is no Parquet file/,
    ],
    [
      'POST',
      '/v1/training-datasets/sql?engine=duckdb',
      { ...REQUEST, labels: { entities: 'user', at: at(0) } },
      'failed_precondition',
      /entity "user" as labels/,
    ],
  ]
  for (const [method, path, body, code, message] of refused) {
    const answer = await harness.call<ErrorBody>(method, path, body)
    expect(answer.json.error, path).toMatchObject({ code, message: expect.stringMatching(message) })
  }
})

it('a dataset made again after late rows with old created times came is byte-equal; a new one sees them (S5)', async () => {
  const made = first
  const before = await bytesOf(made)
  await push({ user: 'bob', item: 1, price: 99, at: at(96), made: at(3_000) })
  await push({ user: 'ann', item: 1, price: 50, at: at(1), made: at(1) })
  await untilKnown('ann', 50)
  const again = await make({ again: made.id })
  expect(again).toMatchObject({
    as_of: made.as_of,
    commit: made.commit,
    generation: made.generation,
    row_count: 5,
  })
  expect(await bytesOf(again)).toEqual(before)
  const anew = await readOverHttp(await make({ ...REQUEST, labels: first.labels, statuses: true }))
  expect(anew.map(({ user_price }) => user_price)).toEqual([7n, 50n, 99n, null, 50n])
  await putLabels(
    'first.parquet',
    labelFile({ user: { name: 'user', type: 'string', values: ['x', 'x', 'x', 'x', 'x'] } }),
  )
  const refused = await harness.call<ErrorBody>('POST', '/v1/training-datasets', { again: made.id })
  expect(refused.json.error).toMatchObject({ code: 'failed_precondition' })
  expect(refused.json.error.message).toMatch(/"labels\/first.parquet" has been replaced/)
})

it("a view's snapshot has every entity known at the time, a deleted one until then (S10)", async () => {
  const deleted = await harness.call('POST', '/v1/entities/user/deletions', {
    keys: [{ user: 'bob' }],
    event_time: at(40),
  })
  expect(deleted.status, deleted.text).toBe(202)
  await untilKnown('bob', null)
  const snapshot = '/v1/feature-views/last_click/snapshot'
  const before = await readOverHttp(await make({ at: at(50) }, snapshot))
  expect(before.map(({ user, price }) => [user, price]).sort()).toEqual([
    ['ann', 5n],
    ['bob', 7n],
  ])
  expect(before[0]!.event_time).toEqual(new Date(NOW_MS - 50_000))
  const after = await readOverHttp(await make({ at: at(0), statuses: true }, snapshot))
  expect(after.map(({ user, price, price_status }) => [user, price, price_status])).toEqual([
    ['ann', 50n, 'present'],
  ])
  expect(await readOverHttp(await make({ at: at(10_000) }, snapshot))).toEqual([])
})

it('a service of one entity is scored for all entities known at a time', async () => {
  const definitions = {
    ...CLICKS,
    feature_services: [...CLICKS.feature_services!, { name: 'one', features: [{ view: 'last_sale' }] }],
  }
  await harness.call('POST', '/v1/definitions/apply', { definitions })
  const request = { name: 'scores', feature_service: 'one', labels: { entities: 'item', at: at(0) } }
  const made = await make(request)
  const rows = await readOverHttp(made)
  const expected = [
    [1n, 50n],
    [2n, 7n],
  ]
  expect(rows.map(({ item, price }) => [item, price])).toEqual(expected)
  // Its own files are the labels of its SQL.
  const { folder, rowsOf } = await downloadBucket()
  const sql = await harness.call('GET', `/v1/training-datasets/${made.id}/sql?engine=duckdb&base=${folder}`)
  expect((await rowsOf(sql)).map(([item, , price]) => [item, price])).toEqual(expected)
  rmSync(folder, { recursive: true })
})

it('Cron begins a scheduled dataset once, and it is listed among the jobs', async () => {
  // Half an hour from its next time, so that it is not due again meanwhile.
  const due = new Date(Math.floor(Date.now() / 60_000) * 60_000)
  const schedule = `${(due.getUTCMinutes() + 30) % 60} * * * *`
  const path = await putLabels(`hourly-${due.toISOString().slice(0, 10)}.parquet`, labelFile())
  const pattern = path.replace(/\d{4}-\d\d-\d\d/, '{date}')
  const id = await start({ ...REQUEST, name: 'hourly', labels: { path: pattern }, schedule })
  const scheduled = await harness.call<Report>('GET', `/v1/training-datasets/${id}`)
  expect(scheduled.json).toMatchObject({ status: 'scheduled', schedule, labels: { path: pattern } })
  // Its next time is put into the past: nobody waits for it.
  await harness.env.DB.prepare('UPDATE training_schedules SET next_time = ?')
    .bind(due.getTime() * 1_000)
    .run()
  const worker = harness.server.getWorker()
  await Promise.all([worker.scheduled({ cron: '* * * * *' }), worker.scheduled({ cron: '* * * * *' })])
  const { json } = await harness.call<{ training_datasets: Report[] }>(
    'GET',
    '/v1/training-datasets?limit=100',
  )
  const runs = json.training_datasets.filter(({ schedule }) => schedule === id)
  expect(runs).toHaveLength(1)
  expect(await untilEnded(runs[0]!.id)).toMatchObject({
    status: 'succeeded',
    name: 'hourly',
    labels: { path },
  })
  const jobs = await harness.call<{ jobs: Report[] }>('GET', '/v1/jobs')
  expect(jobs.json.jobs.find((job) => job.id === runs[0]!.id)).toMatchObject({
    kind: 'training',
    subject: 'hourly',
  })
  const cancelled = await harness.call('POST', `/v1/jobs/${id}/cancel`)
  expect(cancelled.json).toEqual({ id, status: 'cancelled' })
  expect((await harness.call<Report>('GET', `/v1/training-datasets/${id}`)).json.status).toBe('cancelled')
})

it('a dataset whose instance was ended by force is begun again by Cron and ends the same', async () => {
  const lines = [
    'user,item,event_time',
    `ann,1,${at(0)}`,
    `bob,2,${at(0)}`,
    `ann,2,${at(95)}`,
    `nobody,1,${at(0)}`,
  ]
  const path = await putLabels('killed.csv', lines.join('\n'))
  const wanted = await make({ ...REQUEST, labels: { path } })
  await harness.call('POST', '/hold?steps=divided')
  const id = await start({ again: wanted.id })
  await until(
    () => harness.call<Report>('GET', `/v1/training-datasets/${id}`),
    ({ json }) => json.progress.done > 0,
    MADE_MS,
  )
  const instance = await harness.env.JOBS.get(id)
  await instance.terminate()
  await harness.call('POST', '/hold')
  // Two minutes of silence are put into the past.
  await harness.env.DB.prepare('UPDATE jobs SET heartbeat_time = 0 WHERE id = ?').bind(id).run()
  await harness.server.getWorker().scheduled({ cron: '* * * * *' })
  const made = await untilEnded(id)
  expect(made).toMatchObject({ status: 'succeeded', row_count: 4 })
  expect(await bytesOf(made)).toEqual(await bytesOf(wanted))
})

it('a job that has ended, or is none, cannot be cancelled', async () => {
  const { id } = first
  const ended = await harness.call<ErrorBody>('POST', `/v1/jobs/${id}/cancel`)
  expect(ended.json.error).toMatchObject({
    code: 'failed_precondition',
    message: `Cannot cancel job "${id}": it has ended as succeeded`,
  })
  expect((await harness.call<ErrorBody>('POST', '/v1/jobs/none/cancel')).json.error.code).toBe('not_found')
})

it('files are sent whole, in part, or not at all, as HTTP has it', async () => {
  const path = await putLabels('ranges.txt', '0123456789')
  const get = (given: Record<string, string> = {}, method = 'GET') =>
    fetch(url(path), { method, headers: { ...headers, ...given } })
  const whole = await get()
  expect(whole.status).toBe(200)
  expect(whole.headers.get('accept-ranges')).toBe('bytes')
  expect(whole.headers.get('content-length')).toBe('10')
  expect(await whole.text()).toBe('0123456789')
  const etag = whole.headers.get('etag')!
  const head = await get({}, 'HEAD')
  expect([
    head.status,
    head.headers.get('content-length'),
    head.headers.get('etag'),
    await head.text(),
  ]).toEqual([200, '10', etag, ''])
  for (const [range, text, contentRange] of [
    ['bytes=2-4', '234', 'bytes 2-4/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
    ['bytes=-30', '0123456789', 'bytes 0-9/10'],
    ['bytes=8-99', '89', 'bytes 8-9/10'],
  ]) {
    const part = await get({ range: range! })
    expect([part.status, part.headers.get('content-range'), await part.text()], range).toEqual([
      206,
      contentRange,
      text,
    ])
    expect(part.headers.get('content-length')).toBe(String(text!.length))
  }
  for (const range of ['bytes=10-', 'bytes=-0']) {
    const none = await get({ range })
    expect([none.status, none.headers.get('content-range'), await none.text()], range).toEqual([
      416,
      'bytes */10',
      '',
    ])
  }
  for (const range of ['bytes=4-2', 'bytes=0-1,3-4', 'lines=1-2', 'bytes=-'])
    expect((await get({ range })).status, range).toBe(200)
  expect((await get({ range: 'bytes=2-4', 'if-range': etag })).status).toBe(206)
  expect((await get({ range: 'bytes=2-4', 'if-range': '"other"' })).status).toBe(200)
  expect((await get({ 'if-none-match': etag })).status).toBe(304)
})

it('nothing but label files, datasets and manifests can be read', async () => {
  const made = first
  await harness.env.BUCKET.put(`training/${made.id}/scratch/labels-0`, 'x')
  const { objects } = await harness.env.BUCKET.list({ prefix: 'log/' })
  for (const path of [
    objects[0]!.key,
    `training/${made.id}/scratch/labels-0`,
    'labels/none',
    'labels',
    'training/x/y',
  ])
    expect((await harness.call<ErrorBody>('GET', `/v1/files/${path}`)).json.error.code, path).toBe(
      'not_found',
    )
  for (const path of ['labels/%2e%2e/log', 'labels//x', 'labels/..%2flog'])
    expect((await harness.call<ErrorBody>('GET', `/v1/files/${path}`)).json.error.code, path).toMatch(
      /invalid_argument|not_found/,
    )
  expect(
    (await harness.call('GET', `/v1/files/${made.manifest}`, undefined, { authorization: null })).status,
  ).toBe(401)
})

it('bad labels are refused with the row and column named, before or while they are read (S24)', async () => {
  const column = (
    name: string,
    type: ParquetColumn['type'],
    values: ParquetColumn['values'],
  ): ParquetColumn => ({ name, type, values })
  const cases: [string, Uint8Array | string, RegExp][] = [
    [
      'no-time',
      labelFile({ event_time: column('when', 'timestamp', [1, 1, 1, 1, 1]) }),
      /no column "event_time", timestamp is needed/,
    ],
    [
      'wrong-type',
      labelFile({ item: column('item', 'float64', [1, 1, 1, 1, 1]) }),
      /column "item" is float64, int64 is needed/,
    ],
    [
      'collides',
      labelFile({ user: column('user_price', 'string', ['a', 'a', 'a', 'a', 'a']) }),
      /"user_price" has the name of a feature/,
    ],
    ['none', 'not Parquet', /as Parquet/],
  ]
  for (const [name, file, message] of cases) {
    const path = await putLabels(`${name}.parquet`, file)
    const { json } = await harness.call<ErrorBody>('POST', '/v1/training-datasets', {
      ...REQUEST,
      labels: { path },
    })
    expect(json.error, name).toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(message),
    })
  }
  const nulls = await putLabels(
    'nulls.parquet',
    labelFile({ event_time: column('event_time', 'timestamp', [1, 1, null, 1, 1]) }),
  )
  const failed = await untilEnded(await start({ ...REQUEST, labels: { path: nulls } }))
  expect(failed).toMatchObject({
    status: 'failed',
    error: 'Cannot read label 2: "event_time": it is null, a value is needed',
    files: [],
  })
})

it('times as text, in mixed offsets, before all data and in the future, are times (S1)', async () => {
  const texts = [
    at(0),
    at(0).replace('Z', '+00:00'),
    '2026-01-01 10:00:00+02:00',
    '1999-01-01T00:00:00',
    '2100-01-01T00:00:00-05:00',
  ]
  const path = await putLabels(
    'texts.parquet',
    labelFile({ event_time: { name: 'event_time', type: 'string', values: texts } }),
  )
  const rows = await readOverHttp(await make({ ...REQUEST, labels: { path }, statuses: true }))
  expect(rows.slice(1).map(({ event_time }) => (event_time as Date).toISOString())).toEqual([
    at(0),
    '2026-01-01T08:00:00.000Z',
    '1999-01-01T00:00:00.000Z',
    '2100-01-01T05:00:00.000Z',
  ])
  expect(rows.map(({ item_price_status }) => item_price_status)).toEqual([
    'present',
    'present',
    'missing',
    'missing',
    'present',
  ])
})

it('a request that cannot be met is refused, and what is wrong is named (S34)', async () => {
  const labels = { path: await putLabels('good.parquet', labelFile()) }
  const cases: [object, string, RegExp][] = [
    [{ ...REQUEST, labels, feature_service: 'rankr' }, 'not_found', /"rankr".*did you mean "ranker"/],
    [
      { ...REQUEST, labels: { path: 'labels/nowhere.parquet' } },
      'not_found',
      /"labels\/nowhere.parquet": there is no such file/,
    ],
    [{ ...REQUEST, labels: { path: 'landing/clicks/a.parquet' } }, 'invalid_argument', /not under labels/],
    [{ ...REQUEST, labels: { path: 'labels/../log' } }, 'invalid_argument', /".." part/],
    [
      { ...REQUEST, labels: { path: 'labels/{date}.parquet' } },
      'invalid_argument',
      /a pattern needs a schedule/,
    ],
    [{ ...REQUEST, labels, schedule: '0 2 * * *' }, 'invalid_argument', /a field such as \{date\} is needed/],
    [
      { ...REQUEST, labels: { path: 'labels/{day}.parquet' }, schedule: '0 2 * * *' },
      'invalid_argument',
      /no field "\{day\}"/,
    ],
    [
      { ...REQUEST, labels: { path: 'labels/{date}.parquet' }, schedule: '0 2 * *' },
      'invalid_argument',
      /schedule "0 2 \* \*"/,
    ],
    [
      { ...REQUEST, labels: { path: 'labels/{date}.parquet' }, schedule: '0 0 30 2 *' },
      'invalid_argument',
      /no such time/,
    ],
    [
      { ...REQUEST, labels: { path: 'labels/{date}.parquet' }, schedule: '0 2 * * *', as_of: at(0) },
      'invalid_argument',
      /as_of with a schedule/,
    ],
    [{ ...REQUEST, labels: { entities: 'user', at: at(0) } }, 'invalid_argument', /"ranker" needs item too/],
    [{ ...REQUEST, labels: { entities: 'usr', at: at(0) } }, 'not_found', /entity "usr"/],
    [{ ...REQUEST, labels: { entities: 'user' } }, 'invalid_argument', /"at", their time, is needed/],
    [{ ...REQUEST, labels, other: 1 }, 'invalid_argument', /other/],
    [{ ...REQUEST, labels, as_of: 'yesterday' }, 'invalid_argument', /"yesterday"/],
    [{ ...REQUEST, labels, name: '' }, 'invalid_argument', /name/],
    [{ again: 'none' }, 'not_found', /training dataset "none"/],
    [{ again: 'none', name: 'x' }, 'invalid_argument', /name/],
  ]
  for (const [body, code, message] of cases) {
    const { json } = await harness.call<ErrorBody>('POST', '/v1/training-datasets', body)
    expect(json.error, JSON.stringify(body)).toMatchObject({ code, message: expect.stringMatching(message) })
  }
  const others: [string, string, object | undefined, string][] = [
    ['GET', '/v1/training-datasets/none', undefined, 'not_found'],
    ['GET', '/v1/training-datasets?limit=0', undefined, 'invalid_argument'],
    ['GET', '/v1/training-datasets?page=2', undefined, 'invalid_argument'],
    ['POST', '/v1/feature-views/none/snapshot', { at: at(0) }, 'not_found'],
    ['POST', '/v1/feature-views/last_click/snapshot', {}, 'invalid_argument'],
    ['PUT', '/v1/files/labels/a%2F..%2Fb', { x: 1 }, 'invalid_argument'],
    ['PUT', '/v1/files/labels/empty', undefined, 'invalid_argument'],
  ]
  for (const [method, path, body, code] of others)
    expect((await harness.call<ErrorBody>(method, path, body)).json.error.code, `${method} ${path}`).toBe(
      code,
    )
})
