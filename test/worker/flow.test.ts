import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ParquetColumn, writeParquet } from '../../src/core/parquet.ts'
import { openDuckdb } from '../oracles/open-duckdb.ts'
import { type ErrorBody, type Harness, startHarness, TOKEN, until } from './harness.ts'

const DEFINITIONS = {
  entities: [{ name: 'airport', join_keys: [{ name: 'airport', type: 'string' }], shards: 2 }],
  sources: [
    {
      name: 'flights',
      event_time: 'date',
      schema: [
        { name: 'date', type: 'timestamp' },
        { name: 'delay', type: 'int64' },
        { name: 'origin', type: 'string' },
      ],
      landing: { format: 'parquet' },
    },
  ],
  feature_views: [
    {
      name: 'last_flight',
      entity: 'airport',
      source: 'flights',
      join_keys: { airport: 'origin' },
      features: [{ name: 'delay', type: 'int64', sql: 'delay' }],
      ttl: '7d',
    },
  ],
  feature_services: [
    { name: 'airport', features: [{ view: 'last_flight' }] },
    {
      name: 'trip',
      features: [
        { view: 'last_flight', join_keys: { airport: 'origin' }, prefix: 'origin_' },
        { view: 'last_flight', join_keys: { airport: 'destination' }, prefix: 'destination_' },
      ],
    },
  ],
}

/** The queue's batch, the publish interval and the isolate's cache, on a busy machine. */
const READABLE_MS = 180_000
const IN_R2_MS = 180_000
const LOADED_MS = 180_000
const MICROS_PER_MINUTE = 60_000_000

interface Flight {
  /** Microseconds since the epoch. */
  readonly date: number | null
  readonly delay: number | null
  readonly origin: string
}

interface Load {
  readonly id: string
  readonly file: string
  readonly status: string
  readonly rows: { readonly read: number; readonly written: number; readonly rejected: number }
  readonly progress: { readonly done: number; readonly total: number }
  readonly error?: string
}

let harness: Harness
let folder: string
let duckdb: DuckDBConnection

beforeAll(async () => {
  harness = await startHarness()
  folder = await mkdtemp(join(tmpdir(), 'featheredge-flow-'))
  duckdb = await openDuckdb()
  const applied = await harness.call('POST', '/v1/definitions/apply', { definitions: DEFINITIONS })
  expect(applied.status, applied.text).toBe(200)
})
afterAll(async () => {
  duckdb.closeSync()
  await harness.close()
  await rm(folder, { recursive: true })
})

/** A whole minute before now, in microseconds. */
function minutesAgo(minutes: number): number {
  return (Math.floor(Date.now() / 60_000) - minutes) * MICROS_PER_MINUTE
}

function instantText(micros: number): string {
  return `${new Date(Math.floor(micros / 1_000)).toISOString().slice(0, -1)}${String(micros % 1_000).padStart(3, '0')}Z`
}

async function push(flights: readonly Flight[], headers: Readonly<Record<string, string>> = {}) {
  const events = flights.map((flight) => ({ ...flight, date: instantText(flight.date!) }))
  const pushed = await harness.call('POST', '/v1/sources/flights/events', { events }, headers)
  expect(pushed.status, pushed.text).toBe(202)
  expect(pushed.json).toMatchObject({ accepted: flights.length, rejected: [] })
  return pushed
}

interface Vector {
  readonly features: { readonly delay: number | null }
  readonly statuses: { readonly delay: string }
}

async function get(airport: string): Promise<Vector> {
  return (await harness.call<Vector>('GET', `/v1/feature-services/airport/features?airport=${airport}`)).json
}

async function history(labels: readonly object[], service = 'airport'): Promise<unknown[][]> {
  const path = `/v1/feature-services/${service}/historical-features`
  const answer = await harness.call<{ rows: unknown[][] }>('POST', path, { labels })
  expect(answer.status, answer.text).toBe(200)
  return answer.json.rows
}

async function delayNow(airport: string): Promise<unknown> {
  const [row] = await history([{ airport, event_time: new Date().toISOString() }])
  return row![2]
}

/** Rows the manifest names, loads and pushes alike. */
async function registeredRows(): Promise<number> {
  const found = await harness.env.DB.prepare(
    "SELECT total(row_count) AS rows FROM segments WHERE path LIKE 'log/%'",
  ).first('rows')
  return Number(found)
}

/** Copies what the manifest names out of R2, paths kept, and reads it as DuckDB does. */
async function readLog(airport: string): Promise<unknown[]> {
  const { results } = await harness.env.DB.prepare("SELECT path FROM segments WHERE path LIKE 'log/%'").all<{
    path: string
  }>()
  if (results.length === 0) return []
  const files: string[] = []
  for (const { path } of results) {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true })
    const object = await harness.env.BUCKET.get(path)
    await writeFile(file, new Uint8Array(await object!.arrayBuffer()))
    files.push(`'${file}'`)
  }
  const read = await duckdb.runAndReadAll(
    `SELECT airport, epoch_us(event_time)::varchar AS date, delay::int AS delay, v::int AS v
     FROM read_parquet([${files}], hive_partitioning = true)
     WHERE airport = '${airport}' ORDER BY event_time, sequence_index`,
  )
  return read.getRowObjectsJson()
}

const logRows = (flights: readonly Flight[]) =>
  flights.map(({ date, delay, origin }) => ({ airport: origin, date: String(date), delay, v: 1 }))

function flightsColumns(flights: readonly Flight[]): ParquetColumn[] {
  return [
    { name: 'date', type: 'timestamp', values: flights.map(({ date }) => date) },
    {
      name: 'delay',
      type: 'int64',
      values: flights.map(({ delay }) => (delay === null ? null : BigInt(delay))),
    },
    { name: 'origin', type: 'string', values: flights.map(({ origin }) => origin) },
  ]
}

interface Jobs {
  readonly cron: readonly { readonly name: string; readonly outcome: string | null }[]
  readonly refused_files: readonly { readonly source: string }[]
}

/** A message as R2 sends it. */
const notice = (action: string, key: string) => ({
  account: '3f4b7e3dcab231cbfdaa90a6a28bd548',
  action,
  bucket: 'featheredge',
  object: { key, size: 65536, eTag: 'c846ff7a18f28c2e262116d6e8719ef0' },
  eventTime: '2026-11-28T12:36:44.379Z',
})

async function land(file: string, bytes: Uint8Array): Promise<void> {
  const landed = await harness.call('PUT', `/v1/sources/flights/files/${file}`, bytes)
  expect(landed.status, landed.text).toBe(201)
}

async function startLoad(file: string, options: object = {}): Promise<string> {
  const body = { files: [file], ...options }
  const started = await harness.call<{ loads: Load[] }>('POST', '/v1/sources/flights/loads', body)
  expect(started.status, started.text).toBe(202)
  return started.json.loads[0]!.id
}

async function loadEnd(id: string): Promise<Load> {
  return until(
    async () => (await harness.call<Load>('GET', `/v1/loads/${id}`)).json,
    ({ status }) => status === 'succeeded' || status === 'failed',
    LOADED_MS,
  )
}

async function load(file: string, bytes: Uint8Array, options: object = {}): Promise<Load> {
  await land(file, bytes)
  return loadEnd(await startLoad(file, options))
}

describe('push', () => {
  const flights = [30, 20, 10].map((minutes, at) => ({
    date: minutesAgo(minutes) + at,
    delay: at * 5,
    origin: 'ATL',
  }))

  it('a pushed event becomes readable by Get, is readable by history at once after, and comes to R2', async () => {
    await push(flights)
    const found = await until(
      () => get('ATL'),
      ({ statuses }) => statuses.delay === 'present',
      READABLE_MS,
    )
    expect(found.features.delay).toBe(10)
    expect(await delayNow('ATL')).toBe(10)
    const logged = await until(
      () => readLog('ATL'),
      (rows) => rows.length >= 3,
      IN_R2_MS,
    )
    expect(logged).toEqual(logRows(flights))
    expect(await delayNow('ATL')).toBe(10)
  })

  it('history shows each label the row of its time, to the microsecond (S1, S2)', async () => {
    const times = [-1, 0, 1].map((micros) => instantText(flights[1]!.date + micros))
    const rows = await history(times.map((event_time) => ({ airport: 'ATL', event_time })))
    expect(rows.map((row) => row[2])).toEqual([0, 5, 5])
    const [before] = await history([{ airport: 'ATL', event_time: instantText(flights[0]!.date - 1) }])
    expect(before![2]).toBeNull()
  })

  it('a late row reaches the log and does not replace the newer one (S7)', async () => {
    const late = { date: flights[1]!.date + 60, delay: 99, origin: 'ATL' }
    await push([late])
    const logged = await until(
      () => readLog('ATL'),
      (rows) => rows.length >= 4,
      IN_R2_MS,
    )
    expect(logged).toEqual(logRows([flights[0]!, flights[1]!, late, flights[2]!]))
    expect((await get('ATL')).features.delay).toBe(10)
  })

  it('a push retried with its Idempotency-Key answers the same and changes nothing (S9)', async () => {
    const first = [{ date: minutesAgo(9), delay: 1, origin: 'IDM' }]
    const key = { 'idempotency-key': 'once' }
    const answer = await push(first, key)
    await until(
      () => readLog('IDM'),
      (rows) => rows.length === 1,
      IN_R2_MS,
    )
    expect((await push(first, key)).text).toBe(answer.text)
    // Another body under the same key: the first counts.
    expect((await push([{ date: minutesAgo(8), delay: 2, origin: 'IDM' }], key)).text).toBe(answer.text)
    // What is sent after the retries and is there shows that they have had their time.
    const after = { date: minutesAgo(7), delay: 3, origin: 'IDM' }
    await push([after])
    const logged = await until(
      () => readLog('IDM'),
      (rows) => rows.length >= 2,
      IN_R2_MS,
    )
    expect(logged).toEqual(logRows([...first, after]))
  })
})

describe('load', () => {
  it('a file loaded twice answers the first load and adds nothing (S9)', async () => {
    const flights = Array.from({ length: 500 }, (_, at) => ({
      date: minutesAgo(600) + at * 1_000,
      delay: at,
      origin: `T${at % 7}`,
    }))
    const first = await load('twice.parquet', writeParquet(flightsColumns(flights)))
    expect(first).toMatchObject({ status: 'succeeded', rows: { read: 500, written: 500, rejected: 0 } })
    expect(first.progress.done).toBe(first.progress.total)
    const rows = await registeredRows()
    expect(await startLoad('twice.parquet')).toBe(first.id)
    await land('twice.parquet', writeParquet(flightsColumns(flights)))
    expect(await startLoad('twice.parquet')).toBe(first.id)
    expect(await loadEnd(first.id)).toEqual(first)
    await harness.server.getWorker().scheduled({ cron: '* * * * *' })
    expect(await registeredRows()).toBe(rows)
    expect(await readLog('T0')).toEqual(logRows(flights.filter(({ origin }) => origin === 'T0')))
    expect((await get('T2')).features.delay).toBe(499)
    expect(await delayNow('T2')).toBe(499)
  })

  it('a landed file is found by Cron and loaded', async () => {
    const flights = [{ date: minutesAgo(50), delay: 7, origin: 'CRN' }]
    await harness.env.BUCKET.put('landing/flights/2026/cron.parquet', writeParquet(flightsColumns(flights)))
    await harness.server.getWorker().scheduled({ cron: '* * * * *' })
    const id = await harness.env.DB.prepare('SELECT id FROM loads WHERE file = ?')
      .bind('2026/cron.parquet')
      .first<string>('id')
    expect(await loadEnd(id!)).toMatchObject({ status: 'succeeded', file: '2026/cron.parquet' })
    expect((await get('CRN')).features.delay).toBe(7)
  })

  it('a file that a notification of R2 and Cron find at one time is loaded once (S9)', async () => {
    const rows = await registeredRows()
    const flights = [6, 7, 8].map((delay) => ({ date: minutesAgo(40) + delay, delay, origin: 'NTF' }))
    await harness.env.BUCKET.put(
      'landing/flights/2026/noticed.parquet',
      writeParquet(flightsColumns(flights)),
    )
    await harness.env.BUCKET.put('landing/nobodys/a.parquet', writeParquet(flightsColumns(flights)))
    const put = notice('PutObject', 'landing/flights/2026/noticed.parquet')
    const bodies = [
      put,
      { ...put, action: 'CompleteMultipartUpload' },
      notice('PutObject', 'landing/nobodys/a.parquet'),
      notice('DeleteObject', 'landing/flights/old.parquet'),
      { type: 'cf.r2.bucket.created', payload: { name: 'featheredge' } },
    ]
    await Promise.all([
      harness.env.LANDED.sendBatch(bodies.map((body) => ({ body, contentType: 'json' }))),
      harness.server.getWorker().scheduled({ cron: '* * * * *' }),
    ])
    await until(
      () => get('NTF'),
      ({ features }) => features.delay === 8,
      LOADED_MS,
    )
    const told = await until(
      async () => (await harness.call<Jobs>('GET', '/v1/jobs')).json,
      ({ cron }) => cron.some(({ name }) => name === 'noticeLanded'),
      LOADED_MS,
    )
    expect(told.cron.find(({ name }) => name === 'noticeLanded')!.outcome).toMatch(
      /^notices: .*1 deletions ignored, 1 passed over$/,
    )
    expect(told.refused_files).toMatchObject([{ source: 'nobodys' }])
    expect(await registeredRows()).toBe(rows + flights.length)
  })

  it('a notification of R2 alone has its file loaded', async () => {
    const flights = [{ date: minutesAgo(40), delay: 9, origin: 'NTB' }]
    await harness.env.BUCKET.put('landing/flights/copied.parquet', writeParquet(flightsColumns(flights)))
    const copied = notice('CopyObject', 'landing/flights/copied.parquet')
    await harness.env.LANDED.send(copied, { contentType: 'json' })
    await until(
      () => get('NTB'),
      ({ features }) => features.delay === 9,
      LOADED_MS,
    )
  })

  it('rows of a source are answered as Parquet, or as NDJSON', async () => {
    const { text } = await harness.call('GET', '/v1/sources/flights/rows')
    const lines = text.split('\n').filter((line) => line.includes('"NTF"'))
    const response = await fetch(new URL('/v1/sources/flights/rows?format=parquet', harness.url), {
      headers: { authorization: `Bearer ${TOKEN}` },
    })
    expect(response.headers.get('content-type')).toBe('application/vnd.apache.parquet')
    const path = join(folder, 'rows.parquet')
    await writeFile(path, new Uint8Array(await response.arrayBuffer()))
    const read = await duckdb.runAndReadAll(
      `SELECT delay::INT FROM '${path}' WHERE origin = 'NTF' ORDER BY delay`,
    )
    const delays = lines.map((line) => (JSON.parse(line) as { delay: number }).delay)
    expect(delays.sort()).toEqual([6, 7, 8])
    expect(read.getRows()).toEqual(delays.map((delay) => [delay]))
    const refused = await harness.call<ErrorBody>('GET', '/v1/sources/flights/rows?format=xml')
    expect(refused.status).toBe(400)
    expect(refused.json.error.message).toMatch(/parameter "format".*ndjson.*parquet/)
  })

  it.each(['snappy', 'zstd', 'gzip', 'brotli', 'lz4_raw', 'uncompressed'])(
    'Parquet that DuckDB wrote as %s loads',
    async (codec) => {
      const file = join(folder, `${codec}.parquet`)
      const origin = codec.toUpperCase()
      await duckdb.run(
        `COPY (SELECT make_timestamp(${minutesAgo(600)} + i) AS date, i AS delay, '${origin}' AS origin
       FROM range(3000) AS rows(i)) TO '${file}' (FORMAT parquet, COMPRESSION ${codec})`,
      )
      const done = await load(`${codec}.parquet`, await readFile(file))
      expect(done).toMatchObject({ status: 'succeeded', rows: { read: 3000, written: 3000 } })
      expect(await readLog(origin)).toHaveLength(3000)
      expect((await get(origin)).features.delay).toBe(2999)
    },
  )

  it('pushed and loaded rows of a key meet in one order, whichever came last (S6, S7)', async () => {
    const [earlier, later] = [minutesAgo(6), minutesAgo(5)]
    await push([{ date: later, delay: 1, origin: 'MIX' }])
    await until(
      () => get('MIX'),
      ({ features }) => features.delay === 1,
      READABLE_MS,
    )
    const flights = [{ date: earlier, delay: 2, origin: 'MIX' }]
    expect(await load('mix.parquet', writeParquet(flightsColumns(flights)))).toMatchObject({
      status: 'succeeded',
    })
    expect((await get('MIX')).features.delay).toBe(1)
    expect(await delayNow('MIX')).toBe(1)
    const [then] = await history([{ airport: 'MIX', event_time: instantText(earlier) }])
    expect(then![2]).toBe(2)
    // Nothing is on its way to the manifest while what follows counts its rows.
    await until(
      () => readLog('MIX'),
      (rows) => rows.length === 2,
      IN_R2_MS,
    )
  })
})

describe('a faulty file', () => {
  const flights = (origin: string) =>
    Array.from({ length: 100 }, (_, at) => ({ date: minutesAgo(600) + at, delay: at, origin }))

  /** Loads it and expects that it failed and left nothing behind. */
  async function expectFailed(origin: string, bytes: Uint8Array, error: RegExp): Promise<void> {
    const rows = await registeredRows()
    const failed = await load(`${origin}.parquet`, bytes)
    expect(failed.status).toBe('failed')
    expect(failed.error).toMatch(error)
    expect(await registeredRows()).toBe(rows)
    const named = await harness.env.DB.prepare(
      "SELECT count(*) AS n FROM segments WHERE path LIKE '%' || ? || '%'",
    )
      .bind(failed.id)
      .first('n')
    expect(named).toBe(0)
    expect((await get(origin)).statuses.delay).toBe('missing')
    expect(await delayNow(origin)).toBeNull()
  }

  it('that is cut short fails the load and leaves nothing', async () => {
    const bytes = writeParquet(flightsColumns(flights('CUT')))
    await expectFailed('CUT', bytes.slice(0, bytes.length - 20), /CUT\.parquet.*Parquet/)
  })

  it('that is no Parquet fails the load and leaves nothing', async () => {
    await expectFailed('TXT', new TextEncoder().encode('date,delay,origin\n'), /TXT\.parquet.*Parquet/)
  })

  it('whose pages are damaged fails the load and leaves nothing', async () => {
    const bytes = writeParquet(flightsColumns(flights('DMG')))
    bytes.fill(0xff, 4, 200)
    await expectFailed('DMG', bytes, /DMG\.parquet/)
  })

  it('that lacks the event time fails the load by name', async () => {
    const [, ...columns] = flightsColumns(flights('LCK'))
    await expectFailed('LCK', writeParquet(columns), /no column "date", timestamp is needed/)
  })

  it('that lacks the column of a join key fails the load by name', async () => {
    const columns = flightsColumns(flights('LKY')).filter(({ name }) => name !== 'origin')
    await expectFailed('LKY', writeParquet(columns), /"origin"|[Jj]oin key/)
  })

  it('with a column of another type fails the load by name', async () => {
    const columns = flightsColumns(flights('TYP')).map(
      (column): ParquetColumn =>
        column.name === 'delay'
          ? { ...column, type: 'string', values: Array.from(column.values, String) }
          : column,
    )
    await expectFailed('TYP', writeParquet(columns), /column "delay".*int64 is needed/)
  })

  it('with a column unknown to its source is loaded without it, and the load names it (S34)', async () => {
    const columns = flightsColumns(flights('UNK'))
    const extra: ParquetColumn = { ...columns[1]!, name: 'delya' }
    const done = await load('UNK.parquet', writeParquet([...columns, extra]))
    expect(done).toMatchObject({ status: 'succeeded', ignored_columns: ['delya'] })
  })

  it('with a bad row fails the load by row and column', async () => {
    const rows = flights('BAD').with(17, { date: null as never, delay: 1, origin: 'BAD' })
    await expectFailed('BAD', writeParquet(flightsColumns(rows)), /1 rows are bad.*row 17.*"date"/)
  })

  it('with a row ahead of the clock fails the load by row and column (S4)', async () => {
    const rows = flights('FUT').with(3, { date: minutesAgo(-60), delay: 1, origin: 'FUT' })
    await expectFailed('FUT', writeParquet(flightsColumns(rows)), /row 3.*"date".*ahead of the clock/)
  })

  it('with a bad row loads the others under max_bad_rows', async () => {
    const rows = flights('MAX').with(17, { date: null as never, delay: 1, origin: 'MAX' })
    const done = await load('MAX.parquet', writeParquet(flightsColumns(rows)), { max_bad_rows: 1 })
    expect(done).toMatchObject({ status: 'succeeded', rows: { read: 100, written: 99, rejected: 1 } })
    expect(await readLog('MAX')).toHaveLength(99)
    expect((await get('MAX')).features.delay).toBe(99)
  })
})

describe('serving', () => {
  it('one view in two roles answers each under its prefix, online and in history (S23)', async () => {
    await push([
      { date: minutesAgo(3), delay: 11, origin: 'SFO' },
      { date: minutesAgo(3), delay: 22, origin: 'LAX' },
    ])
    const path = '/v1/feature-services/trip/features?origin=SFO&destination=LAX'
    const found = await until(
      async () => (await harness.call<{ features: Record<string, unknown> }>('GET', path)).json.features,
      (features) => Object.values(features).every((value) => value !== null),
      READABLE_MS,
    )
    expect(found).toEqual({ origin_delay: 11, destination_delay: 22 })
    const event_time = new Date().toISOString()
    const labels = [
      { origin: 'SFO', destination: 'LAX', event_time },
      { origin: 'LAX', destination: 'SFO', event_time },
    ]
    expect((await history(labels, 'trip')).map((row) => row.slice(3))).toEqual([
      [11, 22],
      [22, 11],
    ])
  })

  it('Get equals the historical row at the same time, on a random history with ties and late rows (S22)', async () => {
    const random = createRandom(20_010_101)
    const airports = Array.from({ length: 12 }, (_, at) => `R${at}`)
    const base = minutesAgo(12 * 24 * 60)
    const winners = new Map<string, Flight>()
    for (let round = 0; round < 5; round++) {
      const flights = Array.from({ length: 60 }, () => ({
        // Days apart, so that ties are many and some keys are past the ttl of seven days (S3).
        date: base + Math.floor(random() * 12) * 24 * 60 * MICROS_PER_MINUTE,
        delay: random() < 0.1 ? null : Math.floor(random() * 1_000),
        origin: airports[Math.floor(random() ** 2 * airports.length)]!,
      }))
      await push(flights)
      // A later push and a later row of one push win ties: the door's order is theirs (S6).
      for (const flight of flights) {
        if (flight.date >= (winners.get(flight.origin)?.date ?? 0)) winners.set(flight.origin, flight)
      }
    }
    const expired = { date: minutesAgo(8 * 24 * 60), delay: 5, origin: 'REXP' }
    await push([expired])
    winners.set('REXP', expired)
    const asked = [...airports, 'REXP', 'RNEVER']
    const served = asked.map((airport) => {
      const winner = winners.get(airport)
      if (winner === undefined) return [null, 'missing']
      if (winner.date! < minutesAgo(7 * 24 * 60)) return [null, 'expired']
      return [winner.delay, winner.delay === null ? 'null' : 'present']
    })
    const entities = asked.map((airport) => ({ airport }))
    const body = { entities, consistency: 'strong' }
    const batch = await until(
      async () => {
        const path = '/v1/feature-services/airport/features'
        const { json } = await harness.call<{ rows: unknown[][]; statuses: string[][] }>('POST', path, body)
        return json.rows.map((row, at) => [row[0], json.statuses[at]![0]])
      },
      (rows) => JSON.stringify(rows) === JSON.stringify(served),
      READABLE_MS,
    )
    const event_time = new Date().toISOString()
    const joined = await history(asked.map((airport) => ({ airport, event_time })))
    expect(joined.map((row) => row[2])).toEqual(batch.map(([value]) => value))
    // Blocks of an earlier push may be shown a little longer.
    for (const [at, airport] of asked.entries()) {
      await until(
        () => get(airport),
        ({ features, statuses }) => statuses.delay === served[at]![1] && features.delay === joined[at]![2],
        READABLE_MS,
      )
    }
  })
})

/** Numbers from 0 to 1 that are the same in every run. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
