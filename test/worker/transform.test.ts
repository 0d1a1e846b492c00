import { afterAll, beforeAll, expect, it } from 'vitest'
import { definitions } from '../../examples/order-payloads/definitions.ts'
import { writeParquet } from '../../src/core/parquet.ts'
import { type ErrorBody, type Harness, startHarness, until } from './harness.ts'

const READABLE_MS = 180_000
const at = new Date(Date.now() - 60_000).toISOString()
const payload = (...prices: number[]) =>
  JSON.stringify({ lines: prices.map((price) => ({ price, count: 2 })), device: 'phone' })

let harness: Harness
beforeAll(async () => {
  harness = await startHarness({
    services: {
      ORDER_PAYLOADS: { name: 'order-payloads', configPath: './examples/order-payloads/wrangler.toml' },
    },
    // Ten retries last until definitions are mended on a slow machine, too.
    variables: { RETRY_DELAY_S_MAX: '3' },
  })
  const applied = await apply(definitions)
  expect(applied.status, applied.text).toBe(200)
})
afterAll(() => harness.close())

const apply = (given: object) =>
  harness.call<ErrorBody>('POST', '/v1/definitions/apply', { definitions: given, allow_breaking: true })

const push = (...events: object[]) =>
  harness.call('POST', '/v1/sources/orders/events', { events: events.map((event) => ({ at, ...event })) })

async function untilServed(user: string, values: readonly unknown[], service = 'buyer') {
  await until(
    async () => {
      const body = { entities: [{ user }], consistency: 'strong' }
      const { json } = await harness.call<{ rows: unknown[][] }>(
        'POST',
        `/v1/feature-services/${service}/features`,
        body,
      )
      return JSON.stringify(json.rows[0])
    },
    (found) => found === JSON.stringify(values),
    READABLE_MS,
  )
}

async function quarantined() {
  const { json } = await harness.call<{
    quarantine: { view: string; reason: string; row: { user: string } }[]
  }>('GET', '/v1/quarantine?source=orders&limit=100')
  return json.quarantine
}

it('a pushed row goes through the Worker that the view names, and its windows aggregate what that returns', async () => {
  await push({ user: 'a', payload: payload(1.5, 2) })
  await untilServed('a', [2, 7, 'phone', 3.5, 7])
})

it('a row the Worker leaves out is in no view, and one that it refuses is in quarantine with its reason (S26)', async () => {
  await push(
    { user: 'b', payload: null },
    { user: 'c', payload: 'no json' },
    { user: 'd', payload: payload(1) },
  )
  await untilServed('d', [1, 2, 'phone', 2, 2])
  await untilServed('b', [null, null, null, null, null])
  const found = (await quarantined()).filter(({ row }) => row.user === 'c')
  expect(found.map(({ view }) => view).sort()).toEqual(['last_order@1', 'spending@1'])
  expect(found[0]!.reason).toMatch(/The payload is no order/)
})

it('an output of the wrong type puts that row in quarantine, field and type named', async () => {
  const wrong = JSON.stringify({ lines: [{ price: 1, count: 1 }], device: 7 })
  await push({ user: 'e', payload: wrong }, { user: 'f', payload: payload(4) })
  await untilServed('f', [1, 8, 'phone', 8, 8])
  const found = (await quarantined()).filter(({ row }) => row.user === 'e')
  expect(found.map(({ view }) => view).sort()).toEqual(['last_order@1', 'spending@1'])
  expect(found[0]!.reason).toBe('Field "device": Cannot read 7 as string')
})

it('a loaded file goes through the same Worker (S25)', async () => {
  const payloads = [payload(10), 'no json', payload(20)]
  const file = writeParquet([
    { name: 'at', type: 'timestamp', values: payloads.map(() => Date.parse(at) * 1_000) },
    { name: 'user', type: 'string', values: payloads.map((_, row) => `l${row}`) },
    { name: 'payload', type: 'string', values: payloads },
  ])
  await harness.call('PUT', '/v1/sources/orders/files/orders.parquet', file)
  const started = await harness.call<{ loads: { id: string }[] }>('POST', '/v1/sources/orders/loads', {})
  const load = await until(
    async () =>
      (await harness.call<{ status: string }>('GET', `/v1/loads/${started.json.loads[0]!.id}`)).json,
    ({ status }) => status === 'succeeded' || status === 'failed',
    READABLE_MS,
  )
  expect(load).toMatchObject({
    status: 'succeeded',
    rows: { read: 3, written: 3, rejected: 0, quarantined: 1 },
  })
  await untilServed('l2', [1, 40, 'phone', 40, 40])
})

it('rows come again while a Worker fails, other views have theirs meanwhile, and a mended view has them all', async () => {
  const [orders] = definitions.sources
  const [view] = definitions.feature_views
  const withReturns = (method: string) => ({
    ...definitions,
    sources: [orders, { ...orders!, name: 'returns' }],
    feature_views: [
      ...definitions.feature_views,
      { ...view!, name: 'last_return', source: 'returns', transform: { service: 'ORDER_PAYLOADS', method } },
      {
        name: 'return_size',
        entity: 'user',
        source: 'returns',
        features: [{ name: 'size', type: 'int64', sql: 'length(payload)' }],
      },
    ],
    feature_services: [
      ...definitions.feature_services,
      {
        name: 'returner',
        features: [{ view: 'return_size' }, { view: 'last_return', features: ['items', 'total'] }],
      },
    ],
  })
  expect((await apply(withReturns('noSuchMethod'))).status).toBe(200)
  const text = payload(1, 2)
  await harness.call('POST', '/v1/sources/returns/events', { events: [{ at, user: 'g', payload: text }] })
  await untilServed('g', [text.length, null, null], 'returner')
  expect((await apply(withReturns('parseOrders'))).status).toBe(200)
  await untilServed('g', [text.length, 2, 6], 'returner')
})

it.each([
  [{ service: 'NO_SUCH', method: 'parseOrders' }, /no Worker is bound as "NO_SUCH"/],
  [{ service: 'ONLINE', method: 'parseOrders' }, /no Worker is bound as "ONLINE"/],
  [{ service: 'ADMIN_TOKEN', method: 'parseOrders' }, /no Worker is bound as "ADMIN_TOKEN"/],
  [{ service: 'ORDER_PAYLOADS', method: 'fetch' }, /method/],
])('transform %j is refused by name at apply', async (transform, named) => {
  const [view] = definitions.feature_views
  const refused = await apply({
    ...definitions,
    feature_views: [{ ...view, transform }],
    feature_services: [],
  })
  expect(refused.status).toBe(400)
  expect(refused.json.error.message).toMatch(named)
})
