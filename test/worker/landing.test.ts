import { afterAll, beforeAll, expect, it } from 'vitest'
import { openParquet, type ParquetColumn, writeParquet } from '../../src/core/parquet.ts'
import { type ErrorBody, type Harness, startHarness, TOKEN, until } from './harness.ts'

const DEFINITIONS = {
  entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 1 }],
  sources: [
    {
      name: 'clicks',
      event_time: 'at',
      schema: [
        { name: 'at', type: 'timestamp' },
        { name: 'user', type: 'string' },
        { name: 'price', type: 'int64' },
      ],
      landing: { format: 'parquet' },
    },
  ],
  feature_views: [
    {
      name: 'last_click',
      entity: 'user',
      source: 'clicks',
      features: [{ name: 'price', type: 'int64', sql: 'price' }],
    },
  ],
  feature_services: [{ name: 'ranker', features: [{ view: 'last_click' }] }],
}
const LOADED_MS = 30_000

let harness: Harness
beforeAll(async () => {
  harness = await startHarness()
  const applied = await harness.call('POST', '/v1/definitions/apply', { definitions: DEFINITIONS })
  expect(applied.status, applied.text).toBe(200)
})
afterAll(() => harness.close())

/** A click of a user for each price, the last one the newest. */
function clicksFile(user: string, prices: readonly number[]): Uint8Array {
  const newest = Date.now() * 1_000 - 60_000_000
  const columns: ParquetColumn[] = [
    { name: 'at', type: 'timestamp', values: prices.map((_, at) => newest - prices.length + at) },
    { name: 'user', type: 'string', values: prices.map(() => user) },
    { name: 'price', type: 'int64', values: prices.map(BigInt) },
  ]
  return writeParquet(columns)
}

async function priceOf(user: string): Promise<unknown> {
  const path = `/v1/feature-services/ranker/features?user=${user}`
  return (await harness.call<{ features: { price: unknown } }>('GET', path)).json.features.price
}

interface Jobs {
  readonly cron: readonly { readonly name: string; readonly outcome: string | null }[]
  readonly refused_files: readonly { readonly source: string }[]
}

const jobs = async () => (await harness.call<Jobs>('GET', '/v1/jobs')).json
const notices = ({ cron }: Jobs) => cron.filter(({ name }) => name === 'noticeLanded')

/** A message as R2 sends it. */
const notice = (action: string, key: string) => ({
  account: '3f4b7e3dcab231cbfdaa90a6a28bd548',
  action,
  bucket: 'featheredge',
  object: { key, size: 65536, eTag: 'c846ff7a18f28c2e262116d6e8719ef0' },
  eventTime: '2026-11-28T12:36:44.379Z',
})

it('a notification of R2 has its file loaded once, though Cron finds it at the same time (S9)', async () => {
  await harness.env.BUCKET.put('landing/clicks/2026/a.parquet', clicksFile('ann', [1, 2, 7]))
  await harness.env.BUCKET.put('landing/nobodys/a.parquet', clicksFile('ann', [9]))
  const put = notice('PutObject', 'landing/clicks/2026/a.parquet')
  const bodies = [
    put,
    { ...put, action: 'CompleteMultipartUpload' },
    notice('PutObject', 'landing/nobodys/a.parquet'),
    notice('DeleteObject', 'landing/clicks/old.parquet'),
    { type: 'cf.r2.bucket.created', payload: { name: 'featheredge' } },
  ]
  await Promise.all([
    harness.env.LANDED.sendBatch(bodies.map((body) => ({ body, contentType: 'json' }))),
    harness.server.getWorker().scheduled({ cron: '* * * * *' }),
  ])
  expect(
    await until(
      () => priceOf('ann'),
      (price) => price !== null,
      LOADED_MS,
    ),
  ).toBe(7)
  const told = await until(jobs, (found) => notices(found).length > 0, LOADED_MS)
  expect(notices(told)).toMatchObject([
    { outcome: expect.stringMatching(/^notices: .*1 deletions ignored, 1 passed over$/) },
  ])
  expect(told.refused_files).toMatchObject([{ source: 'nobodys' }])
  const loads = await harness.env.DB.prepare('SELECT file FROM loads').all<{ file: string }>()
  expect(loads.results).toEqual([{ file: '2026/a.parquet' }])
  const { n } = (await harness.env.DB.prepare(
    "SELECT sum(row_count) AS n FROM segments WHERE view = 'last_click'",
  ).first<{ n: number }>())!
  expect(n).toBe(3)
})

it('a notification alone has its file loaded', async () => {
  await harness.env.BUCKET.put('landing/clicks/b.parquet', clicksFile('bob', [1, 8]))
  await harness.env.LANDED.send(notice('CopyObject', 'landing/clicks/b.parquet'), { contentType: 'json' })
  expect(
    await until(
      () => priceOf('bob'),
      (price) => price !== null,
      LOADED_MS,
    ),
  ).toBe(8)
})

it('rows of a source are answered as Parquet, or as NDJSON', async () => {
  await harness.env.BUCKET.put('landing/clicks/c.parquet', clicksFile('cid', [3, 4, 9]))
  await harness.server.getWorker().scheduled({ cron: '* * * * *' })
  const read = async () =>
    (await harness.call('GET', '/v1/sources/clicks/rows')).text
      .split('\n')
      .filter((line) => line.includes('cid'))
  const lines = await until(read, ({ length }) => length === 3, LOADED_MS)
  const response = await fetch(new URL('/v1/sources/clicks/rows?format=parquet', harness.url), {
    headers: { authorization: `Bearer ${TOKEN}` },
  })
  expect(response.headers.get('content-type')).toBe('application/vnd.apache.parquet')
  const bytes = await response.arrayBuffer()
  const buffer = {
    byteLength: bytes.byteLength,
    slice: async (start: number, end?: number) => bytes.slice(start, end),
  }
  const file = await openParquet(buffer, 'the answer')
  const users = Array.from(await file.readColumn('user', 0, file.rowCount))
  const prices = Array.from(await file.readColumn('price', 0, file.rowCount))
  expect(prices.filter((_, row) => users[row] === 'cid')).toEqual(
    lines.map((line) => BigInt((JSON.parse(line) as { price: number }).price)),
  )
  const refused = await harness.call<ErrorBody>('GET', '/v1/sources/clicks/rows?format=xml')
  expect(refused.status).toBe(400)
  expect(refused.json.error.message).toMatch(/parameter "format".*ndjson.*parquet/)
})
