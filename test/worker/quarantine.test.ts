import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ParquetColumn, writeParquet } from '../../src/core/parquet.ts'
import { type ErrorBody, type Harness, startHarness, until } from './harness.ts'

const view = (name: string, sql: string, where?: string) => ({
  name,
  entity: 'user',
  source: 'orders',
  features: [{ name, type: 'int64', sql }],
  ...(where === undefined ? {} : { where }),
})
const definitions = (cast: string) => ({
  entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 1 }],
  sources: [
    {
      name: 'orders',
      event_time: 'at',
      schema: [
        { name: 'at', type: 'timestamp' },
        { name: 'user', type: 'string' },
        { name: 'price', type: 'int64' },
        { name: 'note', type: 'string' },
      ],
      landing: { format: 'parquet' },
      expectations: [
        { name: 'sane', sql: 'price < 1000', on_failure: 'reject' },
        { name: 'usual', sql: 'price >= 0', on_failure: 'quarantine' },
        { name: 'cheap', sql: 'price < 100', on_failure: 'warn' },
      ],
    },
  ],
  feature_views: [view('price', 'price'), view('noted', cast), view('large', 'price * 2', 'price > 10')],
  feature_services: [{ name: 'all', features: [{ view: 'price' }, { view: 'noted' }, { view: 'large' }] }],
})
const READABLE_MS = 180_000
const at = new Date(Date.now() - 60_000).toISOString()

interface Quarantined {
  readonly id: string
  readonly index: number
  readonly view: string | null
  readonly reason: string
  readonly row: Readonly<Record<string, unknown>>
}

let harness: Harness
beforeAll(async () => {
  harness = await startHarness()
  await apply('cast(note as bigint)')
})
afterAll(() => harness.close())

async function apply(cast: string) {
  const body = { definitions: definitions(cast), allow_breaking: true }
  const applied = await harness.call('POST', '/v1/definitions/apply', body)
  expect(applied.status, applied.text).toBe(200)
}

async function push(...events: object[]) {
  const { json } = await harness.call<{ rejected: { index: number; message: string }[] }>(
    'POST',
    '/v1/sources/orders/events',
    { events: events.map((event) => ({ at, ...event })) },
  )
  return json.rejected
}

async function valuesOf(user: string) {
  const body = { entities: [{ user }], consistency: 'strong' }
  const { json } = await harness.call<{ rows: unknown[][] }>(
    'POST',
    '/v1/feature-services/all/features',
    body,
  )
  return JSON.stringify(json.rows[0])
}

const untilServed = (user: string, values: readonly unknown[]) =>
  until(
    () => valuesOf(user),
    (found) => found === JSON.stringify(values),
    READABLE_MS,
  )

async function quarantined(): Promise<readonly Quarantined[]> {
  const { json, text } = await harness.call<{ quarantine: Quarantined[] }>(
    'GET',
    '/v1/quarantine?source=orders&limit=100',
  )
  expect(json.quarantine, text).toBeDefined()
  return json.quarantine
}

it('rows meet expectations: rejected by index, kept in quarantine, or taken; null meets (S26)', async () => {
  const rejected = await push(
    { user: 'a', price: 1_000, note: '1' },
    { user: 'b', price: -1, note: '1' },
    { user: 'c', price: null, note: '1' },
  )
  expect(rejected).toMatchObject([{ index: 0, message: 'Expectation "sane" is not met' }])
  await untilServed('c', [null, 1, null])
  expect(await valuesOf('b')).toBe('[null,null,null]')
  expect(await quarantined()).toMatchObject([
    { index: 1, view: null, reason: 'Expectation "usual" is not met', row: { user: 'b', price: -1 } },
  ])
})

it('a row on which a view fails is in quarantine for that view alone, and is released once it is mended', async () => {
  await push({ user: 'd', price: 20, note: 'x' }, { user: 'd2', price: 20, note: '7' })
  await untilServed('d', [20, null, 40])
  await untilServed('d2', [20, 7, 40])
  const found = (await quarantined()).find(({ row }) => row.user === 'd')!
  expect(found).toMatchObject({ index: 0, view: 'noted@1' })
  expect(found.reason).toMatch(/x/)

  await apply('coalesce(try_cast(note as bigint), -1)')
  const release = (body: object) =>
    harness.call<{ released: string[]; refused: { code: string }[] }>('POST', '/v1/quarantine/release', body)
  const first = await release({ source: 'orders', ids: [found.id, 'no-such-id'] })
  expect(first.status, first.text).toBe(202)
  expect(first.json.released).toEqual([found.id])
  expect(first.json.refused).toMatchObject([{ code: 'not_found' }])
  await untilServed('d', [20, -1, 40])
  expect((await quarantined()).some(({ id }) => id === found.id)).toBe(false)
  const again = await release({ source: 'orders', ids: [found.id] })
  expect(again.json).toMatchObject({ released: [], refused: [{ code: 'failed_precondition' }] })
})

it('a file’s rows meet the same, and its load counts them', async () => {
  const prices = [1n, 5_000n, -5n, 30n]
  const columns: ParquetColumn[] = [
    { name: 'at', type: 'timestamp', values: prices.map(() => Date.parse(at) * 1_000) },
    { name: 'user', type: 'string', values: prices.map((_, row) => `f${row}`) },
    { name: 'price', type: 'int64', values: prices },
    { name: 'note', type: 'string', values: prices.map(() => '3') },
  ]
  await harness.call('PUT', '/v1/sources/orders/files/mix.parquet', writeParquet(columns))
  const started = await harness.call<{ loads: { id: string }[] }>('POST', '/v1/sources/orders/loads', {
    files: ['mix.parquet'],
    max_bad_rows: 1,
  })
  const load = await until(
    async () =>
      (await harness.call<{ status: string; rows: object }>('GET', `/v1/loads/${started.json.loads[0]!.id}`))
        .json,
    ({ status }) => status === 'succeeded' || status === 'failed',
    READABLE_MS,
  )
  expect(load).toMatchObject({
    status: 'succeeded',
    rows: { read: 4, written: 2, rejected: 1, quarantined: 1 },
  })
  await untilServed('f3', [30, 3, 60])
  expect((await quarantined()).some(({ row, index }) => row.user === 'f2' && index === 2)).toBe(true)
})

it('rows that meet an expectation not are counted for each, from both doors', async () => {
  await push({ user: 'w', price: 500, note: '1' }, { user: 'w2', price: 2_000, note: '1' })
  const found = await until(
    async () =>
      (
        await harness.call<{ expectations: { name: string; unmet: number }[] }>(
          'GET',
          '/v1/sources/orders/expectations',
        )
      ).json.expectations,
    (expectations) => expectations.reduce((sum, { unmet }) => sum + unmet, 0) >= 6,
    READABLE_MS,
  )
  // One of each was pushed above and one stood in the file, which had none to warn of.
  expect(found).toMatchObject([
    { name: 'sane', sql: 'price < 1000', on_failure: 'reject', unmet: 3, unmet_last_day: 3 },
    { name: 'usual', unmet: 2, unmet_last_day: 2 },
    { name: 'cheap', on_failure: 'warn', unmet: 1, unmet_last_day: 1 },
  ])
})

it.each([
  ['GET', '/v1/sources/order/expectations', undefined, 404, /orders/],
  ['GET', '/v1/sources/orders/expectations?since=1', undefined, 400, /"since"/],
  ['GET', '/v1/quarantine', undefined, 400, /source/],
  ['GET', '/v1/quarantine?source=order', undefined, 404, /orders/],
  ['GET', '/v1/quarantine?source=orders&from=1', undefined, 400, /"from"/],
  ['GET', '/v1/quarantine?source=orders&limit=0', undefined, 400, /"limit"/],
  ['POST', '/v1/quarantine/release', {}, 400, /source/],
  ['POST', '/v1/quarantine/release', { source: 'order' }, 404, /orders/],
  ['POST', '/v1/quarantine/release', { source: 'orders', ids: [] }, 400, /ids/],
  ['POST', '/v1/quarantine/release', { source: 'orders', all: true }, 400, /all/],
  ['POST', '/v1/quarantine/release?x=1', { source: 'orders' }, 400, /"x"/],
] as const)('%s %s %j is refused by name (S34)', async (method, path, body, status, named) => {
  const answer = await harness.call<ErrorBody>(method, path, body)
  expect(answer.status, answer.text).toBe(status)
  expect(answer.json.error.message).toMatch(named)
})
