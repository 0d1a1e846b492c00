import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type LocalWorker, startLocalWorker } from '../../scripts/local-worker.ts'
import { until } from './harness.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DONE_MS = 180_000
const NOW_MS = Date.now()
const USERS = Array.from({ length: 24 }, (_, at) => `user-${at}`)
const ITEMS = Array.from({ length: 6 }, (_, at) => at)
const ROWS = 300
/** So long ago, also with 28 hours more, as no window's tail moves over while the test goes on: it is rounded down to a whole hour. */
const HOURS_AGO = [0.2, 0.999, 1, 19, 28, 60, 130, 180]
const WINDOWS = ['1d', '7d']

const DEFINITIONS = {
  entities: [
    { name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 4 },
    { name: 'item', join_keys: [{ name: 'item', type: 'int64' }], shards: 1 },
  ],
  sources: [
    {
      name: 'clicks',
      event_time: 'at',
      schema: [
        { name: 'at', type: 'timestamp' },
        { name: 'user', type: 'string' },
        { name: 'item', type: 'int64' },
        { name: 'price', type: 'float64' },
      ],
      landing: { format: 'ndjson' },
      shards: 2,
    },
  ],
  feature_views: [
    {
      name: 'last_click',
      entity: 'user',
      source: 'clicks',
      features: [{ name: 'price', type: 'float64', sql: 'price' }],
      ttl: '20h',
    },
    {
      name: 'last_sale',
      entity: 'item',
      source: 'clicks',
      features: [{ name: 'price', type: 'float64', sql: 'price' }],
    },
    {
      name: 'activity',
      entity: 'user',
      source: 'clicks',
      aggregations: [
        { name: 'clicks', function: 'count', sql: 'price', windows: WINDOWS },
        { name: 'spent', function: 'sum', sql: 'price', windows: WINDOWS },
        { name: 'spread', function: 'stddev', sql: 'price', windows: WINDOWS },
        { name: 'newest', function: 'last', sql: 'item', windows: WINDOWS },
        { name: 'items', function: 'count_distinct', sql: 'item', windows: WINDOWS },
      ],
    },
  ],
  feature_services: [
    {
      name: 'ranker',
      features: [{ view: 'last_click' }, { view: 'last_sale', prefix: 'item_' }, { view: 'activity' }],
    },
  ],
}
const VIEWS = DEFINITIONS.feature_views.map(({ name }) => name)

const ago = (hours: number) => new Date(NOW_MS - hours * HOUR_MS).toISOString()
/** One user has clicked long ago alone, some never. */
const rows = Array.from({ length: ROWS }, (_, at) => {
  const user = (at * at) % (USERS.length - 1)
  const hoursAgo = HOURS_AGO[(at * 7 + (at % 3)) % HOURS_AGO.length]!
  return {
    at: new Date(NOW_MS - (user === 1 ? hoursAgo + 28 : hoursAgo) * HOUR_MS - at).toISOString(),
    user: USERS[user]!,
    item: at % ITEMS.length,
    price: at % 11 === 0 ? null : at * 1.1 - 100,
  }
})

let worker: LocalWorker
let state: string
beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'featheredge-restore-'))
  await start({ isMigrated: false })
})
afterAll(async () => {
  await worker.stop()
  await rm(state, { recursive: true, force: true, maxRetries: 10 })
})

async function start({ isMigrated }: { readonly isMigrated: boolean }): Promise<void> {
  const variables = { SEGMENT_AGE_MS: '100' }
  worker = await startLocalWorker({ port: 0, state, token: 'test', isMigrated, variables })
}

async function call<T>(method: string, path: string, body?: object | string): Promise<T> {
  const answer = await fetch(worker.url + path, {
    method,
    headers: { authorization: 'Bearer test' },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`)
  return JSON.parse(text) as T
}

/** What the writers have had logged: raw rows, those of each view, and deletions. */
async function countLogged(): Promise<number> {
  const folder = join(state, 'v3/d1/miniflare-D1DatabaseObject')
  const [name] = (await readdir(folder)).filter((file) => /^[0-9a-f]{64}\.sqlite$/.test(file))
  const database = new DatabaseSync(join(folder, name!), { readOnly: true, timeout: 10_000 })
  const logged = database
    .prepare('SELECT total(row_count) AS count FROM segments WHERE replaced_time IS NULL')
    .get()
  database.close()
  return Number(logged!.count)
}

interface Served {
  readonly feature_names: readonly string[]
  readonly rows: readonly unknown[][]
  readonly statuses: readonly string[][]
  readonly event_times: readonly unknown[][]
}

/** BatchGet of every user, and with them of every item. */
const read = (consistency: 'eventual' | 'strong') =>
  call<Served>('POST', '/v1/feature-services/ranker/features', {
    entities: USERS.map((user, at) => ({ user, item: ITEMS[at % ITEMS.length] })),
    include: ['statuses', 'event_times'],
    consistency,
  }).then(({ feature_names, rows, statuses, event_times }) => ({
    feature_names,
    rows,
    statuses,
    event_times,
  }))

/** What is served once nothing waits any more: windows that a deletion cut through are made anew, blocks are put. */
async function readSettled(): Promise<Served> {
  const { strong } = await until(
    async () => ({ strong: await read('strong'), eventual: await read('eventual') }),
    ({ strong, eventual }) =>
      !strong.statuses.flat().includes('error') && JSON.stringify(eventual) === JSON.stringify(strong),
    DONE_MS,
  )
  return strong
}

async function history() {
  const labels = USERS.flatMap((user, at) =>
    [0, 3, 24, 100].map((hours) => ({ user, item: ITEMS[at % ITEMS.length], event_time: ago(hours) })),
  )
  const path = '/v1/feature-services/ranker/historical-features'
  const { rows } = await call<{ rows: unknown[][] }>('POST', path, { labels })
  return rows
}

/** The last digits of a deviation depend on the order in which its parts were merged (S22). */
function alike(values: readonly unknown[][]): unknown[][] {
  return values.map((row) =>
    row.map((value) => (typeof value === 'number' ? expect.closeTo(value, 9) : value)),
  )
}

it('a store that has lost KV and all writers is rebuilt from the log: every entity is served as before (S10, S22)', async () => {
  await call('POST', '/v1/definitions/apply', { definitions: DEFINITIONS })
  const [pushed, landed] = [rows.slice(0, ROWS / 2), rows.slice(ROWS / 2)]
  for (let at = 0; at < pushed.length; at += 50)
    await call('POST', '/v1/sources/clicks/events', { events: pushed.slice(at, at + 50) })
  const lines = landed.map((row) => JSON.stringify(row)).join('\n')
  await call('PUT', '/v1/sources/clicks/files/landed.ndjson', lines)
  const { loads } = await call<{ loads: { id: string }[] }>('POST', '/v1/sources/clicks/loads', {})
  await until(
    () => call<{ status: string }>('GET', `/v1/loads/${loads[0]!.id}`),
    ({ status }) => status === 'succeeded',
    DONE_MS,
  )
  // Everything of one user, what came before a time of the others: that cuts through tiles of their windows.
  const deletions = [
    { entity: 'user', keys: [{ user: rows[0]!.user }], event_time: ago(0) },
    { entity: 'user', keys: USERS.slice(2, 6).map((user) => ({ user })), event_time: ago(1) },
    { entity: 'item', keys: [{ item: 3 }], event_time: ago(0) },
  ]
  for (const { entity, ...deletion } of deletions)
    await call('POST', `/v1/entities/${entity}/deletions`, deletion)
  const keyCount = deletions.reduce((sum, { keys }) => sum + keys.length, 0)
  const loggedCount = (1 + VIEWS.length) * ROWS + keyCount
  await until(countLogged, (count) => count === loggedCount, DONE_MS)
  const before = await readSettled()
  expect(new Set(before.statuses.flat())).toEqual(new Set(['present', 'null', 'missing', 'expired']))
  const historyBefore = await history()

  await worker.stop()
  for (const lost of ['kv', 'do']) await rm(join(state, 'v3', lost), { recursive: true, maxRetries: 10 })
  await start({ isMigrated: true })
  expect(await read('strong'), 'what is lost is not served').not.toEqual(before)
  for (const view of VIEWS) await call('POST', `/v1/feature-views/${view}/rebuild`)
  const jobs = await until(
    async () => (await call<{ jobs: { kind: string; status: string }[] }>('GET', '/v1/jobs')).jobs,
    (all) => all.every(({ kind, status }) => kind !== 'fill' || status === 'succeeded'),
    DONE_MS,
  )
  expect(jobs.filter(({ kind }) => kind === 'fill')).toHaveLength(VIEWS.length)
  expect(await readSettled()).toEqual({ ...before, rows: alike(before.rows) })
  expect(await history()).toEqual(alike(historyBefore))
  // Writers know their deletions again: a row from before one changes nothing.
  await call('POST', '/v1/sources/clicks/events', {
    events: [
      { at: ago(0.1), user: rows[0]!.user, item: 3, price: 1_000 },
      { at: new Date().toISOString(), user: USERS.at(-1), item: 5, price: 7 },
    ],
  })
  const after = await until(
    () => read('eventual'),
    ({ rows: served }) => served.at(-1)![0] === 7,
    DONE_MS,
  )
  for (const deleted of [0, 3]) expect(after.rows[deleted]).toEqual(alike(before.rows)[deleted])
})
