import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { DuckDBConnection } from '@duckdb/node-api'
import { asyncBufferFromFile } from 'hyparquet'
import { expect, test } from 'vitest'
import { openParquet } from '../../src/core/parquet.ts'
import { parseInstant } from '../../src/core/time.ts'
import { openDuckdb } from '../oracles/open-duckdb.ts'

const ROOT = join(import.meta.dirname, '../..')
const TTL_US = 7 * 86_400_000_000

interface Flight {
  readonly date: number
  readonly delay: bigint
  readonly distance: bigint
  readonly origin: string
  readonly destination: string
}

test('npm start prints what a plain recomputation from the same Parquet gives', {
  // Two minutes on a machine of its own; other tests share the two cores.
  timeout: 1_200_000,
}, async () => {
  const { output, second, readme, catalog } = await runStart()
  // A second one at the same port says so and leaves the first its state, from which the README's commands are answered.
  expect(second).toMatch(
    /^Cannot listen on 127\.0\.0\.1:\d+: something does already.* name another port: -- --port \d+$/m,
  )
  // Whoever waits for a load sees how far it has come, to its end.
  for (const name of ['flights-recent', 'flights-earlier'])
    expect(output).toMatch(new RegExp(`\\[#{30}\\] 100 % ${name}\\.parquet [\\d,]+ rows`))
  expectReadme(readme)
  expect(catalog).toContain('<h2 id="playground">')
  expect(catalog).toContain('delay_per_1000_miles')
  const answers = readAnswers(output)
  expect(answers.map(({ path }) => path.split('/').at(-1)!.split('?')[0])).toEqual([
    'features',
    'features',
    'historical-features',
    'historical-features',
  ])
  const flights = [
    ...(await readCopy('flights-earlier.parquet')),
    ...(await readCopy('flights-recent.parquet')),
  ]
  const pushed = JSON.parse(/Pushed .*? live: (\{.*\})/.exec(output)![1]!)
  expect(pushed).toMatchObject({ accepted: 5, rejected: [] })
  flights.push(...readPushed(output))
  expect(flights).toHaveLength(3_000_000)

  const [get, batchGet, ...history] = answers
  const sane = flights.filter(({ delay }) => delay >= -180n && delay <= 2_880n)
  const duckdb = await openFlights(readPushed(output))
  const expected = async (trip: Trip, at: number) => {
    const [origin, destination] = [
      await departures(duckdb, trip.origin, at),
      await departures(duckdb, trip.destination, at),
    ]
    return [
      ...lastFlights(sane, trip, at),
      ...origin,
      destination[4],
      ...computed(trip, origin[4], destination[4]),
    ]
  }
  // A computed feature's time is that of the request: the instant at which all windows were finished.
  const query = Object.fromEntries(new URLSearchParams(get!.path.split('?')[1]!))
  const trip = { origin: query.origin!, destination: query.destination!, miles: Number(query.miles) }
  const getTime = parseInstant(get!.answer.event_times.is_origin_worse)
  expect(Object.values(get!.answer.features)).toEqual(await expected(trip, getTime))
  for (const [row, entity] of (batchGet!.body.entities as Trip[]).entries()) {
    const time = parseInstant(batchGet!.answer.event_times[row].at(-1))
    expect(batchGet!.answer.rows[row]).toEqual(await expected(entity, time))
  }
  for (const { answer, body } of history) {
    for (const [row, label] of (body.labels as (Trip & { event_time: string })[]).entries()) {
      const at = parseInstant(label.event_time)
      expect(answer.rows[row].slice(-FEATURES)).toEqual(await expected(label, at))
    }
  }
  duckdb.closeSync()
})

/** Features of the service. */
const FEATURES = 14

interface Trip {
  readonly origin: string
  readonly destination: string
  readonly miles: number
}

/** The latest-row features by the letter: the last flight from, the last flight from, the last flight to. */
function lastFlights(flights: readonly Flight[], { origin, destination }: Trip, at: number) {
  const from = last(flights, 'origin', origin, at)
  const onward = last(flights, 'origin', destination, at)
  const inbound = last(flights, 'destination', destination, at)
  return [
    from === undefined ? null : Number(from.delay),
    from === undefined ? null : Number(from.distance),
    from?.destination ?? null,
    onward === undefined ? null : Number(onward.delay),
    inbound === undefined ? null : Number(inbound.delay),
  ]
}

/** Newest by time; of two at one time the later row of the file, and a pushed flight after all files (S6). */
function last(flights: readonly Flight[], column: 'origin' | 'destination', airport: string, at: number) {
  let newest: Flight | undefined
  for (const flight of flights) {
    if (flight[column] !== airport || flight.date > at) continue
    if (newest === undefined || flight.date >= newest.date) newest = flight
  }
  return newest !== undefined && at - newest.date <= TTL_US ? newest : undefined
}

const MINUTE_US = 60_000_000
/** Window and hop (S17). */
const WINDOWS_US = [
  [60 * MINUTE_US, 5 * MINUTE_US],
  [1_440 * MINUTE_US, 60 * MINUTE_US],
  [10_080 * MINUTE_US, 60 * MINUTE_US],
] as const

/** The windows of an airport's departures as DuckDB counts them over the same Parquet: three counts, three means. */
async function departures(duckdb: DuckDBConnection, airport: string, at: number): Promise<(number | null)[]> {
  const found: { count: number; mean: number | null }[] = []
  for (const [window, hop] of WINDOWS_US) {
    const start = Math.floor((at - window) / hop) * hop
    const result = await duckdb.runAndReadAll(
      `SELECT count(delay)::DOUBLE, sum(delay)::DOUBLE / nullif(count(delay), 0) FROM flights
       WHERE origin = '${airport}' AND epoch_us(date) BETWEEN ${start} AND ${at} AND delay BETWEEN -180 AND 2880`,
    )
    const [count, mean] = result.getRows()[0]! as [number, number | null]
    found.push({ count, mean })
  }
  return [...found.map(({ count }) => count), ...found.map(({ mean }) => mean)]
}

function computed(
  { miles }: Trip,
  origin: number | null | undefined,
  destination: number | null | undefined,
) {
  const isKnown = typeof origin === 'number'
  return [
    isKnown && miles !== 0 ? (origin * 1_000) / miles : null,
    isKnown && typeof destination === 'number' ? origin > destination : null,
  ]
}

async function openFlights(pushed: readonly Flight[]): Promise<DuckDBConnection> {
  const duckdb = await openDuckdb()
  const files = ['flights-earlier.parquet', 'flights-recent.parquet'].map(
    (name) => `'${join(ROOT, '.featheredge', name)}'`,
  )
  const rows = pushed.map(({ date, delay, origin }) => `(make_timestamp(${date}), ${delay}, '${origin}')`)
  await duckdb.run(
    `CREATE TABLE flights AS SELECT date, delay, origin FROM read_parquet([${files}])
     UNION ALL SELECT * FROM (VALUES ${rows}) AS live (date, delay, origin)`,
  )
  return duckdb
}

/** What `npm start` prints until all is in, and what the README's commands then print. */
async function runStart() {
  const child = spawn('npm', ['start', '--', '--port', '0'], { cwd: ROOT, detached: true })
  let output = ''
  try {
    await new Promise<void>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (part) => {
          output += part
          if (/^.*All 3,000,000 flights are in.*$/m.test(output)) resolve()
        })
      }
      child.once('exit', (code) => reject(new Error(`npm start ended with ${code}:\n${output}`)))
    })
    const port = /stays up on http:\/\/127\.0\.0\.1:(\d+)/.exec(output)![1]!
    const second = await startAgain(port)
    return { output, second, readme: await runReadme(port), catalog: await openCatalog(port) }
  } finally {
    child.removeAllListeners('exit')
    // npm, node and wrangler are one group: what Ctrl-C in a terminal reaches.
    process.kill(-child.pid!, 'SIGINT')
    await once(child, 'exit')
  }
}

/** What `npm start` says where it cannot begin. */
async function startAgain(port: string): Promise<string> {
  const started = promisify(execFile)('npm', ['start', '--', '--port', port], { cwd: ROOT })
  return started.then(
    () => 'it began',
    ({ stderr }: { readonly stderr: string }) => stderr,
  )
}

/** Runs the commands of the README's "Use", as they are printed but for the port. */
async function runReadme(port: string): Promise<string> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  const [, commands] = /## Use\n[\s\S]*?```bash\n([\s\S]*?)```/.exec(readme)!
  const { stdout } = await promisify(execFile)('bash', ['-ec', commands!.replaceAll('8787', port)])
  return stdout
}

/** A page of the catalog, opened as the README says: at its address, signed in with its token. */
async function openCatalog(port: string): Promise<string> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  const [, address, token] = /catalog at\s<(http[^>]+)> \(sign in with `(\w+)`\)/.exec(readme)!
  const url = address!.replace('8787', port)
  const signIn = await fetch(`${url}/sign-in`, {
    method: 'POST',
    body: new URLSearchParams({ token: token!, to: '/' }),
    redirect: 'manual',
  })
  const [cookie] = signIn.headers.get('set-cookie')!.split(';')
  const page = await fetch(`${url}/feature-services/delay_predictor`, { headers: { cookie: cookie! } })
  return page.text()
}

/** A push, a Get, a BatchGet and a join, an answer a line. */
function expectReadme(printed: string): void {
  const [push, get, batchGet, history] = printed
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
  expect(push).toMatchObject({ accepted: 1, rejected: [] })
  expect(Object.keys(get.features)).toHaveLength(FEATURES)
  expect(batchGet.rows).toHaveLength(2)
  expect(history.rows).toHaveLength(1)
}

/** Each printed curl command with the answer on the line after it. */
function readAnswers(output: string) {
  const lines = output.split('\n')
  return lines.flatMap((line, at) => {
    const match = /^curl -s -H '[^']*' 'http:\/\/127\.0\.0\.1:\d+([^']*)'(?: -d '(.*)')?$/.exec(line)
    if (match === null) return []
    const body = match[2] === undefined ? undefined : JSON.parse(match[2])
    return [{ path: match[1]!, body, answer: JSON.parse(lines[at + 1]!) }]
  })
}

function readPushed(output: string): Flight[] {
  const events: Record<string, string | number>[] = JSON.parse(/^Live flights: (.*)$/m.exec(output)![1]!)
  return events.map(({ date, delay, distance, origin, destination }) => ({
    date: parseInstant(String(date)),
    delay: BigInt(delay!),
    distance: BigInt(distance!),
    origin: String(origin),
    destination: String(destination),
  }))
}

async function readCopy(name: string): Promise<Flight[]> {
  const file = await openParquet(await asyncBufferFromFile(join(ROOT, '.featheredge', name)), name)
  const flights: Flight[] = []
  for (const { rowStart, rowEnd } of file.rowGroups) {
    const column = <T>(column: string) => file.readColumn(column, rowStart, rowEnd) as Promise<ArrayLike<T>>
    const date = await column<number>('date')
    const delay = await column<bigint>('delay')
    const distance = await column<bigint>('distance')
    const origin = await column<string>('origin')
    const destination = await column<string>('destination')
    for (let at = 0; at < date.length; at++) {
      flights.push({
        date: date[at]!,
        delay: delay[at]!,
        distance: distance[at]!,
        origin: origin[at]!,
        destination: destination[at]!,
      })
    }
  }
  return flights
}
