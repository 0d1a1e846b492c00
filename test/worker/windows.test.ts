import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ParquetColumn, writeParquet } from '../../src/core/parquet.ts'
import { type ErrorBody, type Harness, startHarness, until } from './harness.ts'

const DEFINITIONS = {
  entities: [{ name: 'airport', join_keys: [{ name: 'airport', type: 'string' }], shards: 2 }],
  sources: [
    {
      name: 'flights',
      event_time: 'landed_at',
      event_id: 'flight',
      schema: [
        { name: 'landed_at', type: 'timestamp' },
        { name: 'flight', type: 'string' },
        { name: 'origin', type: 'string' },
        { name: 'delay', type: 'int64' },
      ],
      landing: { format: 'parquet' },
    },
  ],
  feature_views: [
    {
      name: 'delays',
      entity: 'airport',
      source: 'flights',
      join_keys: { airport: 'upper(origin)' },
      where: 'delay is not null',
      aggregations: [
        { name: 'flights', function: 'count', sql: 'delay', windows: ['1h', '24h'] },
        { name: 'mean', function: 'mean', sql: 'delay', windows: ['1h', '24h'] },
      ],
    },
  ],
  on_demand_views: [
    {
      name: 'relative',
      inputs: [
        { name: 'mean_1h', type: 'float64', from: 'features' },
        { name: 'distance', type: 'int64', from: 'request' },
      ],
      features: [{ name: 'per_mile', type: 'float64', sql: 'mean_1h / nullif(distance, 0)' }],
    },
  ],
  feature_services: [{ name: 'trip', features: [{ view: 'delays' }, { view: 'relative' }] }],
}
const SERVICE = '/v1/feature-services/trip'
const READABLE_MS = 180_000
const MINUTE_MS = 60_000
const now = Date.now()
const minutesAgo = (minutes: number) => new Date(now - minutes * MINUTE_MS).toISOString()

interface Batch {
  readonly rows: readonly (readonly unknown[])[]
  readonly statuses: readonly (readonly string[])[]
}

let harness: Harness
beforeAll(async () => {
  harness = await startHarness()
  const applied = await harness.call('POST', '/v1/definitions/apply', { definitions: DEFINITIONS })
  expect(applied.status, applied.text).toBe(200)
})
afterAll(() => harness.close())

async function push(flight: string, minutes: number, delay: number | null, origin: string) {
  const events = [{ landed_at: minutesAgo(minutes), flight, origin, delay }]
  const answer = await harness.call<{ accepted: number }>('POST', '/v1/sources/flights/events', { events })
  expect(answer.json.accepted, answer.text).toBe(1)
}

async function batchGet(origin: string, consistency: 'strong' | 'eventual' = 'strong') {
  const body = { entities: [{ airport: origin, distance: 10 }], consistency }
  const { json, text } = await harness.call<Batch>('POST', `${SERVICE}/features`, body)
  expect(json.rows, text).toHaveLength(1)
  return { values: json.rows[0]!, statuses: json.statuses[0]! }
}

/** Waits until the first values are these. */
async function untilServed(origin: string, values: readonly unknown[], consistency: 'strong' | 'eventual') {
  const wanted = JSON.stringify(values)
  await until(
    async () => JSON.stringify((await batchGet(origin, consistency)).values.slice(0, values.length)),
    (found) => found === wanted,
    READABLE_MS,
  )
}

async function historyAt(origin: string, minutes: number) {
  const labels = [{ airport: origin, distance: 10, event_time: minutesAgo(minutes) }]
  const { json, text } = await harness.call<Batch>('POST', `${SERVICE}/historical-features`, { labels })
  expect(json.rows, text).toHaveLength(1)
  return json.rows[0]!.slice(3)
}

it('windows of pushed events are served, through KV too, and are the same in history (S17, S22)', async () => {
  await push('a1', 200, 40, 'atl')
  await push('a2', 30, 10, 'ATL')
  await push('a3', 10, 20, 'Atl')
  await push('a4', 5, null, 'ATL')
  const expected = [2, 3, 15, 70 / 3, 1.5]
  await untilServed('ATL', expected, 'strong')
  await untilServed('ATL', expected, 'eventual')
  expect(await historyAt('ATL', 0)).toEqual(expected)
  expect(await historyAt('ATL', 20)).toEqual([1, 2, 10, 25, 1])
  expect(await historyAt('ATL', 2_000)).toEqual([0, 0, null, null, null])
})

it('a key that was never seen has a count of 0 and no other value (S19)', async () => {
  expect(await batchGet('XYZ')).toEqual({
    values: [0, 0, null, null, null],
    statuses: ['present', 'present', 'null', 'null', 'null'],
  })
})

it('an event that came by stream and comes again in a file is counted once (S9)', async () => {
  await push('b1', 30, 10, 'BOS')
  await untilServed('BOS', [1], 'strong')
  const rows = [
    { flight: 'b1', minutes: 30, delay: 10n },
    { flight: 'b2', minutes: 40, delay: 30n },
    { flight: 'b3', minutes: 600, delay: 50n },
  ]
  const columns: ParquetColumn[] = [
    {
      name: 'landed_at',
      type: 'timestamp',
      values: rows.map((row) => Date.parse(minutesAgo(row.minutes)) * 1_000),
    },
    { name: 'flight', type: 'string', values: rows.map((row) => row.flight) },
    { name: 'origin', type: 'string', values: rows.map(() => 'bos') },
    { name: 'delay', type: 'int64', values: rows.map((row) => row.delay) },
  ]
  const put = await harness.call('PUT', '/v1/sources/flights/files/bos.parquet', writeParquet(columns))
  expect(put.status, put.text).toBe(201)
  const started = await harness.call('POST', '/v1/sources/flights/loads', { files: ['bos.parquet'] })
  expect(started.status, started.text).toBe(202)
  const expected = [2, 3, 20, 30, 2]
  await untilServed('BOS', expected, 'strong')
  await untilServed('BOS', expected, 'eventual')
  expect(await historyAt('BOS', 0)).toEqual(expected)
})

it('a deletion that cuts through a tile has it made anew from the log (S10)', async () => {
  await push('c1', 31, 10, 'CLT')
  await push('c2', 30, 20, 'CLT')
  await push('c3', 29, 60, 'CLT')
  await untilServed('CLT', [3], 'strong')
  const deleted = await harness.call('POST', '/v1/entities/airport/deletions', {
    keys: [{ airport: 'CLT' }],
    event_time: minutesAgo(30),
  })
  expect(deleted.status, deleted.text).toBe(202)
  const expected = [1, 1, 60, 60, 6]
  await untilServed('CLT', expected, 'strong')
  await untilServed('CLT', expected, 'eventual')
  expect(await historyAt('CLT', 0)).toEqual(expected)
  expect((await historyAt('CLT', 30))[0]).toBe(0)
})

it('plan names what is wrong with windows, each fault at its place', async () => {
  const [view] = DEFINITIONS.feature_views
  const aggregations = [
    { name: 'sum', function: 'sum', sql: 'origin', windows: ['1h'] },
    { name: 'near', function: 'count', sql: 'dellay', windows: ['1h'] },
  ]
  const definitions = {
    ...DEFINITIONS,
    feature_views: [{ ...view, aggregations, ttl: '1d' }],
    on_demand_views: [],
    feature_services: [],
  }
  const { status, text } = await harness.call<ErrorBody>('POST', '/v1/definitions/plan', { definitions })
  expect(status).toBe(400)
  expect(text).toMatch(/aggregation \\"near\\".*delay/)
  expect(text).toMatch(/windows take no ttl/)
})
