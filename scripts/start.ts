import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createOutput } from '../clients/cli/output.ts'
import definitions from '../examples/flights/definitions.ts'
import {
  type Flights,
  readFlights,
  shiftFlights,
  splitFlights,
  writeFlights,
} from '../examples/flights/shift-flights.ts'
import { formatInstant } from '../src/core/time.ts'
import { argument, expectFree, startLocalWorker } from './local-worker.ts'

// The main job from an empty store: define, load, push, Get, BatchGet, point-in-time join; then the store stays up.

const ROOT = join(import.meta.dirname, '..')
const FOLDER = join(ROOT, '.featheredge')
const TOKEN = 'local'
const SOURCE = '/v1/sources/flights'
const SERVICE = '/v1/feature-services/delay_predictor'

const startMs = Date.now()
/** Draws progress as the command-line tool does. */
const output = createOutput(process.stdout, false, false)
const PORT = Number(argument('port') ?? 8787)
await expectFree(PORT)
// An interrupted run leaves nothing that this one would trip over.
await rm(FOLDER, { recursive: true, force: true })

say('Starting the Worker under workerd, and reading 3,000,000 flights of 2001')
const [worker, original] = await Promise.all([
  startLocalWorker({ port: PORT, state: join(FOLDER, 'state'), token: TOKEN }),
  readFlights(),
])
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await worker.stop()
    process.exit(0)
  })
}

const { flights, shiftUs } = shiftFlights(original, Date.now())
const parts = splitFlights(flights)
say(
  `The flights are those of January to June 2001, all times moved by ${Math.round(shiftUs / 86_400_000_000)} days, so that the last one lands just before now`,
)

await request('POST', '/v1/definitions/apply', { definitions })
say('Applied examples/flights/definitions.ts')

await land('flights-recent.parquet', parts.recent)
await load('flights-recent.parquet')

const events = parts.live.date.map((date, at) => ({
  date: formatInstant(date),
  delay: Number(parts.live.delay[at]),
  distance: Number(parts.live.distance[at]),
  origin: parts.live.origin[at]!,
  destination: parts.live.destination[at]!,
}))
const pushed = await request('POST', `${SOURCE}/events`, { events })
say(`Pushed the ${events.length} newest flights as they would come in live: ${pushed}`)
console.log(`Live flights: ${JSON.stringify(events)}`)
await untilServed()

const { origin, destination, distance: miles } = events.at(-1)!
const now = formatInstant(flights.date.reduce((a, b) => Math.max(a, b)) + 60_000_000)
const dayBefore = formatInstant(parts.recent.date.at(-1)! - 86_400_000_000)
await show(
  'Get: one feature vector, now',
  'GET',
  `${SERVICE}/features?origin=${origin}&destination=${destination}&miles=${miles}`,
)
await show('BatchGet: several, in one request', 'POST', `${SERVICE}/features`, {
  entities: [
    { origin, destination, miles },
    { origin: 'ORD', destination: 'LAX', miles: 1745 },
    { origin: 'ATL', destination: 'no such airport', miles: 0 },
  ],
  include: ['statuses', 'event_times'],
})
await show(
  'Point-in-time join: what those vectors would have been when each label happened',
  'POST',
  `${SERVICE}/historical-features`,
  {
    labels: [
      { origin, destination, miles, event_time: now, late: true },
      { origin: 'ORD', destination: 'LAX', miles: 1745, event_time: dayBefore, late: false },
    ],
  },
)
say(
  `First answers after ${((Date.now() - startMs) / 1_000).toFixed(0)} s. The Worker stays up on ${worker.url}; Ctrl-C ends it`,
)

await land('flights-earlier.parquet', parts.earlier)
await load('flights-earlier.parquet')
const months = formatInstant(parts.earlier.date[0]! + 30 * 86_400_000_000)
await show('The same join, five months back', 'POST', `${SERVICE}/historical-features`, {
  labels: [{ origin: 'ORD', destination: 'LAX', miles: 1745, event_time: months }],
})
say(
  `All ${flights.date.length.toLocaleString('en')} flights are in after ${((Date.now() - startMs) / 1_000).toFixed(0)} s`,
)
if (process.argv.includes('--exit')) {
  await worker.stop()
  process.exit(0)
}

async function land(name: string, rows: Flights): Promise<void> {
  const path = join(FOLDER, name)
  await writeFlights(path, rows)
  await request('PUT', `${SOURCE}/files/${name}`, await readFile(path))
  say(`Landed ${rows.date.length.toLocaleString('en')} flights as ${name}`)
}

/** Starts a load and draws its progress until it has ended. */
async function load(name: string): Promise<void> {
  const { loads } = JSON.parse(await request('POST', `${SOURCE}/loads`, { files: [name] }))
  for (;;) {
    const { status, progress, rows, error } = JSON.parse(await request('GET', `/v1/loads/${loads[0].id}`))
    output.progress(`${name} ${rows.written.toLocaleString('en')} rows`, progress.done, progress.total)
    if (status !== 'queued' && status !== 'running') {
      output.line()
      if (status !== 'succeeded') throw new Error(`The load of ${name} ${status}: ${error ?? ''}`)
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

/** Waits until every pushed flight that is the newest of its airport is what Get answers with, and what windows count up to. */
async function untilServed(): Promise<void> {
  const departures = new Map(events.map((event) => [event.origin, event]))
  const arrivals = new Map(events.map((event) => [event.destination, event]))
  const endMs = Date.now() + 120_000
  for (const { origin: from, destination: to } of events) {
    for (;;) {
      const answer = await request('GET', `${SERVICE}/features?origin=${from}&destination=${to}&miles=1`)
      const { features, event_times } = JSON.parse(answer)
      const departure = departures.get(from)!
      const isServed =
        features.origin_last_delay === departure.delay &&
        features.origin_last_destination === departure.destination &&
        features.inbound_last_delay === arrivals.get(to)!.delay &&
        // Windows stand in blocks of their own, which may be shown a little later.
        event_times.origin_flights_7d === departure.date
      if (isServed) break
      if (Date.now() > endMs) throw new Error('The pushed flights were not readable after two minutes')
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

/** Prints a request as the curl command that repeats it, and its answer. */
async function show(what: string, method: string, path: string, body?: object): Promise<void> {
  const answer = await request(method, path, body)
  const data = body === undefined ? '' : ` -d '${JSON.stringify(body)}'`
  console.log(
    `\n# ${what}\ncurl -s -H 'Authorization: Bearer ${TOKEN}' '${worker.url}${path}'${data}\n${answer}\n`,
  )
}

async function request(method: string, path: string, body?: object): Promise<string> {
  const answer = await fetch(worker.url + path, {
    method,
    headers: { authorization: `Bearer ${TOKEN}` },
    ...(body === undefined ? {} : { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`)
  return text
}

function say(what: string): void {
  console.log(`[${((Date.now() - startMs) / 1_000).toFixed(1).padStart(5)} s] ${what}`)
}
