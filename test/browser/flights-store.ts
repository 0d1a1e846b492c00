import definitions from '../../examples/flights/definitions.ts'
import { readFlights, shiftFlights, splitFlights } from '../../examples/flights/shift-flights.ts'
import { writeParquet } from '../../src/core/parquet.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import type { Value, ValueType } from '../../src/core/value.ts'
import { type Harness, startHarness, until } from '../worker/harness.ts'

export interface FlightsStore extends Harness {
  /** A training dataset that has been asked for. */
  readonly dataset: string
  /** A trip whose flights are in. */
  readonly trip: { readonly origin: string; readonly destination: string; readonly miles: number }
}

const FLIGHTS = 400

/** A store with the definitions of the flights example, a few hundred real flights and a dataset. */
export async function startFlightsStore(): Promise<FlightsStore> {
  const harness = await startHarness()
  const { call } = harness
  const applied = await call('POST', '/v1/definitions/apply', { definitions })
  if (applied.status !== 200) throw new Error(applied.text)
  const { flights } = shiftFlights(await readFlights(), Date.now())
  const { recent } = splitFlights(flights)
  const first = recent.date.length - FLIGHTS
  const events = Array.from({ length: FLIGHTS }, (_, at) => ({
    date: formatInstant(recent.date[first + at]!),
    // One that no expectation lets pass, for the page of failures.
    delay: at === 0 ? 5_000 : Number(recent.delay[first + at]),
    distance: Number(recent.distance[first + at]),
    origin: recent.origin[first + at]!,
    destination: recent.destination[first + at]!,
  }))
  await call('POST', '/v1/sources/flights/events', { events })
  const { origin, destination, distance: miles } = events.at(-1)!
  const trip = { origin, destination, miles }
  await until(
    () =>
      call<{ statuses: Record<string, string> }>(
        'GET',
        `/v1/feature-services/delay_predictor/features?${new URLSearchParams({ ...trip, miles: String(miles) })}`,
      ),
    ({ json }) => json.statuses?.origin_last_delay === 'present',
    60_000,
  )
  const labels = events.slice(-50)
  const column = (name: string, type: ValueType, values: readonly Value[]) => ({ name, type, values })
  const file = writeParquet([
    column(
      'event_time',
      'timestamp',
      labels.map(({ date }) => parseInstant(date)),
    ),
    column(
      'origin',
      'string',
      labels.map((label) => label.origin),
    ),
    column(
      'destination',
      'string',
      labels.map((label) => label.destination),
    ),
    column(
      'miles',
      'int64',
      labels.map((label) => BigInt(label.distance)),
    ),
  ])
  await call('PUT', '/v1/files/labels/trips.parquet', file)
  const { json, text } = await call<{ id: string }>('POST', '/v1/training-datasets', {
    name: 'trips',
    feature_service: 'delay_predictor',
    labels: { path: 'labels/trips.parquet' },
  })
  if (json?.id === undefined) throw new Error(text)
  return { ...harness, dataset: json.id, trip }
}
