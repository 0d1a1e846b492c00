import { expect, test } from 'vitest'
import { parseInstant } from '../../src/core/time.ts'
import { describeDataset, listDatasets } from '../../src/offline/describe-dataset.ts'
import { startDataset } from '../../src/offline/start-dataset.ts'
import type { Platform } from '../../src/platform.ts'
import { applyClicks } from '../platform/clicks.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')

test.each([
  ['describeDataset()', (platform: Platform, id: string) => describeDataset(platform, id)],
  ['listDatasets()', async (platform: Platform) => (await listDatasets(platform, [], 10)).datasets.page[0]],
])('%s tells that a dataset has succeeded together with its files', async (_, tell) => {
  const platform = memoryPlatform(START)
  await applyClicks(platform)
  platform.heldJobs = []
  const { id } = await startDataset(platform, {
    name: 'all',
    of: { kind: 'view', name: 'last_click' },
    labels: { kind: 'entities', entity: 'user', at: START },
    asOf: null,
    isKnowledgeCutoff: false,
    hasStatuses: false,
  })
  platform.heldJobs = undefined
  const { training, jobs } = platform
  // It is made to its end once it has been read, and before its job is.
  const thenMade = async <T>(read: Promise<T>): Promise<T> => {
    const found = await read
    await jobs.start('training', id)
    return found
  }
  const meanwhile: Platform = {
    ...platform,
    training: {
      ...training,
      find: (id) => thenMade(training.find(id)),
      list: (page) => thenMade(training.list(page)),
    },
  }
  expect(await tell(meanwhile, id)).toMatchObject({ id, status: 'running', row_count: null, manifest: null })
  expect(await tell(platform, id)).toMatchObject({
    id,
    status: 'succeeded',
    row_count: 0,
    manifest: expect.any(String),
  })
})
