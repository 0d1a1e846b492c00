import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ErrorBody, type Harness, startHarness, until } from './harness.ts'

const DEFINITIONS = {
  entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'int64' }], shards: 1 }],
  sources: [
    {
      name: 'clicks',
      event_time: 'at',
      schema: [
        { name: 'at', type: 'timestamp' },
        { name: 'user', type: 'int64' },
        { name: 'round', type: 'int64' },
      ],
    },
  ],
  feature_views: [
    {
      name: 'last_click',
      entity: 'user',
      source: 'clicks',
      features: [{ name: 'round', type: 'int64', sql: 'round' }],
    },
  ],
  feature_services: [{ name: 'ranker', features: [{ view: 'last_click' }] }],
}
const USERS = 5_000
const SAMPLE = Array.from({ length: 40 }, (_, at) => at * 125)
/** Queue, publish interval and the isolate's cache, on a busy machine. */
const STALE_MS_MAX = 20_000
const READABLE_MS = 180_000
const DONE_MS = 600_000

interface Job {
  readonly id: string
  readonly kind: string
  readonly subject: string
  readonly status: string
  readonly progress: { readonly done: number; readonly total: number }
}

let harness: Harness
beforeAll(async () => {
  harness = await startHarness({ variables: { BLOCK_BYTES_MAX: '200', REBLOCK_GRACE_MS: '3000' } })
  const applied = await harness.call('POST', '/v1/definitions/apply', { definitions: DEFINITIONS })
  expect(applied.status, applied.text).toBe(200)
})
afterAll(() => harness.close())

async function push(users: readonly number[], round: number) {
  const at = new Date(Date.now() - 1_000).toISOString()
  const events = users.map((user) => ({ at, user, round }))
  const { status, text } = await harness.call('POST', '/v1/sources/clicks/events', { events })
  expect(status, text).toBe(202)
}

async function read(consistency: 'eventual' | 'strong') {
  const body = { entities: SAMPLE.map((user) => ({ user })), consistency }
  const { json, text } = await harness.call<{ rows: number[][]; statuses: string[][] }>(
    'POST',
    '/v1/feature-services/ranker/features',
    body,
  )
  expect(json.rows, text).toHaveLength(SAMPLE.length)
  return { rounds: json.rows.map(([round]) => round!), statuses: json.statuses.map(([status]) => status!) }
}

const keysOf = async (bits: number) => {
  const { keys } = await harness.env.ONLINE.list({ prefix: 'block/user/main/' })
  return keys.filter(({ name }) => name.split('/').at(-1)!.length === bits).length
}

it('blocks that have outgrown their size are divided, and whoever reads all the time sees every value (S30)', {
  timeout: 1_200_000,
}, async () => {
  await push(
    Array.from({ length: USERS }, (_, user) => user),
    0,
  )
  await until(
    () => read('eventual'),
    ({ rounds }) => rounds.every((round) => round === 0),
    READABLE_MS,
  )
  const worker = harness.server.getWorker()
  await worker.scheduled({ cron: '* * * * *' })
  const findJob = async () => (await harness.call<{ jobs: Job[] }>('GET', '/v1/jobs')).json.jobs[0]
  expect(await findJob()).toMatchObject({ kind: 'reblock', subject: 'user/main' })

  // When each round was first seen by a strong read: from then on, for so long, an older one may still be shown.
  const seenMs: number[] = [Date.now()]
  let round = 0
  let reads = 0
  const endMs = Date.now() + DONE_MS
  for (let job = await findJob(); job!.status !== 'succeeded'; job = await findJob()) {
    expect(job!.status, JSON.stringify(job)).not.toBe('failed')
    expect(Date.now(), `it is not done: ${JSON.stringify(job)}`).toBeLessThan(endMs)
    await push(SAMPLE, ++round)
    for (let turn = 0; turn < 5; turn++) {
      const askedMs = Date.now()
      const { rounds, statuses } = await read('eventual')
      const oldest = seenMs.findLastIndex((ms) => ms !== undefined && askedMs - ms > STALE_MS_MAX)
      expect(new Set(statuses)).toEqual(new Set(['present']))
      expect(Math.min(...rounds)).toBeGreaterThanOrEqual(Math.max(0, oldest))
      expect(Math.max(...rounds)).toBeLessThanOrEqual(round)
      reads++
    }
    const strong = await read('strong')
    for (let seen = 0; seen <= Math.min(...strong.rounds); seen++) seenMs[seen] ??= Date.now()
  }
  expect(reads).toBeGreaterThan(10)
  await until(
    () => read('eventual'),
    ({ rounds }) => rounds.every((shown) => shown === round),
    READABLE_MS,
  )
  const job = await findJob()
  expect((await harness.call<Job>('GET', `/v1/jobs/${job!.id}`)).json).toEqual(job)
  // The former blocks are gone.
  expect(await keysOf(10)).toBe(0)
  expect((await keysOf(11)) + (await keysOf(12))).toBeGreaterThan(0)
})

it.each([
  ['/v1/jobs?limit=0', 400, /"limit"/],
  ['/v1/jobs?of=x', 400, /"of"/],
  ['/v1/jobs/none', 404, /"none"/],
] as const)('GET %s is refused by name (S34)', async (path, status, named) => {
  const answer = await harness.call<ErrorBody>('GET', path)
  expect(answer.status, answer.text).toBe(status)
  expect(answer.json.error.message).toMatch(named)
})
