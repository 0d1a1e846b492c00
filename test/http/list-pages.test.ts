import { beforeEach, expect, test } from 'vitest'
import { createApp } from '../../src/http/app.ts'
import type { JobRecord, LoadRecord } from '../../src/platform.ts'
import { applyClicks } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'
import { askPage, textOf } from './ask-page.ts'
import { trainingDataset } from './training-dataset.ts'

const NOW = Date.UTC(2026, 0, 1) * 1_000
/** More than two pages of the catalog. */
const COUNT = 205
/** A list that does not end is found out. */
const PAGES_MAX = 10

let platform: MemoryPlatform
beforeEach(async () => {
  platform = memoryPlatform(NOW)
  await applyClicks(platform)
})

async function get(path: string) {
  const app = createApp(() => ({ platform, adminToken: 'test' }))
  const headers = { authorization: 'Bearer test' }
  const response = await app.fetch(new Request(`http://store.example/v1${path}`, { headers }), {})
  return { status: response.status, body: JSON.parse(await response.text()) }
}

/** Every page of a list, each begun where the one before says. */
async function readPages(path: string) {
  const pages = []
  for (let cursor = ''; ; ) {
    const { status, body } = await get(path + cursor)
    expect(status, JSON.stringify(body)).toBe(200)
    pages.push(body)
    if (body.next === undefined || pages.length > PAGES_MAX) return pages
    cursor = `&cursor=${encodeURIComponent(body.next)}`
  }
}

type Listed = Readonly<Record<string, unknown>>
const idsOf = (pages: readonly Readonly<Record<string, readonly Listed[]>>[], list: string) =>
  pages.map((page) => page[list]!.map(({ id }) => id))

/** Three of each time, so that pages end between things of one time. */
const timeOf = (at: number) => NOW + Math.floor(at / 3)
const idOf = (kind: string, at: number) => `${kind}-${String(at).padStart(4, '0')}`
const newestFirst = (kind: string, count: number) =>
  Array.from({ length: count }, (_, at) => idOf(kind, count - 1 - at))

async function beginDatasets(count: number): Promise<void> {
  for (let at = 0; at < count; at++)
    await platform.training.begin(trainingDataset(idOf('training', at), idOf('training', at), timeOf(at)))
}

async function beginSchedules(count: number): Promise<void> {
  const request = JSON.stringify({
    of: { kind: 'service', name: 'ranker' },
    labels: { kind: 'file', path: 'labels/{date}.parquet' },
  })
  for (let at = 0; at < count; at++)
    await platform.training.beginSchedule({
      id: idOf('schedule', at),
      name: idOf('schedule', at),
      cron: '0 3 * * *',
      request,
      createdTime: timeOf(at),
      nextTime: NOW,
      leaseTime: 0,
    })
}

async function beginJobs(count: number): Promise<void> {
  for (let at = 0; at < count; at++)
    await platform.jobRecords.begin({
      id: idOf('job', at),
      kind: 'compact',
      subject: 'x@1',
      status: 'succeeded',
      params: '{}',
      done: 1,
      total: 1,
      error: null,
      startedTime: timeOf(at),
      heartbeatTime: NOW,
    } satisfies JobRecord)
}

async function beginLoad(id: string, change: Partial<LoadRecord>): Promise<void> {
  await platform.loads.begin({
    id,
    source: 'clicks',
    file: `${id}.ndjson`,
    etag: 'e',
    bytes: 1,
    ingestTime: NOW,
    badRowsMax: 0,
    attempt: 0,
    status: 'queued',
    generation: 0,
    chunkCount: 0,
    isRegistered: false,
    ignored: [],
    startedTime: null,
    endedTime: null,
    error: null,
    heartbeatTime: NOW,
    ...change,
  })
}

async function keepBatches(source: string, count: number): Promise<void> {
  for (let at = 0; at < count; at++)
    await platform.quarantine.write({
      id: idOf(source, at),
      source,
      pushId: 'p',
      doorTime: timeOf(at),
      columns: ['user'],
      rows: [{ index: 0, view: null, reason: `why ${at}`, cells: '"ann"' }],
    })
}

test('GET /v1/training-datasets goes on until all datasets and schedules were told, each once and newest first', async () => {
  await beginDatasets(7)
  await beginSchedules(3)
  const pages = await readPages('/training-datasets?limit=2')
  expect(idsOf(pages, 'training_datasets').flat()).toEqual(newestFirst('training', 7))
  expect(idsOf(pages, 'schedules')).toEqual([['schedule-0002', 'schedule-0001'], ['schedule-0000'], [], []])
})

test('GET /v1/training-datasets goes on for schedules alone, and ends where a page is just full', async () => {
  await beginSchedules(4)
  const pages = await readPages('/training-datasets?limit=2')
  expect(idsOf(pages, 'training_datasets')).toEqual([[], []])
  expect(idsOf(pages, 'schedules').flat()).toEqual(newestFirst('schedule', 4))
})

test('GET /v1/jobs goes on through jobs and loads that have not ended, and through refused files', async () => {
  await beginJobs(5)
  await beginLoad('load-a', { ingestTime: timeOf(3) })
  await beginLoad('load-b', { ingestTime: timeOf(0), status: 'running' })
  await beginLoad('load-c', { status: 'succeeded' })
  await platform.cron.noteRefused(
    ['a,b', 'c~d', 'e%'].map((file) => ({ source: 'sales', file, etag: 'e', reason: 'no', time: NOW })),
  )
  const pages = await readPages('/jobs?limit=2')
  expect(idsOf(pages, 'jobs')).toEqual([
    ['load-a', 'job-0004'],
    ['job-0003', 'load-b'],
    ['job-0002', 'job-0001'],
    ['job-0000'],
  ])
  const files = pages.map(({ refused_files }) => refused_files.map(({ file }: Listed) => file))
  expect(files).toEqual([['e%', 'c~d'], ['a,b'], [], []])
  await platform.loads.update('load-b', 0, { status: 'succeeded' })
  const [, second] = await readPages('/jobs?limit=2')
  expect(second.jobs.map(({ id }: Listed) => id)).toEqual(['job-0003', 'job-0002'])
})

test('GET /v1/quarantine goes on through the batches of its source that are not released', async () => {
  await keepBatches('clicks', 5)
  await keepBatches('sales', 2)
  await platform.quarantine.release('clicks', 'clicks-0003', NOW)
  const pages = await readPages('/quarantine?source=clicks&limit=2')
  expect(idsOf(pages, 'quarantine')).toEqual([
    ['clicks-0004', 'clicks-0002'],
    ['clicks-0001', 'clicks-0000'],
  ])
})

test.each([
  ['/training-datasets', 'x'],
  ['/training-datasets', '5~training-1'],
  ['/training-datasets', ','],
  ['/training-datasets', '5~a,5~b,5~c'],
  ['/training-datasets', '5~a,%'],
  ['/training-datasets', 'a,5~b'],
  ['/jobs', '5~job-1'],
  ['/jobs', ',x'],
  ['/quarantine?source=clicks', 'x'],
  ['/quarantine?source=clicks', '~1'],
])('GET /v1%s refuses a cursor that no page has given: %s', async (path, cursor) => {
  const { status, body } = await get(
    `${path}${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}`,
  )
  expect([status, body.error.code, body.error.message]).toEqual([
    400,
    'invalid_argument',
    'Cannot read parameter "cursor": it is none of this route, take "next" of a page before',
  ])
})

/** What each page of the catalog names of a kind, from the first on along the links of one list. */
async function followPages(path: string, kind: string, parameter = 'cursor') {
  const pages: string[][] = []
  for (let at: string | undefined = path; at !== undefined && pages.length <= PAGES_MAX; ) {
    const { status, text } = await askPage(platform, at)
    expect(status, textOf(text)).toBe(200)
    const names = text.replaceAll(/href="[^"]*"/g, '').match(new RegExp(`${kind}-\\d{4}`, 'g'))
    pages.push([...new Set(names)])
    at = olderLink(text, at, parameter)
  }
  return pages
}

/** The link that goes on in one list and leaves the other, if there is any, where it is. */
function olderLink(text: string, from: string, parameter: string): string | undefined {
  const placeOf = (href: string) => new URL(href, 'http://store.example').searchParams.get(parameter)
  return [...text.matchAll(/<a href="([^"]+)">Older<\/a>/g)]
    .map(([, href]) => href!.replaceAll('&amp;', '&'))
    .find((href) => placeOf(href) !== placeOf(from))
}

test('the page of jobs leads on to all of them, 100 at a time, and back', async () => {
  await beginJobs(COUNT)
  const pages = await followPages('/jobs', 'job')
  expect(pages.map(({ length }) => length)).toEqual([100, 100, 5])
  expect(pages.flat()).toEqual(newestFirst('job', COUNT))
  const second = olderLink((await askPage(platform, '/jobs')).text, '/jobs', 'cursor')!
  expect((await askPage(platform, second)).text).toContain('<a href="/jobs">Newest</a>')
  expect((await askPage(platform, '/jobs')).text).not.toContain('Newest')
})

test('the page of training datasets leads on to all datasets and schedules', async () => {
  await beginDatasets(3)
  await beginSchedules(COUNT)
  const pages = await followPages('/training-datasets', 'schedule')
  expect(pages.flat()).toEqual(newestFirst('schedule', COUNT))
  expect((await followPages('/training-datasets', 'training')).flat()).toEqual(newestFirst('training', 3))
})

test('the page of failures leads on through dead letters and quarantine, each by itself', async () => {
  await keepBatches('clicks', COUNT)
  await keepBatches('dropped', 1)
  for (let at = 0; at < COUNT; at++)
    await platform.deadLetters.write({
      id: idOf('letter', at),
      body: '{}',
      source: 'clicks',
      rows: 1,
      time: timeOf(at),
      sentTime: NOW,
    })
  expect((await followPages('/failures', 'letter', 'letters')).flat()).toEqual(newestFirst('letter', COUNT))
  expect((await followPages('/failures', 'clicks', 'quarantine')).flat()).toEqual(
    newestFirst('clicks', COUNT),
  )
  const first = await askPage(platform, '/failures')
  const toSecond = olderLink(first.text, '/failures', 'letters')!
  const second = await askPage(platform, toSecond)
  const third = await askPage(platform, olderLink(second.text, toSecond, 'quarantine')!)
  expect([third.text.includes('letter-0104'), third.text.includes('clicks-0105')]).toEqual([true, true])
  expect([third.text.includes('value="letter-0105"'), third.text.includes('clicks-0106')]).toEqual([
    false,
    false,
  ])
  const last = await askPage(platform, `/failures?quarantine=${NOW}~e`)
  expect(textOf(last.text)).toContain('dropped')
  expect(last.text).not.toContain('/sources/dropped')
})

test.each([
  ['/jobs?cursor=x', '"cursor"'],
  ['/jobs?page=2', '"page"'],
  ['/training-datasets?cursor=5~a', '"cursor"'],
  ['/failures?letters=x', '"letters"'],
  ['/failures?quarantine=x', '"quarantine"'],
  ['/failures?cursor=5~a', '"cursor"'],
])('the page %s is refused', async (path, named) => {
  const { status, text } = await askPage(platform, path)
  expect(status).toBe(400)
  expect(textOf(text).replaceAll('&quot;', '"')).toContain(named)
})
