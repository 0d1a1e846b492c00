import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { readFlights, writeFlights } from '../examples/flights/shift-flights.ts'
import { argument, startLocalWorker } from '../scripts/local-worker.ts'
import { writeParquet } from '../src/core/parquet.ts'
import { compareWithDuckdb, DEFINITIONS } from './flights-oracle.ts'

// Every flight of 2001 as a label, with features of both its airports over an hour, a day and a week, made by the whole Worker
// under Miniflare and compared with DuckDB on samples. Run by hand; the report is bench/flights-dataset.txt.

const TOKEN = 'bench'
const rowCount = Number(argument('rows') ?? 3_000_000)
const every = Number(argument('every') ?? 500)
const startMs = Date.now()
const report: string[] = []

const folder = await mkdtemp(join(tmpdir(), 'featheredge-flights-'))
const worker = await startLocalWorker({ port: 0, state: join(folder, 'state'), token: TOKEN })
try {
  const flights = await readFlights(rowCount)
  const landed = join(folder, 'flights.parquet')
  await writeFlights(landed, flights)
  await call('POST', '/v1/definitions/apply', { definitions: DEFINITIONS })
  await call('PUT', '/v1/sources/flights/files/flights.parquet', await readFile(landed))
  const loadMs = Date.now()
  const { loads } = await call<{ loads: { id: string }[] }>('POST', '/v1/sources/flights/loads', {})
  await untilEnded(`/v1/loads/${loads[0]!.id}`)
  say(`${flights.date.length.toLocaleString('en')} flights loaded in ${seconds(loadMs)} s`)

  const labels = writeParquet([
    { name: 'label', type: 'int64', values: flights.date.map((_, at) => BigInt(at)) },
    { name: 'event_time', type: 'timestamp', values: flights.date },
    { name: 'origin', type: 'string', values: flights.origin },
    { name: 'destination', type: 'string', values: flights.destination },
  ])
  await call('PUT', '/v1/files/labels/flights.parquet', labels)
  const madeMs = Date.now()
  const { id } = await call<{ id: string }>('POST', '/v1/training-datasets', {
    name: 'flights',
    feature_service: 'delays',
    labels: { path: 'labels/flights.parquet' },
  })
  const made = await untilEnded<{ row_count: number; files: { path: string; bytes: number }[] }>(
    `/v1/training-datasets/${id}`,
  )
  const bytes = made.files.reduce((sum, file) => sum + file.bytes, 0)
  say(
    `${made.row_count.toLocaleString('en')} labels, 18 windowed features: ${made.files.length} files of ${(bytes / 1e6).toFixed(1)} MB together, made in ${seconds(madeMs)} s`,
  )
  for (const [at, { path }] of made.files.entries())
    await writeFile(join(folder, `part-${at}.parquet`), await download(path))

  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const duckdb = await instance.connect()
  const dataset = join(folder, 'part-*.parquet')
  const [order] = (
    await duckdb.runAndReadAll(
      `SELECT count(*), count(*) FILTER (label <> row_number - 1) FROM (SELECT label, row_number() OVER () AS row_number FROM read_parquet('${dataset}'))`,
    )
  ).getRowsJson()
  say(`Rows in label order: ${Number(order![0]) === rowCount && Number(order![1]) === 0}`)
  const duckMs = Date.now()
  const compared = await compareWithDuckdb(duckdb, { flights: landed, dataset }, every)
  say(
    `${compared.toLocaleString('en')} labels, one of ${every}, all 18 features equal to DuckDB's own query (${seconds(duckMs)} s)`,
  )
  duckdb.closeSync()
  instance.closeSync()
} finally {
  await worker.stop()
  await rm(folder, { recursive: true })
}
await writeFile(
  join(import.meta.dirname, 'flights-dataset.txt'),
  `node bench/make-flights-dataset.ts --rows ${rowCount} --every ${every}\n${report.join('\n')}\n`,
)

async function untilEnded<T>(path: string): Promise<T> {
  for (let at = 0; ; at++) {
    const found = await call<{ status: string; progress: object; error?: string }>('GET', path)
    if (found.status === 'succeeded') return found as T
    if (found.status === 'failed') throw new Error(found.error)
    if (at % 10 === 0) console.log(`${path} ${JSON.stringify(found.progress)}`)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  }
}

async function call<T>(method: string, path: string, body?: object): Promise<T> {
  const answer = await send(method, path, body)
  return (await answer.json()) as T
}

async function download(path: string): Promise<Uint8Array> {
  return new Uint8Array(await (await send('GET', `/v1/files/${path}`)).arrayBuffer())
}

async function send(method: string, path: string, body?: object): Promise<Response> {
  // What took long before may have kept fetch from noticing that the Worker closed a connection.
  await new Promise((resolve) => setTimeout(resolve, 10))
  const answer = await fetch(worker.url + path, {
    method,
    headers: { authorization: `Bearer ${TOKEN}` },
    ...(body === undefined
      ? {}
      : { body: body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body) }),
  })
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`)
  return answer
}

function seconds(sinceMs: number): string {
  return ((Date.now() - sinceMs) / 1_000).toFixed(1)
}

function say(what: string): void {
  report.push(what)
  console.log(`[${seconds(startMs)} s] ${what}`)
}
