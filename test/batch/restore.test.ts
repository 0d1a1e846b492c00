import fc from 'fast-check'
import { expect, test } from 'vitest'
import { startLoads } from '../../src/batch/start-loads.ts'
import { createBlockCache } from '../../src/core/block-cache.ts'
import { writeParquet } from '../../src/core/parquet.ts'
import { openSegment } from '../../src/core/segment.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { rawLayouts } from '../../src/definitions/raw-layout.ts'
import { segmentSchema } from '../../src/definitions/snapshot.ts'
import { deleteKeys } from '../../src/ingest/delete-keys.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { parseLabels } from '../../src/offline/parse-labels.ts'
import { retrieveHistory } from '../../src/offline/retrieve-history.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { serveFeatures } from '../../src/online/serve-features.ts'
import { readWritingSnapshot } from '../../src/registry/current-snapshot.ts'
import { rebuildView } from '../../src/registry/rebuild-view.ts'
import { resolveForHistory } from '../../src/registry/resolve-name.ts'
import { applyClicks } from '../platform/clicks.ts'
import { statusesOf, valuesOf } from '../platform/feature-row.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000
const USERS = ['ann', 'bob', 'eve']

const DEFINITIONS: DefinitionSetInput = {
  entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 2 }],
  sources: [
    {
      name: 'clicks',
      event_time: 'at',
      created_time: 'made',
      schema: [
        { name: 'at', type: 'timestamp' },
        { name: 'made', type: 'timestamp' },
        { name: 'user', type: 'string' },
        { name: 'value', type: 'int64' },
      ],
      landing: { format: 'parquet' },
      shards: 2,
    },
  ],
  feature_views: [
    {
      name: 'price',
      entity: 'user',
      source: 'clicks',
      features: [{ name: 'price', type: 'int64', sql: 'value' }],
      ttl: '10m',
    },
    {
      name: 'activity',
      entity: 'user',
      source: 'clicks',
      aggregations: [
        { name: 'count', function: 'count', sql: 'value', windows: ['5m', '1h'] },
        { name: 'sum', function: 'sum', sql: 'value', windows: ['5m', '1h'] },
        { name: 'last', function: 'last', sql: 'value', windows: ['1h'] },
      ],
    },
  ],
  feature_services: [{ name: 'ranker', features: [{ view: 'price' }, { view: 'activity' }] }],
}

interface Click {
  readonly user: string
  /** Seconds before now. */
  readonly ago: number
  readonly value: number | null
}

type Event =
  | { readonly kind: 'push'; readonly rows: readonly Click[] }
  | { readonly kind: 'delete'; readonly click: Click }

const click = fc.record({
  user: fc.constantFrom(...USERS),
  ago: fc.integer({ min: 0, max: 4_000 }),
  value: fc.option(fc.integer({ min: -100, max: 100 })),
})
const clicks = fc.array(click, { minLength: 1, maxLength: 6 })
const histories = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: clicks.map((rows): Event => ({ kind: 'push', rows })) },
    { weight: 1, arbitrary: click.map((one): Event => ({ kind: 'delete', click: one })) },
  ),
  { minLength: 1, maxLength: 8 },
)

async function start(): Promise<MemoryPlatform> {
  const platform = memoryPlatform(START)
  await applyClicks(platform, DEFINITIONS)
  return platform
}

function rowOf(now: number, { user, ago, value }: Click) {
  const at = formatInstant(now - ago * SECOND)
  return { at, made: at, user, value }
}

/** All that a writer holds goes to the log. */
async function logAll(platform: MemoryPlatform) {
  await platform.flush({ cut: true })
  const snapshot = await readWritingSnapshot(platform, { sources: ['clicks'] })
  for (const layout of rawLayouts(snapshot, snapshot.sources.clicks!)) await platform.rawWriters.cut(layout)
}

async function read(platform: MemoryPlatform) {
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
  return rows.map((row) => ({ values: valuesOf(row), statuses: statusesOf(row), times: row.eventTimes }))
}

async function history(platform: MemoryPlatform) {
  const resolved = await resolveForHistory(platform, 'ranker')
  const labels = USERS.flatMap((user) =>
    [0, 100, 2_000].map((ago) => ({ user, event_time: formatInstant(platform.time.now - ago * SECOND) })),
  )
  const { rows, statuses } = await retrieveHistory(platform, resolved, {
    labels: parseLabels(resolved.service, labels),
    asOf: undefined,
    isKnowledgeCutoff: false,
  })
  return { rows, statuses }
}

async function pushClicks(platform: MemoryPlatform, rows: readonly Click[]) {
  const events = rows.map((row) => rowOf(platform.time.now, row))
  await pushEvents(platform, { source: 'clicks', events })
  await platform.consume()
}

/** A store in which all of this has happened and come to rest. */
async function startAfter(events: readonly Event[]): Promise<MemoryPlatform> {
  const platform = await start()
  for (const event of events) {
    if (event.kind === 'push') await pushClicks(platform, event.rows)
    else {
      const { user, ago } = event.click
      const eventTime = platform.time.now - ago * SECOND
      await deleteKeys(platform, { entity: 'user', keys: [{ user }], eventTime, views: null })
      await platform.consume()
    }
    platform.time.now += SECOND
  }
  await logAll(platform)
  await settle(platform)
  return platform
}

/** Windows that a deletion has cut through are made anew, and their blocks put: once a second at most. */
async function settle(platform: MemoryPlatform) {
  for (let turn = 0; platform.nextWorkMs() !== null; turn++) {
    expect(turn).toBeLessThan(100)
    platform.time.now += SECOND
    await platform.flush({ cut: true })
  }
}

test('views rebuilt from the log alone answer as before, deletions and windows included (S10, S22)', async () => {
  await fc.assert(
    fc.asyncProperty(histories, clicks, async (events, late) => {
      const platform = await startAfter(events)
      const before = { online: await read(platform), history: await history(platform) }
      platform.loseWriters()
      for (const view of ['price', 'activity']) await rebuildView(platform, view, 'test')
      const { versions, transition } = (await platform.registry.read())!
      expect(transition.unfilled).toEqual({})
      expect(versions).toMatchObject({ price: { version: 2 }, activity: { version: 2 } })
      await platform.flush()
      expect({ online: await read(platform), history: await history(platform) }).toEqual(before)
      // Writers know their deletions again, too: what comes late is treated as where nothing was lost (S7, S10).
      const spared = await startAfter(events)
      const now = Math.max(platform.time.now, spared.time.now)
      for (const one of [platform, spared]) {
        one.time.now = now
        await pushClicks(one, late)
        await logAll(one)
        await settle(one)
      }
      platform.time.now = spared.time.now = Math.max(platform.time.now, spared.time.now)
      expect(await read(platform)).toEqual(await read(spared))
    }),
    {
      numRuns: 40,
      // Only a deletion, of a source without rows, and then a row of its very time.
      examples: [
        [
          [{ kind: 'delete', click: { user: 'ann', ago: 0, value: null } }],
          [{ user: 'ann', ago: 1, value: null }],
        ],
      ],
    },
  )
})

/** Rows of a view's log without what only the door gives: where they came from. */
async function loggedRows(platform: MemoryPlatform, name: string) {
  const snapshot = await readWritingSnapshot(platform, { views: [name] })
  const schema = segmentSchema(snapshot, snapshot.views[`${name}@1`]!)
  const names = ['user', 'event_time', 'created_time', ...schema.features.map((feature) => feature.name)]
  const lines: string[] = []
  for (const segment of await platform.offline.list(name, 1)) {
    const file = await openSegment(platform.offline.openSegment(segment), schema, segment.path)
    for (const { rowStart, rowEnd } of file.rowGroups) {
      const columns = await Promise.all(names.map((column) => file.readColumn(column, rowStart, rowEnd)))
      for (let row = 0; row < rowEnd - rowStart; row++)
        lines.push(columns.map((values) => String(values[row] ?? null)).join('|'))
    }
  }
  return lines.sort()
}

test('the same rows pushed and loaded give the same values, the same log and the same history (S25)', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(click, { minLength: 1, maxLength: 30, selector: ({ ago }) => ago }),
      async (rows) => {
        const [pushed, loaded] = [await start(), await start()]
        for (let at = 0; at < rows.length; at += 7) {
          const part = rows.slice(at, at + 7).map((row) => rowOf(START, row))
          await pushEvents(pushed, { source: 'clicks', events: part })
          await pushed.consume()
        }
        const times = rows.map(({ ago }) => START - ago * SECOND)
        const bytes = writeParquet([
          { name: 'at', type: 'timestamp', values: times },
          { name: 'made', type: 'timestamp', values: times },
          { name: 'user', type: 'string', values: rows.map(({ user }) => user) },
          {
            name: 'value',
            type: 'int64',
            values: rows.map(({ value }) => (value === null ? null : BigInt(value))),
          },
        ])
        loaded.land('clicks', 'one.parquet', bytes)
        await startLoads(loaded, 'clicks', { files: ['one.parquet'], badRowsMax: 0 })
        for (const platform of [pushed, loaded]) {
          platform.time.now = START + 2 * SECOND
          await logAll(platform)
        }
        expect(await read(loaded)).toEqual(await read(pushed))
        expect(await history(loaded)).toEqual(await history(pushed))
        for (const view of ['price', 'activity'])
          expect(await loggedRows(loaded, view)).toEqual(await loggedRows(pushed, view))
      },
    ),
    { numRuns: 40 },
  )
})
