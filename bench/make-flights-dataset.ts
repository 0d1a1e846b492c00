import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { type Flights, readFlights, writeFlights } from '../examples/flights/shift-flights.ts'
import { argument, startLocalWorker } from '../scripts/local-worker.ts'
import { writeParquet } from '../src/core/parquet.ts'
import { formatInstant } from '../src/core/time.ts'
import { compareWithDuckdb, DEFINITIONS } from './flights-oracle.ts'

// `node bench/make-flights-dataset.ts [--rows n] [--every n]`: every flight as a label, with features of both its airports over an
// hour, a day and a week, made by the whole Worker under Miniflare and compared with DuckDB on samples; then made again after late
// rows came. Minutes long: run by hand, what it says stands in docs/reports/dataset-of-flights.md.

const TOKEN = 'bench'
const rowCount = Number(argument('rows') ?? 3_000_000)
const every = Number(argument('every') ?? 500)
const startMs = Date.now()

interface Dataset {
  readonly id: string
  readonly row_count: number
  readonly commit: number
  readonly files: readonly { readonly path: string; readonly bytes: number }[]
}

const folder = await mkdtemp(join(tmpdir(), 'featheredge-flights-'))
const worker = await startLocalWorker({ port: 0, state: join(folder, 'state'), token: TOKEN })
try {
  const flights = await readFlights(rowCount)
  const landed = join(folder, 'flights.parquet')
  await writeFlights(landed, flights)
  await call('POST', '/v1/definitions/apply', { definitions: DEFINITIONS })
  await land('flights.parquet', landed)
  const labels = await putLabels('all.parquet', flights, 1)
  const made = await makeDataset({ name: 'all', feature_service: 'delays', labels: { path: labels } })
  const dataset = join(folder, 'made')
  const hashes = await download(made, dataset)

  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const duckdb = await instance.connect()
  const [order] = await query(
    `SELECT count(*), count(*) FILTER (label <> row_number - 1) FROM (SELECT label, row_number() OVER () AS row_number FROM '${dataset}-*.parquet')`,
  )
  say(`Rows in label order: ${Number(order![0]) === rowCount && Number(order![1]) === 0}`)
  const duckMs = Date.now()
  const compared = await compareWithDuckdb(
    duckdb,
    { flights: landed, dataset: `${dataset}-*.parquet` },
    every,
  )
  say(
    `${compared.toLocaleString('en')} labels, one of ${every}, all 18 features equal to DuckDB's own query (${seconds(duckMs)} s)`,
  )

  // Flights that were noted at their own time, and come only now: through both doors, all year round.
  const late = pickLate(flights)
  const lateFile = join(folder, 'late.parquet')
  await writeFlights(lateFile, late)
  await land('late.parquet', lateFile)
  await pushLate(late)
  const again = await makeDataset({ again: made.id })
  const hashesAgain = await download(again, join(folder, 'again'))
  if (JSON.stringify(hashesAgain) !== JSON.stringify(hashes) || again.commit !== made.commit)
    throw new Error(`It is another one: ${JSON.stringify({ hashes, hashesAgain, made, again })}`)
  say(
    `Made again it is the same, byte for byte, all ${hashes.length} files of it, as of commit ${made.commit}`,
  )
  const sample = await putLabels('sample.parquet', flights, every)
  const anew = await makeDataset({ name: 'anew', feature_service: 'delays', labels: { path: sample } })
  await download(anew, join(folder, 'anew'))
  const [seen] = await query(
    `SELECT count(*), count(*) FILTER (n.origin_flights_7d > o.origin_flights_7d), count(*) FILTER (n.origin_flights_7d < o.origin_flights_7d)
    FROM '${join(folder, 'anew')}-*.parquet' n JOIN '${dataset}-*.parquet' o USING (label)`,
  )
  if (Number(seen![1]) === 0 || Number(seen![2]) > 0) throw new Error(`Late rows: ${JSON.stringify(seen)}`)
  say(
    `Of ${seen![0]} of its labels joined anew, ${seen![1]} have more flights in the 7 days before; commit ${anew.commit}`,
  )
  duckdb.closeSync()
  instance.closeSync()

  async function query(sql: string) {
    return (await duckdb.runAndReadAll(sql)).getRowsJson()
  }
} finally {
  await worker.stop()
  await rm(folder, { recursive: true })
}

/** Every thirtieth flight once more, seventeen minutes late. */
function pickLate(flights: Flights): Flights {
  const pick = <T>(values: readonly T[]) => values.filter((_, at) => at % 30 === 0)
  return {
    date: pick(flights.date).map((time) => time + 17 * 60_000_000),
    delay: pick(flights.delay),
    distance: pick(flights.distance),
    origin: pick(flights.origin),
    destination: pick(flights.destination),
  }
}

async function land(name: string, path: string): Promise<void> {
  await call('PUT', `/v1/sources/flights/files/${name}`, await readFile(path))
  const loadMs = Date.now()
  const { loads } = await call<{ loads: { id: string }[] }>('POST', '/v1/sources/flights/loads', {})
  const { rows } = await untilEnded<{ rows: { written: number } }>(`/v1/loads/${loads[0]!.id}`)
  say(`${rows.written.toLocaleString('en')} flights loaded in ${seconds(loadMs)} s`)
}

/** A thousand of them by the other door. */
async function pushLate({ date, delay, distance, origin, destination }: Flights): Promise<void> {
  const step = Math.max(Math.floor(date.length / 1_000), 1)
  const events = [...date.keys()]
    .filter((at) => at % step === 0)
    .map((at) => ({
      date: formatInstant(date[at]! + 60_000_000),
      delay: delay[at] === null ? null : Number(delay[at]),
      distance: distance[at] === null ? null : Number(distance[at]),
      origin: origin[at],
      destination: destination[at],
    }))
  const { accepted } = await call<{ accepted: number }>('POST', '/v1/sources/flights/events', { events })
  say(`${accepted} flights pushed, from ${events[0]!.date} to ${events.at(-1)!.date}`)
}

async function putLabels(name: string, flights: Flights, step: number): Promise<string> {
  const rows = [...flights.date.keys()].filter((at) => at % step === 0)
  const file = writeParquet([
    { name: 'label', type: 'int64', values: rows.map(BigInt) },
    { name: 'event_time', type: 'timestamp', values: rows.map((at) => flights.date[at]!) },
    { name: 'origin', type: 'string', values: rows.map((at) => flights.origin[at]!) },
    { name: 'destination', type: 'string', values: rows.map((at) => flights.destination[at]!) },
  ])
  await call('PUT', `/v1/files/labels/${name}`, file)
  return `labels/${name}`
}

async function makeDataset(request: object): Promise<Dataset> {
  const madeMs = Date.now()
  const { id } = await call<{ id: string }>('POST', '/v1/training-datasets', request)
  const made = await untilEnded<Dataset>(`/v1/training-datasets/${id}`)
  const bytes = made.files.reduce((sum, file) => sum + file.bytes, 0)
  say(
    `${made.row_count.toLocaleString('en')} labels, 18 windowed features: ${made.files.length} files of ${(bytes / 1e6).toFixed(1)} MB together, made in ${seconds(madeMs)} s`,
  )
  return made
}

/** Its files beside one another; answers their hashes. */
async function download({ files }: Dataset, prefix: string): Promise<string[]> {
  const hashes: string[] = []
  for (const [at, { path }] of files.entries()) {
    const bytes = new Uint8Array(await (await send('GET', `/v1/files/${path}`)).arrayBuffer())
    await writeFile(`${prefix}-${at}.parquet`, bytes)
    hashes.push(createHash('sha256').update(bytes).digest('hex'))
  }
  return hashes
}

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

async function send(method: string, path: string, body?: object): Promise<Response> {
  // workerd closes a connection that was idle for 15 s. Writing Parquet may have kept this process from noticing for longer, and
  // a body sent into what is closed ends as EPIPE.
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
  console.log(`[${seconds(startMs)} s] ${what}`)
}
