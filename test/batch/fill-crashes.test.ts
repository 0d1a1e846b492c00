import { expect, test } from 'vitest'
import { HEARTBEAT_MAX_US, resumeJobs } from '../../src/batch/start-jobs.ts'
import { createBlockCache } from '../../src/core/block-cache.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { deleteKeys } from '../../src/ingest/delete-keys.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { serveFeatures } from '../../src/online/serve-features.ts'
import type { Platform } from '../../src/platform.ts'
import { startFills } from '../../src/registry/fill-views.ts'
import { publishNewest } from '../../src/registry/store-generation.ts'
import { applyClicks } from '../platform/clicks.ts'
import { statusesOf, valuesOf } from '../platform/feature-row.ts'
import { guardEffects, type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000
const USERS = ['ann', 'bob', 'eve']
const VIEWS = ['price', 'activity']
/** What a fill changes, in its stores and beyond. */
const PORTS = ['fills', 'jobRecords', 'offline', 'writers', 'rawWriters', 'registry', 'snapshots'] as const

function definitions(value: string): DefinitionSetInput {
  return {
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 2 }],
    sources: [
      {
        name: 'clicks',
        event_time: 'at',
        schema: [
          { name: 'at', type: 'timestamp' },
          { name: 'user', type: 'string' },
          { name: 'value', type: 'int64' },
        ],
        shards: 2,
      },
    ],
    feature_views: [
      {
        name: 'price',
        entity: 'user',
        source: 'clicks',
        features: [{ name: 'price', type: 'int64', sql: value }],
      },
      {
        name: 'activity',
        entity: 'user',
        source: 'clicks',
        aggregations: [
          { name: 'count', function: 'count', sql: value, windows: ['1h'] },
          { name: 'sum', function: 'sum', sql: value, windows: ['1h'] },
        ],
      },
    ],
    feature_services: [{ name: 'ranker', features: [{ view: 'price' }, { view: 'activity' }] }],
  }
}

async function push(platform: MemoryPlatform, values: readonly number[]) {
  const events = values.map((value, at) => ({
    at: formatInstant(platform.time.now - at * SECOND),
    user: USERS[at % USERS.length],
    value,
  }))
  await pushEvents(platform, { source: 'clicks', events })
  await platform.consume()
}

/** A store whose two views have been changed; their fills are held. */
async function createStore(): Promise<MemoryPlatform> {
  const platform = memoryPlatform(START)
  await applyClicks(platform, definitions('value'))
  await push(platform, [1, 2, 4, 8])
  await deleteKeys(platform, { entity: 'user', keys: [{ user: 'bob' }], eventTime: START, views: null })
  await platform.consume()
  platform.time.now += 60 * SECOND
  platform.heldJobs = []
  await applyClicks(platform, definitions('value * 100'))
  // Both versions have this one from the stream.
  await push(platform, [16])
  platform.heldJobs = undefined
  return platform
}

async function readOutcome(platform: MemoryPlatform) {
  await platform.flush({ cut: true })
  Object.assign(platform.memory, { blocks: createBlockCache(1_000_000), served: undefined })
  const { rows } = await serveFeatures(platform, 'ranker', {
    parseRows: (service) =>
      parseEntities(
        service,
        USERS.map((user) => ({ user })),
      ),
    features: undefined,
    consistency: 'eventual',
  })
  const counts = VIEWS.map(async (view) => {
    const segments = await platform.offline.list(view, 2)
    return segments.reduce((sum, { rowCount }) => sum + rowCount, 0)
  })
  return {
    rows: rows.map((row) => [valuesOf(row), statusesOf(row)]),
    logged: await Promise.all(counts),
    unfilled: (await platform.registry.readHead())!.transition.unfilled,
    jobs: (await platform.jobRecords.list({ countMax: 10 })).map(({ id, status, done, total }) => [
      id,
      status,
      done,
      total,
    ]),
  }
}

/** Runs the fills, with `effect` around all they change. */
async function runFills(platform: MemoryPlatform, effect: Parameters<typeof guardEffects>[1]) {
  const whole = Object.fromEntries(PORTS.map((port) => [port, platform[port]])) as Pick<
    Platform,
    (typeof PORTS)[number]
  >
  Object.assign(
    platform,
    Object.fromEntries(PORTS.map((port) => [port, guardEffects<object>(platform[port], effect)])),
  )
  try {
    for (const view of VIEWS) await platform.jobs.start('fill', `fill-${view}-2`)
  } finally {
    Object.assign(platform, whole)
  }
}

test('fills cut off before any of their effects are started again by Cron and end the same (S9, S33)', async () => {
  const names: string[] = []
  const undisturbed = await createStore()
  await runFills(undisturbed, (name, run) => {
    names.push(name)
    return run()
  })
  const wanted = await readOutcome(undisturbed)
  expect(wanted).toMatchObject({
    rows: [
      [
        ['1600', '3', '2500'],
        ['present', 'present', 'present'],
      ],
      [
        ['null', '0', 'null'],
        ['missing', 'present', 'null'],
      ],
      [
        ['400', '1', '400'],
        ['present', 'present', 'present'],
      ],
    ],
    logged: [5, 5],
    unfilled: {},
  })
  for (const step of ['plan', 'writeChunk', 'register', 'deliver', 'insert', 'announce', 'publish', 'update'])
    expect(names).toContain(step)
  // Before an effect is after the one before it.
  for (let cut = 0; cut < names.length; cut++) {
    const where = `before effect ${cut}, ${names[cut]}`
    const platform = await createStore()
    let effects = 0
    const run = runFills(platform, async (_name, work) => {
      if (effects++ === cut) throw new Error('power cut')
      return work()
    })
    await expect(run, where).rejects.toThrow('power cut')
    platform.crash()
    platform.time.now += HEARTBEAT_MAX_US + 1
    for (const duty of [publishNewest, startFills, resumeJobs]) await duty(platform)
    expect(await readOutcome(platform), where).toEqual(wanted)
  }
})
