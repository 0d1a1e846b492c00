import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { asyncBufferFromFile } from 'hyparquet'
import { expect, test } from 'vitest'
import { openParquet } from '../../src/core/parquet.ts'
import { parseInstant } from '../../src/core/time.ts'

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
  timeout: 300_000,
}, async () => {
  const output = await runStart()
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
  const query = Object.fromEntries(new URLSearchParams(get!.path.split('?')[1]!))
  const now = flights.reduce((newest, { date }) => Math.max(newest, date), 0) + 60_000_000
  expect(Object.values(get!.answer.features)).toEqual(features(flights, query, now))
  expect(batchGet!.answer.rows).toEqual(
    batchGet!.body.entities.map((entity: Entity) => features(flights, entity, now)),
  )
  for (const { answer, body } of history) {
    expect(answer.rows.map((row: unknown[]) => row.slice(-5))).toEqual(
      body.labels.map((label: Entity & { event_time: string }) =>
        features(flights, label, parseInstant(label.event_time)),
      ),
    )
  }
})

interface Entity {
  readonly origin?: string
  readonly destination?: string
}

/** The service delay_predictor by the letter: the last flight from, the last flight from, the last flight to. */
function features(flights: readonly Flight[], { origin, destination }: Entity, at: number) {
  const from = last(flights, 'origin', origin!, at)
  const onward = last(flights, 'origin', destination!, at)
  const inbound = last(flights, 'destination', destination!, at)
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

async function runStart(): Promise<string> {
  const child = spawn('npm', ['start', '--', '--port', '0', '--exit'], { cwd: ROOT })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part) => {
      output += part
    })
  }
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`npm start ended with ${code}:\n${output}`)
  return output
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
