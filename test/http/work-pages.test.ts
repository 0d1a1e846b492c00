import { beforeEach, expect, test, vi } from 'vitest'
import { parseInstant } from '../../src/core/time.ts'
import { startSchedule } from '../../src/offline/schedule-datasets.ts'
import type { JobKind } from '../../src/platform.ts'
import { applyClicks } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'
import { askPage, textOf } from './ask-page.ts'

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
  await platform.training.begin({
    id,
    name: 'ten million',
    request: {
      of: { kind: 'service', name: 'ranker' },
      labels: { kind: 'file', path: 'labels/a.parquet' },
      asOf: null,
      isKnowledgeCutoff: false,
      hasStatuses: false,
    },
    pins: null,
    result: null,
    touched: null,
    createdTime: NOW,
    schedule: null,
  })
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
