import { beforeEach, expect, test } from 'vitest'
import { listRefused } from '../../src/batch/describe-cron.ts'
import { enforceRetention } from '../../src/batch/enforce-retention.ts'
import { resumeJobs, tendWriters, wakeRawWriters } from '../../src/batch/start-jobs.ts'
import { startDueLoads } from '../../src/batch/start-loads.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import type { JobKind } from '../../src/platform.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const MINUTE = 60_000_000
const DAY = 1_440 * MINUTE
const SOURCES = ['clicks', 'taps']

/** Two sources alike, each with a view of its own. */
const DEFINITIONS: DefinitionSetInput = {
  ...CLICKS,
  sources: SOURCES.map((name) => ({ ...CLICKS.sources![0]!, name, retention: '10d' })),
  feature_views: SOURCES.map((source) => ({
    ...CLICKS.feature_views![0]!,
    name: `last_of_${source}`,
    source,
  })),
  feature_services: [],
}

let platform: MemoryPlatform

beforeEach(async () => {
  platform = memoryPlatform(START)
  await applyClicks(platform, DEFINITIONS)
})

/** Has a method fail for what is meant, whatever it is asked of others. */
function failFor<P extends object, K extends keyof P>(
  port: P,
  name: K,
  isMeant: (given: unknown[]) => boolean,
) {
  const method = port[name] as (...given: unknown[]) => unknown
  Object.assign(port, {
    [name]: async (...given: unknown[]) => {
      if (isMeant(given)) throw new Error('it does not answer')
      return method(...given)
    },
  })
}

test('a job that cannot be started again keeps no other from it', async () => {
  platform.heldJobs = []
  for (const id of ['one', 'two', 'three'])
    await platform.jobRecords.begin({
      id,
      kind: 'compact' satisfies JobKind,
      subject: id,
      params: '{}',
      status: 'running',
      done: 0,
      total: 0,
      error: null,
      startedTime: START,
      heartbeatTime: START,
    })
  failFor(platform.jobs, 'restart', ([, id]) => id === 'two')
  platform.time.now += 3 * MINUTE
  expect(await resumeJobs(platform)).toBe('started again: one, three; not started again: two')
  expect(platform.heldJobs).toEqual(['one', 'three'])
  expect(platform.logged).toContain('A silent job could not be started again; it is tried again in a minute')
})

test('what has landed for a source that cannot be listed keeps no other from its loads, nor is a refusal of it forgotten', async () => {
  platform.heldJobs = []
  const refusal = { file: 'old.parquet', etag: '1', reason: 'it was replaced', time: START }
  await platform.cron.noteRefused(SOURCES.map((source) => ({ ...refusal, source })))
  platform.land('taps', 'new.parquet', new Uint8Array(1))
  failFor(platform.landing, 'list', ([source]) => source === 'clicks')
  platform.land('clicks', 'new.parquet', new Uint8Array(1))
  expect(await startDueLoads(platform)).toBe('loads: 1 begun; sources that could not be looked at: clicks')
  const { page } = await listRefused(platform, { countMax: 10 })
  expect(page.map(({ source }) => source)).toEqual(['clicks'])
})

test('a load that cannot be started again keeps no other from it', async () => {
  platform.heldJobs = []
  for (const name of ['a.parquet', 'b.parquet', 'c.parquet'])
    platform.land('clicks', name, new TextEncoder().encode(name))
  await startDueLoads(platform)
  const ids = platform.heldJobs
  platform.heldJobs = []
  failFor(platform.jobs, 'restart', ([, id]) => id === ids[0])
  platform.time.now += 3 * MINUTE
  expect(await startDueLoads(platform)).toBe(`loads: 2 started again; loads not started again: ${ids[0]}`)
  expect(platform.heldJobs).toEqual(ids.slice(1))
})

test('a writer that cannot be woken keeps no other from it, be it of raw rows or of an entity', async () => {
  for (const writers of [platform.writers, platform.rawWriters])
    failFor(writers as { wake: unknown }, 'wake', ([layout]) => (layout as { shard: number }).shard === 0)
  expect(await tendWriters(platform)).toBe('writer user/0 could not be woken')
  expect(await wakeRawWriters(platform)).toBe('writers of raw rows that could not be woken: clicks/0, taps/0')
})

test('a source whose rows cannot be taken out keeps no other from its retention (S3)', async () => {
  for (const source of SOURCES) {
    const at = formatInstant(START - 9 * DAY)
    await pushEvents(platform, { source, events: [{ at, made: at, user: 'ann', item: 1, price: 1 }] })
  }
  await platform.consume()
  platform.time.now += 60 * MINUTE
  await platform.flush({ cut: true })
  platform.time.now += 3 * DAY
  failFor(platform.offline, 'replace', ([paths]) => String(paths).includes('clicks'))
  const outcome = await enforceRetention(platform)
  expect(outcome).toContain('source clicks: failed')
  expect(outcome).toContain('raw rows of taps: 1 segments removed')
})
