import { beforeEach, expect, test } from 'vitest'
import { compactDueLogs } from '../../src/batch/compact-log.ts'
import { listRefused } from '../../src/batch/describe-cron.ts'
import { enforceRetention } from '../../src/batch/enforce-retention.ts'
import { fillView } from '../../src/batch/fill-view.ts'
import { mergeRawLog } from '../../src/batch/merge-raw-log.ts'
import { openParquet } from '../../src/core/parquet.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { rawLog } from '../../src/definitions/raw-log.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { describeDataset } from '../../src/offline/describe-dataset.ts'
import { parseLabels } from '../../src/offline/parse-labels.ts'
import { retrieveHistory } from '../../src/offline/retrieve-history.ts'
import { startDataset } from '../../src/offline/start-dataset.ts'
import { resolveForHistory } from '../../src/registry/resolve-name.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const HOUR = 3_600_000_000
const DAY = 24 * HOUR

let platform: MemoryPlatform

beforeEach(async () => {
  platform = memoryPlatform(START)
  await applyClicks(platform, definitions('10d'))
})

function definitions(retention?: string): DefinitionSetInput {
  const [clicks] = CLICKS.sources!
  const source = retention === undefined ? clicks! : { ...clicks!, retention }
  // A ttl would hide what retention does.
  const views = CLICKS.feature_views!.map(({ ttl: _, ...view }) => view)
  return { ...CLICKS, sources: [source], feature_views: views }
}

/** Rows of one user, so many microseconds old, in one segment. */
async function push(...agesUs: readonly number[]): Promise<void> {
  const events = agesUs.map((age) => {
    const at = formatInstant(platform.time.now - age)
    return { at, made: at, user: 'ann', item: 1, price: Math.round(age / DAY) }
  })
  await pushEvents(platform, { source: 'clicks', events })
  await platform.consume()
  // As the alarms of writers do it, without the clock.
  const before = platform.time.now
  platform.time.now += HOUR
  await platform.flush({ cut: true })
  platform.time.now = before
}

/** Ages in days of the rows that a log has now, as they were at the start. */
async function agesIn(log: { readonly view: string; readonly version: number }, column = 'event_time') {
  const ages: number[] = []
  for (const segment of await platform.offline.list(log.view, log.version)) {
    const file = await openParquet(platform.offline.openSegment(segment), segment.path)
    for (const { rowStart, rowEnd } of file.rowGroups)
      for (const time of Array.from((await file.readColumn(column, rowStart, rowEnd)) as ArrayLike<number>))
        ages.push((START - time) / DAY)
  }
  return ages.toSorted((a, b) => a - b)
}

const ofView = { view: 'last_click', version: 1 }

async function history(daysAgo: number): Promise<unknown> {
  const resolved = await resolveForHistory(platform, 'ranker')
  const label = { user: 'ann', item: 1, event_time: formatInstant(START - daysAgo * DAY) }
  const { rows } = await retrieveHistory(platform, resolved, {
    labels: parseLabels(resolved.service, [label]),
    asOf: undefined,
    isKnowledgeCutoff: false,
  })
  return rows[0]!.at(-1)
}

test('what is wholly past retention goes from raw rows and logs, its objects a day later (S3)', async () => {
  await push(20 * DAY, 11 * DAY)
  await push(10 * DAY)
  await push(DAY)
  const objects = platform.objects.size
  expect(await enforceRetention(platform)).toBe(
    'last_click@1: 1 segments removed, 0 written anew; last_sale@1: 1 segments removed, 0 written anew; raw rows of clicks: 1 segments removed, 0 written anew',
  )
  // Exactly as old as the retention still counts.
  for (const ages of [await agesIn(ofView), await agesIn(rawLog('clicks'), 'at')])
    expect(ages).toEqual([1, 10])
  expect(await history(0)).toBe('1')
  expect(platform.objects.size).toBe(objects)
  platform.time.now += DAY + HOUR
  await compactDueLogs(platform)
  expect(platform.objects.size).toBe(objects - 3)
})

test('it is looked into once an hour, and what came of it is among the runs of Cron', async () => {
  await push(11 * DAY)
  expect(await enforceRetention(platform)).toContain('1 segments removed')
  await push(12 * DAY)
  expect(await enforceRetention(platform)).toBeUndefined()
  platform.time.now += HOUR
  expect(await enforceRetention(platform)).toContain('1 segments removed')
  expect((await listRefused(platform, { countMax: 1 })).page).toEqual([])
})

test('a segment that straddles is written anew once its oldest row is a tenth past retention (S3)', async () => {
  await push(10.9 * DAY, 3 * DAY)
  expect(await enforceRetention(platform)).toBeUndefined()
  expect(await agesIn(ofView)).toEqual([3, 10.9])
  const [before] = await platform.offline.list('last_click', 1)
  platform.time.now += DAY / 4
  expect(await enforceRetention(platform)).toContain('last_click@1: 0 segments removed, 1 written anew')
  for (const ages of [await agesIn(ofView), await agesIn(rawLog('clicks'), 'at')]) expect(ages).toEqual([3])
  const [after] = await platform.offline.list('last_click', 1)
  expect(after).toMatchObject({ commit: before!.commit, rowCount: 1, eventTimeMax: before!.eventTimeMax })
  // Its bound is the cutoff now: the next run has nothing to do.
  platform.time.now += HOUR
  expect(await enforceRetention(platform)).toBeUndefined()
  expect(await history(0)).toBe('3')
})

test('a dataset made from what is removed cannot be made again, one of other views can (S5)', async () => {
  await push(11 * DAY)
  const spec = { asOf: null, isKnowledgeCutoff: false, hasStatuses: false }
  await platform.files.put('labels/a.csv', `user,item,event_time\nann,1,${formatInstant(START)}\n`)
  const { id } = await startDataset(platform, {
    ...spec,
    name: 'a',
    of: { kind: 'service', name: 'ranker' },
    labels: { kind: 'file', path: 'labels/a.csv' },
  })
  expect((await describeDataset(platform, id)).status).toBe('succeeded')
  expect((await platform.training.find(id))!.touched).toBeNull()
  await enforceRetention(platform)
  expect((await platform.training.find(id))!.touched).toBe(
    'rows that it was made from are past the retention of their source',
  )
})

test('logs that a fill reads or writes have their turn when it has ended (S33)', async () => {
  await push(11 * DAY, 9 * DAY)
  await push(11 * DAY)
  platform.heldJobs = []
  const { feature_views, ...rest } = definitions('10d')
  const [view, ...views] = feature_views!
  const features = [{ name: 'price', type: 'int64' as const, sql: 'price + 100' }]
  await applyClicks(platform, {
    ...rest,
    feature_views: [{ ...view!, features } as typeof view, ...views] as never,
  })
  const [fill] = platform.heldJobs
  platform.heldJobs = undefined
  await fillView(platform, fill!, {
    async step(name, work) {
      const outcome = await work()
      platform.time.now += HOUR
      if (name === 'write 0') expect(await enforceRetention(platform)).toBeUndefined()
      return outcome
    },
    sleep: async () => {},
  })
  platform.time.now += HOUR
  expect(await enforceRetention(platform)).toMatch(/last_click@1.* last_click@2.* raw rows of clicks/)
  expect(await agesIn({ view: 'last_click', version: 2 })).toEqual([9])
})

test('a source without retention keeps all; a view that is gone is kept no longer than its source says', async () => {
  await push(11 * DAY)
  await applyClicks(platform, definitions())
  expect(await enforceRetention(platform)).toBeUndefined()
  platform.time.now += HOUR
  const { feature_views, feature_services: _, ...rest } = definitions('10d')
  await applyClicks(platform, { ...rest, feature_views: [feature_views![1]!] })
  expect(await enforceRetention(platform)).toContain('last_click@1')
  expect(await agesIn(ofView)).toEqual([])
})

test('what a dropped source has left goes when the retention that it had last has passed (S3, S33)', async () => {
  await push(11 * DAY)
  await push(4 * DAY)
  await applyClicks(platform, definitions('5d'))
  const empty = { entities: [], sources: [], feature_views: [], feature_services: [] }
  await applyClicks(platform, empty)
  const logs = [ofView, { view: 'last_sale', version: 1 }, rawLog('clicks')]
  const counts = () =>
    Promise.all(logs.map(async (log) => (await platform.offline.list(log.view, log.version)).length))
  await enforceRetention(platform)
  expect(await counts()).toEqual([1, 1, 1])
  platform.time.now += DAY + HOUR
  await enforceRetention(platform)
  expect(await counts()).toEqual([0, 0, 0])
  platform.time.now += DAY + HOUR
  await compactDueLogs(platform)
  expect([...platform.objects.keys()].filter((path) => /^(raw|log)\//.test(path))).toEqual([])
})

test('a dropped source that had no retention keeps all, and no generation is read where nothing can be past one', async () => {
  await applyClicks(platform, definitions())
  await push(1_000 * DAY)
  const { read } = platform.registry
  const readGenerations: (number | undefined)[] = []
  Object.assign(platform, {
    registry: {
      ...platform.registry,
      read: (generation?: number) => {
        readGenerations.push(generation)
        return read(generation)
      },
    },
  })
  expect(await enforceRetention(platform)).toBeUndefined()
  expect(readGenerations).toEqual([undefined])
  await applyClicks(platform, { entities: [], sources: [], feature_views: [], feature_services: [] })
  platform.time.now += HOUR
  expect(await enforceRetention(platform)).toBeUndefined()
  expect((await agesIn(rawLog('clicks'), 'at')).length).toBe(1)
})

test('a run cut off after any effect is made good by the next (S3)', async () => {
  let isCutOff = true
  let at = 0
  for (; isCutOff; at++) {
    let count = 0
    let isOver = false
    isCutOff = false
    platform = memoryPlatform(START)
    await applyClicks(platform, definitions('10d'))
    await push(12 * DAY, 3 * DAY)
    await push(11 * DAY)
    for (const port of [platform.offline, platform.training, platform.cron]) {
      for (const [name, method] of Object.entries(port) as [string, (...given: unknown[]) => unknown][]) {
        if (typeof method !== 'function' || /^(find|list|read|open)/.test(name)) continue
        Object.assign(port, {
          [name]: async (...given: unknown[]) => {
            const outcome = await method(...given)
            if (isOver || count++ !== at) return outcome
            isCutOff = true
            throw new Error('cut off')
          },
        })
      }
    }
    await enforceRetention(platform).catch((error) => expect(String(error)).toContain('cut off'))
    isOver = true
    platform.time.now += HOUR
    await enforceRetention(platform)
    expect(await agesIn(ofView), `effect ${at}`).toEqual([3])
    expect(await agesIn(rawLog('clicks'), 'at')).toEqual([3])
  }
  expect(at).toBeGreaterThan(10)
})

test('raw rows joined across a change of the event time column go by the one that was theirs (S3)', async () => {
  await push(12 * DAY, 3 * DAY)
  const { sources, ...rest } = definitions('10d')
  const [clicks] = sources!
  const schema = [...clicks!.schema, { name: 'seen', type: 'timestamp' as const }]
  await applyClicks(platform, { ...rest, sources: [{ ...clicks!, schema, event_time: 'seen' }] })
  const [old, recent] = [11.5 * DAY, 2 * DAY].map((age) => formatInstant(START - age))
  const row = { made: recent, user: 'ann', item: 1 }
  const events = [
    { ...row, at: recent, seen: old, price: 11 },
    { ...row, at: old, seen: recent, price: 2 },
  ]
  await pushEvents(platform, { source: 'clicks', events })
  await platform.consume()
  platform.time.now += HOUR
  await platform.flush({ cut: true })
  const raw = rawLog('clicks')
  await mergeRawLog(platform, await platform.offline.list(raw.view, raw.version), null)
  const prices = async () => {
    const segments = await platform.offline.list(raw.view, raw.version)
    expect(segments).toHaveLength(1)
    const file = await openParquet(platform.offline.openSegment(segments[0]!), 'raw')
    return Array.from((await file.readColumn('price', 0, file.rowCount)) as ArrayLike<bigint>, Number).sort()
  }
  expect(await prices()).toEqual([11, 12, 2, 3])
  expect(await enforceRetention(platform)).toContain('raw rows of clicks: 0 segments removed, 1 written anew')
  expect(await prices()).toEqual([2, 3])
})

test('a run ends where definitions change meanwhile: what they keep for longer stays (S3, S33)', async () => {
  for (const age of [12, 11, 3]) await push(age * DAY)
  await push(13 * DAY, 2 * DAY)
  const { replace, list } = platform.offline
  const count = async () => (await list('last_click', 1)).length + (await list('last_sale', 1)).length
  const before = await count()
  let replaced = 0
  Object.assign(platform.offline, {
    async replace(...given: Parameters<typeof replace>) {
      const isDone = await replace(...given)
      if (replaced++ === 0) await applyClicks(platform, definitions())
      return isDone
    },
  })
  expect(await enforceRetention(platform)).toBe('last_click@1: 1 segments removed, 0 written anew')
  expect(replaced).toBe(1)
  expect(await count()).toBe(before - 1)
  platform.time.now += HOUR
  expect(await enforceRetention(platform)).toBeUndefined()
  expect(await count()).toBe(before - 1)
})
