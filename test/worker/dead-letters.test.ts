import { afterAll, beforeAll, expect, it } from 'vitest'
import { encodeMessage } from '../../src/ingest/queue-message.ts'
import { type Harness, startHarness, until } from './harness.ts'

const SOURCE = {
  name: 'clicks',
  event_time: 'at',
  schema: [
    { name: 'at', type: 'timestamp' },
    { name: 'user', type: 'string' },
    { name: 'price', type: 'int64' },
  ],
}
const DEFINITIONS = {
  entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 1 }],
  sources: [SOURCE],
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
/** Ten retries a second apart, the dead-letter queue's five seconds, and a slow machine. */
const DEAD_MS = 180_000
const READABLE_MS = 180_000

interface Letter {
  readonly id: string
  readonly source: string | null
  readonly rows: number | null
  readonly time: string
  readonly reason: string
  readonly attempts: number
  readonly status: string
}

let harness: Harness
const doorTime = (Math.floor(Date.now() / 1_000) - 60) * 1_000_000
const message = encodeMessage({
  kind: 'events',
  id: 'push-1.0',
  source: 'clicks',
  pushId: 'push-1',
  doorTime,
  columns: ['at', 'user', 'price'],
  rows: [{ index: 0, cells: `"${new Date(doorTime / 1_000).toISOString()}","ann",7` }],
})

beforeAll(async () => {
  harness = await startHarness({ variables: { RETRY_DELAY_S_MAX: '0' } })
})
afterAll(() => harness.close())

async function apply(definitions: object): Promise<void> {
  const applied = await harness.call('POST', '/v1/definitions/apply', { definitions, allow_breaking: true })
  expect(applied.status, applied.text).toBe(200)
}

async function list(query = ''): Promise<Letter[]> {
  const listed = await harness.call<{ dead_letters: Letter[] }>('GET', `/v1/dead-letters${query}`)
  expect(listed.status, listed.text).toBe(200)
  return listed.json.dead_letters
}

async function replay(body: object) {
  const answer = await harness.call<{ replayed: string[]; refused: object[] }>(
    'POST',
    '/v1/dead-letters/replay',
    body,
  )
  expect(answer.status, answer.text).toBe(202)
  return answer.json
}

async function priceNow(user: string): Promise<unknown> {
  const body = { entities: [{ user }], consistency: 'strong' }
  const { json } = await harness.call<{ rows: unknown[][] }>(
    'POST',
    '/v1/feature-services/ranker/features',
    body,
  )
  return json.rows?.[0]?.[0]
}

async function loggedRows(): Promise<number> {
  const found = await harness.env.DB.prepare(
    "SELECT total(row_count) AS rows FROM segments WHERE path LIKE 'log/%'",
  ).first('rows')
  return Number(found)
}

it('a message that keeps failing is kept with its reason, and is readable once the fault is mended and it is replayed (S9)', async () => {
  // The source was dropped between the push and its consumption; another message is damaged.
  await apply({ ...DEFINITIONS, sources: [], feature_views: [], feature_services: [] })
  await harness.env.EVENTS.send(message, { contentType: 'text' })
  await harness.env.EVENTS.send('{"id":"push-2.0","source":', { contentType: 'text' })
  const letters = await until(list, (found) => found.length === 2, DEAD_MS)
  expect(letters.find(({ source }) => source === 'clicks')).toEqual({
    id: 'push-1.0',
    source: 'clicks',
    rows: 1,
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    reason: 'There is no source "clicks" any more',
    attempts: 11,
    status: 'kept',
  })
  expect(letters.find(({ source }) => source === null)).toMatchObject({
    id: expect.stringMatching(/^unread-[0-9a-f]{32}$/),
    rows: null,
    reason: expect.stringMatching(/cannot be read/),
    status: 'kept',
  })
  const { n } = (await harness.env.DB.prepare('SELECT count(*) AS n FROM message_failures').first<{
    n: number
  }>())!
  expect(n).toBe(0)

  await apply(DEFINITIONS)
  expect(await replay({ source: 'clicks' })).toEqual({ replayed: ['push-1.0'], refused: [] })
  await until(
    () => priceNow('ann'),
    (price) => price === 7,
    READABLE_MS,
  )
  expect(await list('?source=clicks')).toMatchObject([{ id: 'push-1.0', status: 'replayed' }])
  await until(loggedRows, (rows) => rows === 1, READABLE_MS)

  // Once more by its id; what is sent after it and is there shows that it has had its time.
  expect(await replay({ ids: ['push-1.0'] })).toEqual({ replayed: ['push-1.0'], refused: [] })
  const events = [{ at: new Date().toISOString(), user: 'bob', price: 8 }]
  expect((await harness.call('POST', '/v1/sources/clicks/events', { events })).status).toBe(202)
  await until(loggedRows, (rows) => rows >= 2, READABLE_MS)
  expect(await loggedRows()).toBe(2)
  expect(await priceNow('ann')).toBe(7)
  expect(await list('?status=replayed')).toMatchObject([{ id: 'push-1.0' }])
})
