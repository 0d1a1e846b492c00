import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { writeParquet } from '../../src/core/parquet.ts'
import { encodeMessage } from '../../src/ingest/queue-message.ts'
import { type Harness, startHarness, until } from './harness.ts'
import { storedTexts } from './stored-texts.ts'

/** Letters that stand in no other value: the key, and a value that only its rows have. */
const GONE = { user: 'Xq7ZgoneZ7qX', note: 'Wj9KnoteK9jW' }
const ANN = { user: 'Pk3YannaY3kP', note: 'Hd5RmineR5dH' }
const DONE_MS = 180_000
const READ_PAUSE_MS = 200
const NOW_MS = Date.now()
const at = (secondsAgo: number) => new Date(NOW_MS - secondsAgo * 1_000).toISOString()

const COLUMNS = [
  { name: 'at', type: 'timestamp' },
  { name: 'user', type: 'string' },
  { name: 'note', type: 'string' },
  { name: 'value', type: 'int64' },
]
const SOURCES = ['clicks', 'csv', 'ndjson']
const DEFINITIONS = {
  entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 1 }],
  sources: [
    { name: 'clicks', format: 'parquet' },
    { name: 'csv', format: 'csv' },
    { name: 'ndjson', format: 'ndjson' },
  ].map(({ name, format }) => ({
    name,
    event_time: 'at',
    schema: COLUMNS,
    landing: { format },
    expectations: [{ name: 'sane', sql: 'value < 1000', on_failure: 'quarantine' }],
  })),
  feature_views: [
    ...SOURCES.map((source) => ({
      name: `last_${source}`,
      entity: 'user',
      source,
      features: [{ name: 'note', type: 'string', sql: 'note' }],
    })),
    {
      name: 'activity',
      entity: 'user',
      source: 'clicks',
      aggregations: [{ name: 'notes', function: 'last', sql: 'note', windows: ['24h'] }],
    },
  ],
  feature_services: [
    {
      name: 'ranker',
      features: [
        ...SOURCES.map((name) => ({ view: `last_${name}`, prefix: `${name}_` })),
        { view: 'activity' },
      ],
    },
  ],
}
const SERVICE = '/v1/feature-services/ranker'

let harness: Harness
let folder: string
beforeAll(async () => {
  // What the Worker keeps on disk lies here, to be looked into.
  folder = mkdtempSync(join(tmpdir(), 'featheredge-erasures-'))
  const { TMPDIR } = process.env
  process.env.TMPDIR = folder
  harness = await startHarness({ variables: { SEGMENT_AGE_MS: '200' } })
  if (TMPDIR === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = TMPDIR
  await ask('POST', '/v1/definitions/apply', { definitions: DEFINITIONS })
})
afterAll(async () => {
  await harness.close()
  rmSync(folder, { recursive: true, force: true })
})

async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const { status, text, json } = await harness.call<T>(method, path, body)
  expect(status, text).toBeLessThan(300)
  return json
}

interface Ended {
  readonly id: string
  readonly status: string
  readonly report?: { readonly removed: Readonly<Record<string, number>>; readonly notes: readonly string[] }
}

const untilEnded = (path: string) =>
  until(
    () => ask<Ended>('GET', path),
    ({ status }) => ['succeeded', 'failed'].includes(status),
    DONE_MS,
  )

const row = (of: typeof GONE, secondsAgo: number, value = 1) => ({ at: at(secondsAgo), ...of, value })
const both = (secondsAgo: number, value = 1) => [row(GONE, secondsAgo, value), row(ANN, secondsAgo, value)]
const csvOf = (rows: ReturnType<typeof both>) =>
  `at,user,note,value\n${rows.map((one) => `${one.at},"${one.user}",${one.note},${one.value}\n`).join('')}`
const ndjsonOf = (rows: ReturnType<typeof both>) => rows.map((one) => `${JSON.stringify(one)}\n`).join('')

/** Rows of both keys through every door, and all that comes of them. */
async function fillEverything(): Promise<void> {
  await ask('POST', '/v1/sources/clicks/events', { events: [...both(100), ...both(99, 5_000)] })
  const parquet = writeParquet([
    { name: 'at', type: 'timestamp', values: both(90).map((one) => Date.parse(one.at) * 1_000) },
    { name: 'user', type: 'string', values: both(90).map(({ user }) => user) },
    { name: 'note', type: 'string', values: both(90).map(({ note }) => note) },
    { name: 'value', type: 'int64', values: [1n, 1n] },
  ])
  await ask('PUT', '/v1/sources/clicks/files/a.parquet', parquet)
  await ask('PUT', '/v1/sources/csv/files/a.csv', csvOf(both(80)))
  await ask('PUT', '/v1/sources/csv/files/b.csv.gz', gzipSync(csvOf([...both(70), ...both(69, 5_000)])))
  // So many that compaction has something to do.
  for (let file = 0; file < 8; file++)
    await ask('PUT', `/v1/sources/ndjson/files/${file}.ndjson`, ndjsonOf(both(60 - file)))
  const loads: string[] = []
  for (const source of SOURCES) {
    const begun = await ask<{ loads: Ended[] }>('POST', `/v1/sources/${source}/loads`, {})
    loads.push(...begun.loads.map(({ id }) => id))
  }
  for (const id of loads) expect((await untilEnded(`/v1/loads/${id}`)).status).toBe('succeeded')
  // A message that was given up, as its consumer keeps it.
  const rows = both(50).map((one, index) => {
    const cells = [one.at, one.user, one.note].map((text) => JSON.stringify(text))
    return { index, cells: [...cells, '1'].join(',') }
  })
  const message = {
    kind: 'events',
    id: 'lost.0',
    source: 'clicks',
    pushId: 'lost',
    doorTime: NOW_MS * 1_000,
  } as const
  const columns = COLUMNS.map(({ name }) => name)
  await harness.env.BUCKET.put('dead-letters/lost.0', encodeMessage({ ...message, columns, rows }))
  await harness.env.DB.prepare(
    `INSERT INTO dead_letters (id, source, rows, time, reason) VALUES ('lost.0', 'clicks', 2, 1, 'Cannot take "${GONE.user}"')`,
  ).run()
  const labels = `user,event_time\n${[GONE, ANN].map(({ user }) => `${user},${at(0)}\n`).join('')}`
  await ask('PUT', '/v1/files/labels/both.csv', labels)
  const request = { name: 'both', feature_service: 'ranker', labels: { path: 'labels/both.csv' } }
  const { id } = await ask<Ended>('POST', '/v1/training-datasets', request)
  expect((await untilEnded(`/v1/training-datasets/${id}`)).status).toBe('succeeded')
}

async function history(): Promise<unknown[][]> {
  const labels = [GONE, ANN].map(({ user }) => ({ user, event_time: at(0) }))
  const { rows } = await ask<{ rows: unknown[][] }>('POST', `${SERVICE}/historical-features`, { labels })
  return rows.map((row) => row.slice(2))
}

async function online(): Promise<unknown[][]> {
  const body = { entities: [GONE, ANN].map(({ user }) => ({ user })), consistency: 'strong' }
  return (await ask<{ rows: unknown[][] }>('POST', `${SERVICE}/features`, body)).rows
}

/** Places that hold some letters; what has a name of its own is named by its folder, and by how it is read. */
function placesOf(texts: ReadonlyMap<string, string>, letters: string): Set<string> {
  const holding = [...texts].filter(([, text]) => text.includes(letters))
  return new Set(
    holding.map(([place]) => {
      const [store, first, second, name] = place.split('/')
      if (store !== 'r2') return `${store}/${first}`
      return `${first}/${first === 'landing' ? `${second}/${name}` : second}`
    }),
  )
}

it('an erased key is nowhere in the store, another is all there, and history is right all along (S11)', async () => {
  await fillEverything()
  const all = [GONE.note, ANN.note].map((note) => [...SOURCES, 'activity'].map(() => note))
  await until(online, (rows) => JSON.stringify(rows) === JSON.stringify(all), DONE_MS)
  expect(await history()).toEqual(all)
  const before = await storedTexts(harness.env, folder)
  const held = placesOf(before, ANN.user)
  for (const place of [
    ...['do/featheredge-ShardWriterObject', 'kv/block', 'dead-letters/lost.0'],
    ...['landing/clicks/a.parquet', 'landing/csv/a.csv', 'landing/csv/b.csv.gz', 'landing/ndjson/7.ndjson'],
    ...['labels/both.csv', 'log/activity', 'log/last_ndjson', 'raw/clicks', 'raw/csv', 'quarantine/csv'],
  ])
    expect([...held]).toContain(place)
  // A reason that quotes a key goes whole.
  expect(placesOf(before, GONE.user)).toEqual(new Set([...held, 'd1/dead_letters']))

  // Compaction goes on beside it, and so do readers.
  const compacting = harness.server.getWorker().scheduled({ cron: '* * * * *' })
  const { id } = await ask<Ended>('POST', '/v1/entities/user/erasures', { keys: [{ user: GONE.user }] })
  let isOver = false
  const reading = (async () => {
    let readCount = 0
    for (; !isOver; readCount++) {
      await new Promise((resolve) => setTimeout(resolve, READ_PAUSE_MS))
      const [gone, ann] = await history()
      expect(ann).toEqual(all[1])
      for (const value of gone!) expect([GONE.note, null]).toContain(value)
    }
    return readCount
  })()
  const job = await untilEnded(`/v1/jobs/${id}`)
  isOver = true
  expect(await reading).toBeGreaterThan(5)
  await compacting
  // Where rows were erased that it was merging, it begins its merge anew.
  await until(
    () => ask<{ jobs: (Ended & { readonly kind: string })[] }>('GET', '/v1/jobs'),
    ({ jobs }) => jobs.every(({ kind, status }) => kind !== 'compact' || status === 'succeeded'),
    DONE_MS,
  )
  expect(job.status).toBe('succeeded')
  expect(job.report!.removed).toMatchObject({ landing: 12, raw: 12, quarantine: 2, labels: 1, datasets: 1 })
  expect(await history()).toEqual([all[0]!.map(() => null), all[1]])
  expect(await online()).toEqual([all[0]!.map(() => null), all[1]])

  const after = await storedTexts(harness.env, folder)
  for (const letters of Object.values(GONE)) expect([...placesOf(after, letters)]).toEqual([])
  // All but the dataset, which held both.
  const left = [...held].filter((place) => !place.startsWith('training/'))
  expect([...placesOf(after, ANN.user)].toSorted()).toEqual(left.toSorted())
  // What was merged before the erasure came to it is gone by now, what was merged after stays for a day: it is named no more.
  const named = "SELECT count(*) AS count FROM segments WHERE view = 'last_ndjson' AND replaced_time IS NULL"
  expect(await harness.env.DB.prepare(named).first<number>('count')).toBeLessThan(8)
})
