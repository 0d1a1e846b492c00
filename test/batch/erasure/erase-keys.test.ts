import { beforeEach, expect, test } from 'vitest'
import { compactDueLogs } from '../../../src/batch/compact-log.ts'
import { describeJob } from '../../../src/batch/describe-job.ts'
import { startErasure } from '../../../src/batch/erasure/erasure.ts'
import { openParquet } from '../../../src/core/parquet.ts'
import { formatInstant, parseInstant } from '../../../src/core/time.ts'
import type { DefinitionSetInput } from '../../../src/definitions/definition-set.ts'
import { deleteKeys } from '../../../src/ingest/delete-keys.ts'
import { pushEvents } from '../../../src/ingest/push-events.ts'
import { parseLabels } from '../../../src/offline/parse-labels.ts'
import { retrieveHistory } from '../../../src/offline/retrieve-history.ts'
import { parseEntities } from '../../../src/online/parse-entities.ts'
import { readFeatures } from '../../../src/online/read-features.ts'
import { resolveForHistory, resolveInNewest } from '../../../src/registry/resolve-name.ts'
import { applyClicks, CLICKS } from '../../platform/clicks.ts'
import { statusesOf, valuesOf } from '../../platform/feature-row.ts'
import { type MemoryPlatform, memoryPlatform } from '../../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000
/** Letters that stand in no other value, compressed or not. */
const GONE = 'Xq7ZgoneZ7qX'
const SET: DefinitionSetInput = {
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

beforeEach(async () => {
  platform = memoryPlatform(START)
  await applyClicks(platform, SET)
})

async function push(user: string, price: number, aheadUs = 0): Promise<void> {
  platform.time.now += SECOND
  const at = formatInstant(platform.time.now + aheadUs)
  await pushEvents(platform, { source: 'clicks', events: [{ at, made: at, user, item: 1, price }] })
  await platform.consume()
}

async function erase(...users: string[]): Promise<string> {
  return startErasure(platform, { entity: 'user', keys: users.map((user) => ({ user })) })
}

async function read(user: string) {
  const resolved = await resolveInNewest(platform, 'ranker')
  const rows = parseEntities(resolved.service, [{ user, item: 1 }])
  const { rows: answers } = await readFeatures(platform, resolved, { rows, consistency: 'strong' })
  return { values: valuesOf(answers[0]!), statuses: statusesOf(answers[0]!) }
}

async function history(user: string): Promise<readonly string[]> {
  const resolved = await resolveForHistory(platform, 'ranker')
  const label = { user, item: 1, event_time: formatInstant(platform.time.now) }
  const labels = parseLabels(resolved.service, [label])
  const { rows } = await retrieveHistory(platform, resolved, {
    labels,
    asOf: undefined,
    isKnowledgeCutoff: false,
  })
  return rows[0]!.slice(3)
}

/** Where any store still holds the letters. */
function remains(letters: string): string[] {
  const decoder = new TextDecoder('latin1')
  return [
    ...[...platform.objects]
      .filter(([, bytes]) => decoder.decode(bytes).includes(letters))
      .map(([path]) => path),
    ...[...platform.blocks].filter(([, text]) => text.includes(letters)).map(([key]) => key),
    ...platform.writerTexts().filter((text) => text.includes(letters)),
  ]
}

/** Segments of users with bloom filters on the key: compaction makes them, and what is taken out of one later leaves them there. */
async function bloomFilters(): Promise<number> {
  let count = 0
  for (const segment of await platform.offline.list('last_click', 1)) {
    const file = await openParquet(platform.offline.openSegment(segment), segment.path)
    const has = file.rowGroups.every(({ sizes }) => sizes('user').bloomFilter > 0)
    if (has && segment.path.includes('/erased-')) count++
  }
  return count
}

test('an erased key leaves no trace in log, blocks or writers, and the others keep their values (S11)', async () => {
  for (let price = 0; price < 12; price++) {
    await push(GONE, price)
    await push('ann', price)
    // Of one bucket with the key.
    await push('cat', price)
    if (price === 4)
      await deleteKeys(platform, {
        entity: 'user',
        keys: [{ user: GONE }],
        eventTime: platform.time.now,
        views: null,
      })
    // Some is cut, some compacted, some in checkpoints, some waits in the journal.
    if (price < 10) await platform.flush({ cut: true })
    if (price === 9) await compactDueLogs(platform)
  }
  // Ahead of the clock, so that writers hold it.
  await push(GONE, 99, 60 * SECOND)
  await platform.flush()
  expect(remains(GONE).length).toBeGreaterThan(10)
  const before = { online: await read('ann'), history: await history('ann') }

  const id = await erase(GONE)
  const job = await describeJob(platform, id)
  expect(job).toMatchObject({
    status: 'succeeded',
    kind: 'erase',
    report: { entity: 'user', removed: { writers: 1 } },
  })
  expect(job.report!.removed.log).toBeGreaterThanOrEqual(26)
  expect(await bloomFilters()).toBeGreaterThan(0)
  expect(remains(GONE)).toEqual([])
  expect(JSON.stringify(await platform.jobRecords.list({ countMax: 100 }))).not.toContain(GONE)
  expect({ online: await read('ann'), history: await history('ann') }).toEqual(before)
  expect((await read(GONE)).statuses.slice(0, 1)).toEqual(['missing'])

  // A restart makes the memory again from storage; what was held for later does not come back.
  platform.crash()
  platform.time.now += 70 * SECOND
  await platform.work()
  expect((await read(GONE)).statuses.slice(0, 1)).toEqual(['missing'])
  // The item's row is no trace of the user: it comes when its time does.
  expect((await read('ann')).values).toEqual([before.online.values[0], '99', before.online.values[2]])
  await platform.flush({ cut: true })
  expect(remains(GONE)).toEqual([])
})

test.each(['a row', 'a row that was ahead of the clock'])(
  'an erased key leaves KV, too, whose writer restarts before it has put the block of %s (S11)',
  async (row) => {
    // All there is of the key stands in a checkpoint, or in an entry of what was held.
    platform = memoryPlatform(START, { limits: { rowsPerCheckpoint: 0 } })
    await applyClicks(platform, SET)
    await push(GONE, 7, row === 'a row' ? 0 : 60 * SECOND)
    await platform.flush({ cut: true })
    platform.time.now += 120 * SECOND
    await platform.flush()
    expect(remains(GONE).some((place) => place.startsWith('block/'))).toBe(true)
    const { eraseKeys } = platform.writers
    Object.assign(platform.writers, {
      async eraseKeys(...given: Parameters<typeof eraseKeys>) {
        const found = await eraseKeys(...given)
        platform.crash()
        return found
      },
    })
    await erase(GONE)
    expect(remains(GONE)).toEqual([])
  },
)

test('who reads history while keys are erased is answered rightly (S11)', async () => {
  for (let price = 0; price < 3; price++) {
    await push(GONE, price)
    await push('ann', price)
    await platform.flush({ cut: true })
  }
  const before = await history('ann')
  const { openSegment } = platform.offline
  let erasing: Promise<string> | undefined
  platform.offline.openSegment = (segment) => {
    const buffer = openSegment(segment)
    // Between the look at the manifest and the first read of a segment.
    const slice = async (start: number, end?: number) => {
      if (erasing === undefined) {
        // The erasure reads segments, too, and does not wait for itself.
        erasing = erase(GONE)
        await erasing
      }
      return openSegment(segment).slice(start, end)
    }
    return { ...buffer, slice }
  }
  expect(await history('ann')).toEqual(before)
  expect((await describeJob(platform, await erasing!)).status).toBe('succeeded')
})

test('an erasure that fails forgets its keys, too', async () => {
  await push(GONE, 1)
  const { start } = platform.jobs
  Object.assign(platform.jobs, { start: async () => {} })
  const id = await erase(GONE)
  Object.assign(platform.jobs, { start })
  expect(JSON.stringify(await platform.jobRecords.find(id))).toContain(GONE)
  await applyClicks(platform, {})
  await platform.jobs.restart('erase', id)
  const job = await platform.jobRecords.find(id)
  expect(job!.status).toBe('failed')
  expect(JSON.stringify(job)).not.toContain(GONE)
})

test('an erased key can be written anew', async () => {
  await push(GONE, 1)
  await erase(GONE)
  await push(GONE, 2)
  expect((await read(GONE)).values[0]).toBe('2')
  expect((await history(GONE))[0]).toBe('2')
})

test('a key that was never there is erased with nothing removed', async () => {
  await push('ann', 1)
  const { status, report } = await describeJob(platform, await erase('nobody'))
  expect(status).toBe('succeeded')
  expect(Object.values(report!.removed).every((count) => count === 0)).toBe(true)
})

test('an erasure names an unknown entity, and every bad key', async () => {
  await expect(startErasure(platform, { entity: 'usr', keys: [] })).rejects.toThrow(/"usr"/)
  await expect(
    startErasure(platform, { entity: 'user', keys: [{ user: 1 }, { name: 'x' }] }),
  ).rejects.toMatchObject({ code: 'invalid_argument' })
})
