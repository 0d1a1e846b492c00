import { beforeEach, expect, test } from 'vitest'
import { compactDueLogs } from '../../src/batch/compact-log.ts'
import { planCompaction, SMALL_BYTES_MAX, SMALL_COUNT_MIN } from '../../src/batch/plan-compaction.ts'
import { putMerged } from '../../src/batch/put-merged.ts'
import { valueAt } from '../../src/core/feature-column.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { encodeValue } from '../../src/core/value.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import type { RegisteredSegment } from '../../src/definitions/segment-record.ts'
import { deleteKeys } from '../../src/ingest/delete-keys.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { joinPartition } from '../../src/offline/join-partition.ts'
import { resolveForHistory } from '../../src/registry/resolve-name.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000
const DAY = 86_400 * SECOND
const PUSHES = 12
const WINDOWED: DefinitionSetInput = {
  ...CLICKS,
  feature_views: [
    ...CLICKS.feature_views!,
    {
      name: 'clicks_1h',
      entity: 'user',
      source: 'clicks',
      aggregations: [{ name: 'spent', function: 'sum', sql: 'price', windows: ['1h'] }],
    },
  ],
  feature_services: [
    { name: 'ranker', features: [...CLICKS.feature_services![0]!.features, { view: 'clicks_1h' }] },
  ],
}

let platform: MemoryPlatform

/** Twelve pushes, each cut into segments of its own, a deletion of `ann` in the midst of them. */
beforeEach(async () => {
  platform = memoryPlatform(START)
  await applyClicks(platform, WINDOWED)
  for (let push = 0; push < PUSHES; push++) {
    platform.time.now += 10 * SECOND
    const at = formatInstant(platform.time.now)
    const events = ['ann', 'bob'].map((user) => ({ at, made: at, user, item: push % 3, price: push }))
    await pushEvents(platform, { source: 'clicks', events })
    if (push === 6)
      await deleteKeys(platform, {
        entity: 'user',
        keys: [{ user: 'ann' }],
        eventTime: platform.time.now,
        views: null,
      })
    await platform.consume()
    await platform.flush({ cut: true })
  }
})

/** Features of every user and item at a few times, as texts, limited to a commit. */
async function history(commit: number | undefined): Promise<string[][]> {
  const resolved = await resolveForHistory(platform, 'ranker')
  const labels = ['ann', 'bob'].flatMap((user) =>
    [0n, 1n, 2n].flatMap((item) =>
      [35, 75, 200].map((second) => ({ user, item, time: START + second * SECOND })),
    ),
  )
  const inputs = resolved.service.inputs.map(({ name }) =>
    labels.map((label) => label[name as 'user' | 'item']),
  )
  const columns = { times: labels.map(({ time }) => time), inputs }
  const features = await joinPartition(platform, resolved, columns, {
    asOf: undefined,
    commit,
    isKnowledgeCutoff: false,
  })
  return features.map((feature) =>
    labels.map((_, label) => encodeValue(feature.type, valueAt(feature, label))),
  )
}

test('compactDueLogs() changes no answer, whatever commit a reader is pinned to (S5)', async () => {
  const commits = Array.from({ length: (await platform.offline.readCommit()) + 1 }, (_, commit) => commit)
  const before = await Promise.all([undefined, ...commits].map(history))
  const count = platform.manifest.size
  await compactDueLogs(platform)
  expect(platform.manifest.size).toBeLessThan(count / 2)
  expect(await Promise.all([undefined, ...commits].map(history))).toEqual(before)
  expect(new Set(before.map((answer) => JSON.stringify(answer))).size).toBeGreaterThan(PUSHES)
})

test('compactDueLogs() keeps what it replaced for a day, for who is reading it', async () => {
  const former = [...platform.manifest.keys()]
  await compactDueLogs(platform)
  const replaced = former.filter((path) => !platform.manifest.has(path))
  expect(replaced.length).toBeGreaterThan(SMALL_COUNT_MIN)
  platform.time.now += DAY - SECOND
  await compactDueLogs(platform)
  expect(replaced.filter((path) => !platform.objects.has(path))).toEqual([])
  platform.time.now += 2 * SECOND
  await compactDueLogs(platform)
  expect(replaced.filter((path) => platform.objects.has(path))).toEqual([])
  expect([...platform.manifest.keys()].filter((path) => !platform.objects.has(path))).toEqual([])
})

test('what a job makes of segments and another release has left half done is made anew, not taken for its own', async () => {
  const inputs = await platform.offline.list('last_click', 1)
  const { rowCount, eventTimeMin, eventTimeMax, ingestTimeMin, ingestTimeMax } = inputs[0]!
  const statistics = { rowCount, eventTimeMin, eventTimeMax, ingestTimeMin, ingestTimeMax }
  const { replace } = platform.offline
  const merged = (text: string) => ({
    bytes: new TextEncoder().encode(text),
    statistics,
    commitMin: 1,
    commitMax: 1,
  })
  platform.offline.replace = async () => {
    throw new Error('power cut')
  }
  await expect(putMerged(platform, inputs, merged('as it was'))).rejects.toThrow('power cut')
  platform.offline.replace = replace
  expect(await putMerged(platform, inputs, merged('as it is now'))).toBe(true)
  const [left] = await platform.offline.list('last_click', 1)
  expect(new TextDecoder().decode(platform.objects.get(left!.path))).toBe('as it is now')
})

test('a merge whose log was changed meanwhile leaves nothing behind', async () => {
  const { replace } = platform.offline
  const refused: string[] = []
  platform.offline.replace = async (_paths, segment) => {
    refused.push(segment!.path)
    platform.offline.replace = replace
    return false
  }
  await compactDueLogs(platform)
  expect(refused).toHaveLength(1)
  // It was made again of the log as it then stood, under the name of what it is made of.
  expect(platform.manifest.has(refused[0]!)).toBe(true)
})

test('a merge cut off before the manifest knew of it is made again', async () => {
  const { replace } = platform.offline
  platform.offline.replace = async () => {
    throw new Error('cut off')
  }
  const before = await history(undefined)
  await expect(compactDueLogs(platform)).rejects.toThrow('cut off')
  platform.offline.replace = replace
  expect(await history(undefined)).toEqual(before)
  const [job] = await platform.jobRecords.listUnfinished()
  await platform.jobs.restart('compact', job!.id)
  expect((await platform.jobRecords.find(job!.id))!.status).toBe('succeeded')
  expect(await history(undefined)).toEqual(before)
})

const segment = (bucket: string, at: number, bytes: number, rowCount: number): RegisteredSegment => ({
  path: `log/clicks/v=1/bucket=${bucket}/${at}.parquet`,
  view: 'clicks',
  version: 1,
  bucket,
  bytes,
  rowCount,
  eventTimeMin: 0,
  eventTimeMax: 0,
  ingestTimeMin: 0,
  ingestTimeMax: 0,
  commit: at,
  commitMin: at,
})
const segments = (bucket: string, count: number, bytes: number, rowCount: number) =>
  Array.from({ length: count }, (_, at) => segment(bucket, at, bytes, rowCount))

test('planCompaction() leaves alone few small segments, and large ones', () => {
  expect(planCompaction([])).toBeUndefined()
  expect(planCompaction(segments('0', SMALL_COUNT_MIN - 1, 10, 10))).toBeUndefined()
  expect(planCompaction(segments('0', 100, SMALL_BYTES_MAX + 1, 10))).toBeUndefined()
  expect(planCompaction([...segments('0', 5, 10, 10), ...segments('1', 5, 10, 10)])).toBeUndefined()
})

test('planCompaction() merges within its bounds of bytes and of open rows, smallest first, in one bucket', () => {
  const inOneBucket = planCompaction([...segments('0', 7, 10, 10), ...segments('1', 20, 10, 10)])!
  expect(new Set(inOneBucket)).toEqual(new Set(segments('1', 20, 10, 10)))
  const byBytes = planCompaction(segments('0', 30, 1_000_000, 10))!
  expect(byBytes.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(16_000_000)
  const byRows = planCompaction(segments('0', 30, 10, 60_000))!
  expect(byRows).toHaveLength(2)
  const mixed = planCompaction([...segments('0', 8, 5_000_000, 10), segment('0', 99, 10, 10)])!
  expect(mixed[0]).toEqual(segment('0', 99, 10, 10))
})
