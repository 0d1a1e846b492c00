import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Answer, type ErrorBody, type Harness, startHarness, until } from './harness.ts'

const RATIO = { name: 'per_km', type: 'float64', sql: 'delay / nullif(distance, 0)' }
const DEFINITIONS = {
  entities: [{ name: 'airport', join_keys: [{ name: 'airport', type: 'string' }], shards: 1 }],
  sources: [
    {
      name: 'flights',
      event_time: 'landed_at',
      schema: [
        { name: 'landed_at', type: 'timestamp' },
        { name: 'origin', type: 'string' },
        { name: 'delay', type: 'int64' },
      ],
    },
  ],
  feature_views: [
    {
      name: 'last_flight',
      entity: 'airport',
      source: 'flights',
      join_keys: { airport: 'origin' },
      features: [{ name: 'delay', type: 'int64', sql: 'delay' }],
    },
  ],
  on_demand_views: [
    {
      name: 'relative',
      inputs: [
        { name: 'delay', type: 'int64', from: 'features' },
        { name: 'distance', type: 'float64', from: 'request' },
      ],
      features: [RATIO, { name: 'log_delay', type: 'float64', sql: 'ln(delay)' }],
    },
  ],
  feature_services: [{ name: 'trip', features: [{ view: 'relative' }, { view: 'last_flight' }] }],
}
const SERVICE = '/v1/feature-services/trip'
const READABLE_MS = 180_000
const landed_at = new Date(Date.now() - 60_000).toISOString()

interface Vector {
  readonly features: Readonly<Record<string, unknown>>
  readonly statuses: Readonly<Record<string, string>>
  readonly event_times: Readonly<Record<string, string | null>>
}

interface Batch {
  readonly feature_names: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
  readonly statuses: readonly (readonly string[])[]
  readonly event_times: readonly (readonly (string | null)[])[]
}

let harness: Harness

beforeAll(async () => {
  harness = await startHarness()
  const applied = await harness.call('POST', '/v1/definitions/apply', { definitions: DEFINITIONS })
  expect(applied.status, applied.text).toBe(200)
  const events = [
    { landed_at, origin: 'ATL', delay: 30 },
    { landed_at, origin: 'LAX', delay: -5 },
    { landed_at, origin: 'SEA', delay: null },
  ]
  const pushed = await harness.call('POST', '/v1/sources/flights/events', { events })
  expect(pushed.json, pushed.text).toMatchObject({ accepted: 3, rejected: [] })
  await until(
    () => batchGet(events.map(({ origin }) => ({ airport: origin, distance: 1 }))),
    ({ json }) => json.statuses.every(([, , status]) => status !== 'missing'),
    READABLE_MS,
  )
})
afterAll(() => harness.close())

function batchGet(entities: readonly object[], options: object = {}): Promise<Answer<Batch>> {
  return harness.call<Batch>('POST', `${SERVICE}/features`, {
    entities,
    include: ['statuses', 'event_times'],
    ...options,
  })
}

const ASKED = [
  { airport: 'ATL', distance: 1_500 },
  { airport: 'ATL', distance: 0 },
  { airport: 'LAX', distance: 2.5 },
  { airport: 'SEA', distance: 2.5 },
  { airport: 'XXX', distance: 'NaN' },
]
const VALUES = [
  [0.02, Math.log(30), 30],
  [null, Math.log(30), 30],
  [-2, null, -5],
  [null, null, null],
  [null, null, null],
]
const STATUSES = [
  ['present', 'present', 'present'],
  ['null', 'present', 'present'],
  // The logarithm of a negative number: an error of this feature of this row, and of no other.
  ['present', 'error', 'present'],
  ['null', 'null', 'null'],
  ['null', 'null', 'missing'],
]

it('Get computes from a feature and a parameter, at the time of the request', async () => {
  const before = new Date().toISOString()
  const { json, text } = await harness.call<Vector>('GET', `${SERVICE}/features?airport=ATL&distance=1.5e3`)
  expect(json.features, text).toEqual({ per_km: 0.02, log_delay: Math.log(30), delay: 30 })
  expect(json.statuses).toEqual({ per_km: 'present', log_delay: 'present', delay: 'present' })
  const { per_km, log_delay, delay } = json.event_times
  expect(Date.parse(delay!)).toBe(Date.parse(landed_at))
  expect(log_delay).toBe(per_km)
  expect(Date.parse(per_km!)).toBeGreaterThanOrEqual(Date.parse(before))
  expect(Date.parse(per_km!)).toBeLessThanOrEqual(Date.now())
})

it('BatchGet computes row by row: nulls, division by zero, and an error that spoils nothing else (S28)', async () => {
  const { json, text } = await batchGet(ASKED)
  expect(json.feature_names, text).toEqual(['per_km', 'log_delay', 'delay'])
  expect(json.rows).toEqual(VALUES)
  expect(json.statuses).toEqual(STATUSES)
  const times = new Set(json.event_times.flatMap((row) => row.slice(0, 2)))
  expect(times.size).toBe(1)
})

it('a projection on a computed feature answers it alone (S29)', async () => {
  const { json } = await batchGet(ASKED, { features: ['per_km'] })
  expect(json.feature_names).toEqual(['per_km'])
  expect(json.rows).toEqual(VALUES.map(([value]) => [value]))
  expect(json.statuses).toEqual(STATUSES.map(([status]) => [status]))
  const reversed = await batchGet(ASKED, { features: ['delay', 'log_delay'] })
  expect(reversed.json.rows).toEqual(VALUES.map(([, log, delay]) => [delay, log]))
  expect(reversed.json.event_times[0]![0]).not.toBe(reversed.json.event_times[0]![1])
})

it('history computes the same of the labels and what was known at their times (S22)', async () => {
  const event_time = new Date().toISOString()
  const labels = [
    ...ASKED.map((asked) => ({ ...asked, event_time })),
    { airport: 'ATL', distance: 1, event_time: new Date(Date.parse(landed_at) - 1).toISOString() },
  ]
  const answer = await harness.call<{ columns: unknown[]; rows: unknown[][] }>(
    'POST',
    `${SERVICE}/historical-features`,
    { labels },
  )
  expect(answer.json.columns, answer.text).toEqual([
    { name: 'airport', type: 'string' },
    { name: 'distance', type: 'float64' },
    { name: 'event_time', type: 'timestamp' },
    { name: 'per_km', type: 'float64' },
    { name: 'log_delay', type: 'float64' },
    { name: 'delay', type: 'int64' },
  ])
  expect(answer.json.rows.map((row) => row.slice(3))).toEqual([...VALUES, [null, null, null]])
})

it.each([
  ['Get', 'GET', `${SERVICE}/features?airport=ATL`, undefined],
  ['Get of text', 'GET', `${SERVICE}/features?airport=ATL&distance=far`, undefined],
  ['BatchGet', 'POST', `${SERVICE}/features`, { entities: [{ airport: 'ATL', distance: null }] }],
  [
    'history',
    'POST',
    `${SERVICE}/historical-features`,
    { labels: [{ airport: 'ATL', event_time: landed_at }] },
  ],
])(
  '%s without a usable request input is refused by row and name (S24, S28)',
  async (_, method, path, body) => {
    const answer = await harness.call<ErrorBody>(method, path, body)
    expect(answer.status).toBe(400)
    expect(answer.json.error.code).toBe('invalid_argument')
    expect(answer.json.error.details.faults).toMatchObject([{ row: 0, name: 'distance' }])
  },
)

it('a new expression is breaking, needs no rows again, and answers at once (S33)', async () => {
  const [view] = DEFINITIONS.on_demand_views
  const definitions = {
    ...DEFINITIONS,
    on_demand_views: [{ ...view, features: [{ ...RATIO, sql: 'delay / distance' }, view!.features[1]] }],
  }
  const planned = await harness.call<{ changes: object[] }>('POST', '/v1/definitions/plan', { definitions })
  expect(planned.json.changes).toMatchObject([{ object: 'on_demand_view/relative', breaking: true }])
  const refused = await harness.call('POST', '/v1/definitions/apply', { definitions })
  expect(refused.status).toBe(409)
  const applied = await harness.call('POST', '/v1/definitions/apply', { definitions, allow_breaking: true })
  expect(applied.status, applied.text).toBe(200)
  const answer = await until(
    () => batchGet([{ airport: 'ATL', distance: 0 }]),
    ({ headers }) => headers.get('x-generation') === '2',
    READABLE_MS,
  )
  expect(answer.json.rows).toEqual([['Infinity', Math.log(30), 30]])
})
