import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { getPlatformProxy } from 'wrangler'
import { type LocalWorker, startLocalWorker } from '../../scripts/local-worker.ts'
import type { Env } from '../../src/cloudflare/env.ts'
import { openSegment } from '../../src/core/segment.ts'
import { until } from './harness.ts'

const USERS = Array.from({ length: 23 }, (_, at) => `user-${at}`)
const ROWS_PER_PUSH = 100
const PUSHES_PER_ROUND_MAX = 30
const PUSHES_AT_ONCE = 3
/** The queue hands over a batch a second: a round's pushes go on for some of them. */
const PUSH_PAUSE_MS = 300
/**
 * The Worker is killed at most so long after writers have a round's first row: others are in the queue, with writers, on their way to
 * KV and to R2.
 */
const KILL_MS_MAX = 1_500
const WHOLE_MS = 180_000
/** Ten times the age at which a journal is cut. */
const CUT_MS = 3_000
const START_MS = Date.now() - 3_600_000

const SCHEMA = {
  keys: [{ name: 'user', type: 'string' }],
  features: [{ name: 'count', type: 'int64' }],
} as const
/** Of two views one is published so seldom that a kill always finds blocks of it that KV does not show. */
const VIEWS = [
  { name: 'quick', block_group: 'quick' },
  { name: 'slow', block_group: 'slow', publish: '5s' },
]
const DEFINITIONS = {
  entities: [{ name: 'user', join_keys: SCHEMA.keys, shards: 4 }],
  sources: [
    {
      name: 'clicks',
      event_time: 'at',
      schema: [{ name: 'at', type: 'timestamp' }, ...SCHEMA.keys, ...SCHEMA.features],
    },
  ],
  feature_views: VIEWS.map((view) => ({
    ...view,
    entity: 'user',
    source: 'clicks',
    features: [{ name: 'count', type: 'int64', sql: 'count' }],
  })),
  feature_services: [
    { name: 'counter', features: VIEWS.map(({ name }) => ({ view: name, prefix: `${name}_` })) },
  ],
}
const SERVICE = '/v1/feature-services/counter'

interface Row {
  readonly at: string
  readonly user: string
  /** Its number among all rows, and its place in time. */
  readonly count: number
}

let worker: LocalWorker
let state: string

beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'featheredge-kill-'))
  await start({ isMigrated: false })
  await call('POST', '/v1/definitions/apply', { definitions: DEFINITIONS })
})
afterAll(async () => {
  await worker.stop()
  await rm(state, { recursive: true, force: true, maxRetries: 10 })
})

async function start({ isMigrated }: { readonly isMigrated: boolean }): Promise<void> {
  // Cuts are going on all the time, so that kills meet them.
  const variables = { SEGMENT_AGE_MS: '300' }
  worker = await startLocalWorker({ port: 0, state, token: 'test', isMigrated, variables })
}

async function call<T>(method: string, path: string, body: object, headers: object = {}) {
  const answer = await fetch(worker.url + path, {
    method,
    headers: { authorization: 'Bearer test', ...headers },
    body: JSON.stringify(body),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`)
  return { headers: answer.headers, json: JSON.parse(text) as T }
}

function rowsOf(push: number): Row[] {
  return Array.from({ length: ROWS_PER_PUSH }, (_, at) => {
    const count = push * ROWS_PER_PUSH + at
    return { at: new Date(START_MS + count).toISOString(), user: USERS[count % USERS.length]!, count }
  })
}

async function push(number: number): Promise<void> {
  const headers = { 'idempotency-key': `push-${number}` }
  await call('POST', '/v1/sources/clicks/events', { events: rowsOf(number) }, headers)
}

/** Pushes one after another from a number on until the Worker is killed; answers the number after the last one begun. */
async function pushUntilKilled(first: number, killMs: number): Promise<number> {
  let next = first
  const pushing = Array.from({ length: PUSHES_AT_ONCE }, async () => {
    // What a kill cuts off is pushed again later, whatever became of it.
    while (next < first + PUSHES_PER_ROUND_MAX) {
      await push(next++)
      await pause(PUSH_PAUSE_MS)
    }
  })
  const ended = Promise.allSettled(pushing)
  const [row] = rowsOf(first)
  await until(
    () => history([row!]),
    ([found]) => found![0] === row!.count,
    WHOLE_MS,
  )
  await pause(killMs)
  await worker.kill()
  await ended
  return next
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Forgets the writers' alarms, as no platform should; Cron is there for it. */
function loseAlarms(): void {
  // The killed process may not have let go of the file yet.
  const path = join(state, 'v3/do/featheredge-ShardWriterObject/metadata.sqlite')
  const alarms = new DatabaseSync(path, { timeout: 10_000 })
  const { changes } = alarms.prepare('DELETE FROM _cf_ALARM').run()
  alarms.close()
  expect(changes, 'writers that had something to do').toBeGreaterThan(0)
}

/** Values of both views at each row's time, in order: a row that is there shows itself. */
async function history(rows: readonly Row[]): Promise<unknown[][]> {
  const labels = rows.map(({ at, user }) => ({ user, event_time: at }))
  const { json } = await call<{ rows: unknown[][] }>('POST', `${SERVICE}/historical-features`, { labels })
  return json.rows.map((row) => row.slice(2))
}

/** Pushes some of whose rows cannot be read. */
async function findLacking(pushCount: number): Promise<number[]> {
  const numbers = Array.from({ length: pushCount }, (_, number) => number)
  const found = await history(numbers.flatMap(rowsOf))
  return numbers.filter((number) =>
    rowsOf(number).some(({ count }) => found[count]!.some((value) => value !== count)),
  )
}

/** Values of both views for every user. */
async function readNow(consistency: 'eventual' | 'strong') {
  const entities = USERS.map((user) => ({ user }))
  const { headers, json } = await call<{ rows: unknown[][] }>('POST', `${SERVICE}/features`, {
    entities,
    consistency,
  })
  return { rows: json.rows, timing: headers.get('server-timing')! }
}

/** Waits until KV shows these values; from a store that has all blocks, no read asks a writer. */
async function untilPublished(wanted: unknown[][]): Promise<void> {
  await until(
    () => readNow('eventual'),
    ({ rows, timing }) => {
      expect(timing).toMatch(/ writers=0"/)
      return JSON.stringify(rows) === JSON.stringify(wanted)
    },
    WHOLE_MS,
  )
}

it('a Worker killed while rows come in loses none that is pushed again, and keeps none twice (S9, S31)', async () => {
  // Every block is in KV before the first kill.
  await push(0)
  const isEveryBlockThere = ({ rows, timing }: Awaited<ReturnType<typeof readNow>>) =>
    rows.every((row) => row.every((value) => value !== null)) && / writers=0"/.test(timing)
  await until(() => readNow('eventual'), isEveryBlockThere, WHOLE_MS)

  let pushCount = 1
  for (const areAlarmsLost of [false, true, false]) {
    const killMs = Math.random() * KILL_MS_MAX
    pushCount = await pushUntilKilled(pushCount, killMs)
    if (areAlarmsLost) loseAlarms()
    await start({ isMigrated: true })
    const now = new Date().toISOString()
    const committed = await history(USERS.map((user) => ({ user, at: now, count: 0 })))
    // The reads above woke the writers that have labels; Cron wakes the others.
    if (areAlarmsLost) await worker.tick()
    await untilPublished(committed)
    const lacking = await findLacking(pushCount)
    for (const number of lacking) await push(number)
    await until(
      () => findLacking(pushCount),
      (found) => found.length === 0,
      WHOLE_MS,
    )
  }

  const rows = Array.from({ length: pushCount }, (_, number) => rowsOf(number)).flat()
  const newest = USERS.map((user) => rows.findLast((row) => row.user === user)!.count)
  const truth = newest.map((count) => VIEWS.map(() => count))
  expect((await readNow('strong')).rows).toEqual(truth)
  await untilPublished(truth)
  // The last cut leaves nothing to be read from the writers alone; a row that is there twice would come in another.
  await until(countLogged, (count) => count >= VIEWS.length * rows.length, WHOLE_MS)
  await pause(CUT_MS)
  await worker.stop()
  const logged = await readLog()
  for (const { name } of VIEWS) expect(logged.get(name), name).toEqual(rows.map(({ count }) => count))
})

/** Segments of views as they were cut: where Cron has merged some of them, which a slow machine gives it the time for, they stay for a day. */
const CUT_SEGMENTS = "FROM segments WHERE path LIKE 'log/%' AND path NOT LIKE '%/merged-%'"

/** How many rows the running Worker has cut. */
async function countLogged(): Promise<number> {
  const folder = join(state, 'v3/d1/miniflare-D1DatabaseObject')
  const name = (await readdir(folder)).find((file) => /^[0-9a-f]{64}\.sqlite$/.test(file))
  const database = new DatabaseSync(join(folder, name!), { readOnly: true, timeout: 10_000 })
  const logged = database.prepare(`SELECT total(row_count) AS count ${CUT_SEGMENTS}`).get()
  database.close()
  return Number(logged!.count)
}

/** The counts of every row that was cut, sorted, by view, as the stopped Worker has left them. */
async function readLog(): Promise<Map<string, number[]>> {
  const { env, dispose } = await openStores()
  const { results } = await env.DB.prepare(`SELECT view, path ${CUT_SEGMENTS}`).all<{
    view: string
    path: string
  }>()
  const counts = new Map<string, number[]>(VIEWS.map(({ name }) => [name, []]))
  for (const { view, path } of results) {
    const bytes = await (await env.BUCKET.get(path))!.arrayBuffer()
    const file = await openSegment(bytes, SCHEMA, path)
    for (const { rowStart, rowEnd } of file.rowGroups)
      counts.get(view)!.push(...((await file.readColumn('count', rowStart, rowEnd)) as bigint[]).map(Number))
  }
  await dispose()
  for (const all of counts.values()) all.sort((a, b) => a - b)
  return counts
}

/** D1 and R2 of the stopped Worker, without its classes. */
async function openStores() {
  const configPath = join(state, 'wrangler.toml')
  await writeFile(
    configPath,
    `name = "featheredge"
compatibility_date = "2026-10-01"
d1_databases = [{ binding = "DB", database_name = "featheredge" }]
r2_buckets = [{ binding = "BUCKET", bucket_name = "featheredge" }]
`,
  )
  return getPlatformProxy<Pick<Env, 'DB' | 'BUCKET'>>({ configPath, persist: { path: join(state, 'v3') } })
}
