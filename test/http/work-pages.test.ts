import { beforeEach, expect, test, vi } from 'vitest'
import { createToken } from '../../src/auth/token.ts'
import { parseInstant } from '../../src/core/time.ts'
import { startSchedule } from '../../src/offline/schedule-datasets.ts'
import type { JobKind } from '../../src/platform.ts'
import { applyClicks } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'
import { askPage, textOf } from './ask-page.ts'
import { trainingDataset } from './training-dataset.ts'

const NOW = parseInstant('2026-01-01T00:00:00Z')
const FILES = 20
const ROWS = 524_288

let platform: MemoryPlatform
beforeEach(async () => {
  platform = memoryPlatform(NOW)
  await applyClicks(platform)
})

async function beginJob(id: string, kind: JobKind): Promise<void> {
  await platform.jobRecords.begin({
    id,
    kind,
    subject: 'x@1',
    params: '{}',
    status: 'running',
    done: 1,
    total: 3,
    error: null,
    startedTime: NOW,
    heartbeatTime: NOW,
  })
}

const formTokenOf = (html: string) => /name="form_token" value="([^"]+)"/.exec(html)![1]!

async function beginDataset(id: string): Promise<void> {
  await platform.training.begin(trainingDataset(id, 'ten million', NOW))
  await beginJob(id, 'training')
}

test('a job that can be cancelled has a button for it, one that goes on to its end has none', async () => {
  await beginJob('compact-1', 'compact')
  await beginDataset('training-1')
  const [compaction, dataset] = [
    await askPage(platform, '/jobs/compact-1'),
    await askPage(platform, '/jobs/training-1'),
  ]
  expect([compaction.status, dataset.status]).toEqual([200, 200])
  expect(compaction.text).not.toContain('/cancel"')
  expect(dataset.text).toContain('action="/jobs/training-1/cancel"')
})

test("a large dataset's page tells rows and bytes of each file and of all, for people to read", async () => {
  await beginDataset('training-1')
  const files = Array.from({ length: FILES }, (_, at) => ({
    path: `training/training-1/part-${at}.parquet`,
    rows: ROWS,
    bytes: 30_000_000,
  }))
  await platform.training.update('training-1', {
    result: { rowCount: FILES * ROWS, files, manifest: 'training/training-1/manifest.json' },
  })
  await platform.jobRecords.update('training-1', { status: 'succeeded' })
  const page = await askPage(platform, '/training-datasets/training-1')
  expect(textOf(page.text)).toContain('Rows 10,485,760 Bytes 600,000,000')
  expect(textOf(page.text)).toContain(`training/training-1/part-${FILES - 1}.parquet 524,288 30,000,000`)
  expect(page.text).not.toContain('/cancel"')
  expect(textOf((await askPage(platform, '/training-datasets')).text)).toContain('10,485,760')
})

test("a dataset's files and manifest are downloaded from its page, by who may read and nobody else (S29)", async () => {
  await beginDataset('training-1')
  await beginDataset('training-2')
  const folder = 'training/training-1'
  const contents = { 'part-0.parquet': 'PAR1', 'manifest.json': '{}', 'scratch.json': 'nobody sees this' }
  for (const [name, content] of Object.entries(contents)) {
    const body = new Response(content).body as ReadableStream<Uint8Array>
    await platform.files.write(`${folder}/${name}`, body, content.length)
  }
  const files = [{ path: `${folder}/part-0.parquet`, rows: 1, bytes: 4 }]
  await platform.training.update('training-1', {
    result: { rowCount: 1, files, manifest: `${folder}/manifest.json` },
  })
  const page = await askPage(platform, '/training-datasets/training-1')
  const links = [...page.text.matchAll(/href="([^"]+)" download/g)].map(([, href]) => href!)
  expect(links).toEqual([
    '/training-datasets/training-1/files/part-0.parquet',
    '/training-datasets/training-1/files/manifest.json',
  ])
  const [part, manifest] = [await askPage(platform, links[0]!), await askPage(platform, links[1]!)]
  expect([part.status, part.text, manifest.status, manifest.text]).toEqual([200, 'PAR1', 200, '{}'])
  expect(part.headers.get('content-disposition')).toBe('attachment; filename="training-1-part-0.parquet"')
  expect(part.headers.get('content-type')).toBe('application/vnd.apache.parquet')
  expect(part.headers.get('x-content-type-options')).toBe('nosniff')
  expect(part.headers.get('cross-origin-resource-policy')).toBe('same-origin')
  const rest = await askPage(platform, links[0]!, { headers: { range: 'bytes=3-' } })
  expect([rest.status, rest.text]).toEqual([206, '1'])
  const own = '/training-datasets/training-1/files'
  for (const path of [
    `${own}/scratch.json`,
    `${own}/..%2f..%2flabels%2fa.parquet`,
    `${own}/none.parquet`,
    '/training-datasets/training-2/files/part-0.parquet',
    '/training-datasets/none/files/part-0.parquet',
  ])
    expect((await askPage(platform, path)).status, path).toBe(404)
  expect((await askPage(platform, links[0]!, { token: null })).status).toBe(302)
  for (const grant of [
    { scopes: ['read'] as const, names: ['ranker'] },
    { scopes: ['write'] as const, names: null },
  ]) {
    const { token } = await createToken(platform, { name: 'other', expiresTime: null, ...grant }, 'test')
    const refused = await askPage(platform, links[0]!, { token })
    expect([refused.status, refused.text.includes('PAR1')]).toEqual([403, false])
  }
  const { token } = await createToken(
    platform,
    { name: 'reader', scopes: ['read'], names: null, expiresTime: null },
    'test',
  )
  expect((await askPage(platform, links[0]!, { token })).text).toBe('PAR1')
})

test('the list of datasets reads their jobs at once, however many there are', async () => {
  for (let at = 0; at < 30; at++) await beginDataset(`training-${at}`)
  const find = vi.spyOn(platform.jobRecords, 'find')
  const { text } = await askPage(platform, '/training-datasets')
  expect(text.match(/>running</g)).toHaveLength(30)
  expect(find).not.toHaveBeenCalled()
})

test('a dataset and a schedule are cancelled on their own pages, which then say so', async () => {
  await beginDataset('training-1')
  const schedule = await startSchedule(
    platform,
    {
      name: 'nightly',
      of: { kind: 'service', name: 'ranker' },
      labels: { kind: 'file', path: 'labels/{date}.parquet' },
      asOf: null,
      isKnowledgeCutoff: false,
      hasStatuses: false,
    },
    '0 2 * * *',
  )
  const list = await askPage(platform, '/training-datasets')
  expect(list.text).toContain(`<a href="/training-datasets/${schedule}">nightly</a>`)
  for (const id of ['training-1', schedule]) {
    const path = `/training-datasets/${id}`
    const before = await askPage(platform, path)
    expect(before.text).toContain(`action="/jobs/${id}/cancel"`)
    const cancelled = await askPage(platform, `/jobs/${id}/cancel`, {
      method: 'POST',
      fields: { form_token: formTokenOf(before.text) },
    })
    expect([cancelled.status, cancelled.headers.get('location')]).toEqual([303, path])
    const after = await askPage(platform, path)
    expect(textOf(after.text)).toContain('cancelled')
    expect(after.text).not.toContain('/cancel"')
  }
})
