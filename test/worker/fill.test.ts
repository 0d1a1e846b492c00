import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ErrorBody, type Harness, startHarness, until } from './harness.ts'

const USERS = [1, 2, 3, 4, 5]
const DONE_MS = 180_000
/** What the changed expressions multiply by: no answer can be of both. */
const FACTOR = 1_000_000

function definitions(value: string) {
  return {
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'int64' }], shards: 2 }],
    sources: [
      {
        name: 'clicks',
        event_time: 'at',
        schema: [
          { name: 'at', type: 'timestamp' },
          { name: 'user', type: 'int64' },
          { name: 'value', type: 'int64' },
        ],
        shards: 2,
      },
    ],
    feature_views: [
      {
        name: 'last_click',
        entity: 'user',
        source: 'clicks',
        features: [{ name: 'value', type: 'int64', sql: value }],
      },
      {
        name: 'activity',
        entity: 'user',
        source: 'clicks',
        aggregations: [{ name: 'sum', function: 'sum', sql: value, windows: ['24h'] }],
      },
    ],
    feature_services: [{ name: 'ranker', features: [{ view: 'last_click' }, { view: 'activity' }] }],
  }
}

interface Job {
  readonly id: string
  readonly kind: string
  readonly status: string
}

let harness: Harness
let pushes = 0
beforeAll(async () => {
  harness = await startHarness()
  await apply('value')
})
afterAll(() => harness.close())

async function apply(value: string) {
  const body = { definitions: definitions(value), allow_breaking: true }
  const answer = await harness.call<{ generation: number }>('POST', '/v1/definitions/apply', body)
  expect(answer.status, answer.text).toBe(200)
  return answer.json.generation
}

async function push() {
  const at = new Date(Date.now() - 1_000).toISOString()
  const events = USERS.map((user) => ({ at, user, value: 1 }))
  const { status, text } = await harness.call('POST', '/v1/sources/clicks/events', { events })
  expect(status, text).toBe(202)
  pushes++
}

function ask(consistency: 'eventual' | 'strong') {
  const body = { entities: USERS.map((user) => ({ user })), consistency }
  return harness.call<{ rows: [number, number][]; statuses: string[][] }>(
    'POST',
    '/v1/feature-services/ranker/features',
    body,
  )
}

async function read(consistency: 'eventual' | 'strong') {
  const { json, text, headers } = await ask(consistency)
  expect(json.rows, text).toHaveLength(USERS.length)
  expect(new Set(json.statuses.flat())).toEqual(new Set(['present']))
  return { rows: json.rows, generation: Number(headers.get('x-generation')) }
}

it('an expression of a window is changed under load: each answer is old or new, never missing and never a mix (S30, S33)', async () => {
  await push()
  // Of both views: their blocks are put and read apart, and either may be shown before the other.
  await until(
    () => ask('eventual'),
    ({ json }) => json.rows.every(([value, sum]) => value === 1 && sum === 1),
    DONE_MS,
  )
  const applied = await apply(`value * ${FACTOR}`)
  const seen = new Map<number, boolean>()
  const endMs = Date.now() + DONE_MS
  for (let isNew = false; !isNew; ) {
    expect(Date.now(), 'it is not served in time').toBeLessThan(endMs)
    await push()
    for (const consistency of ['eventual', 'eventual', 'strong'] as const) {
      const { rows, generation } = await read(consistency)
      const kinds = new Set(rows.flatMap(([value, sum]) => [value === FACTOR, sum >= FACTOR]))
      expect(kinds.size, `a mix of two versions: ${JSON.stringify(rows)}`).toBe(1)
      isNew = kinds.has(true)
      expect(seen.get(generation) ?? isNew, `generation ${generation} answers as two`).toBe(isNew)
      seen.set(generation, isNew)
      for (const [value, sum] of rows) {
        expect([1, FACTOR]).toContain(value)
        expect(sum / value).toBeLessThanOrEqual(pushes)
      }
    }
  }
  expect(seen.get(applied) ?? false).toBe(false)
  await until(
    () => read('eventual'),
    ({ rows }) => rows.every(([value, sum]) => value === FACTOR && sum === pushes * FACTOR),
    DONE_MS,
  )
  const { json } = await harness.call<{ jobs: Job[] }>('GET', '/v1/jobs')
  const fills = await until(
    async () => (await harness.call<{ jobs: Job[] }>('GET', '/v1/jobs')).json.jobs,
    (jobs) => jobs.every(({ status }) => status === 'succeeded'),
    DONE_MS,
  )
  expect(fills.map(({ id }) => id).sort(), JSON.stringify(json)).toEqual([
    'fill-activity-2',
    'fill-last_click-2',
  ])
  const labels = USERS.map((user) => ({ user, event_time: new Date().toISOString() }))
  const history = await harness.call<{ rows: unknown[][] }>(
    'POST',
    '/v1/feature-services/ranker/historical-features',
    { labels },
  )
  expect(
    history.json.rows.map((row) => row.slice(2)),
    history.text,
  ).toEqual(USERS.map(() => [FACTOR, pushes * FACTOR]))
})

it('the accepted rows of a source can be read, by event time', async () => {
  const all = await harness.call('GET', '/v1/sources/clicks/rows')
  expect(all.status).toBe(200)
  expect(all.headers.get('content-type')).toBe('application/x-ndjson')
  const rows = all.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { user: number; value: number })
  expect(rows).toHaveLength(pushes * USERS.length)
  expect(rows[0]).toMatchObject({ value: 1 })
  const none = await harness.call('GET', '/v1/sources/clicks/rows?to=2020-01-01T00:00:00Z')
  expect([none.status, none.text]).toEqual([200, ''])
})

it('a view is rebuilt as another version of the same definition', async () => {
  const answer = await harness.call<{ id: string; view: string }>(
    'POST',
    '/v1/feature-views/activity/rebuild',
  )
  expect(answer.status, answer.text).toBe(202)
  expect(answer.json).toMatchObject({ id: 'fill-activity-3', view: 'activity@3' })
  await until(
    async () => (await harness.call<Job>('GET', '/v1/jobs/fill-activity-3')).json,
    ({ status }) => status === 'succeeded',
    DONE_MS,
  )
  const { rows } = await read('strong')
  expect(rows).toEqual(USERS.map(() => [FACTOR, pushes * FACTOR]))
})

it.each([
  ['GET', '/v1/sources/none/rows', 404, /"none"/],
  ['GET', '/v1/sources/clicks/rows?since=x', 400, /"since"/],
  ['GET', '/v1/sources/clicks/rows?from=yesterday', 400, /yesterday/],
  ['GET', '/v1/sources/clicks/rows?as_of=yesterday', 400, /yesterday/],
  ['GET', '/v1/sources/clicks/rows?format=csv', 400, /format/],
  ['POST', '/v1/feature-views/none/rebuild', 404, /"none"/],
] as const)('%s %s is refused by name (S34)', async (method, path, status, named) => {
  const answer = await harness.call<ErrorBody>(method, path)
  expect(answer.status, answer.text).toBe(status)
  expect(answer.json.error.message).toMatch(named)
})
