import { expect, test } from 'vitest'
import { encodeKey } from '../../src/core/entity-key.ts'
import { valueAt } from '../../src/core/feature-column.ts'
import { arrangeLabels } from '../../src/core/join.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { joinWindows } from '../../src/offline/join-windows.ts'
import { resolveForHistory } from '../../src/registry/resolve-name.ts'
import { applyClicks } from '../platform/clicks.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'

const NOW = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000
const BUCKETS = 16
const USERS = Array.from({ length: 160 }, (_, at) => `user-${at}`)
const EVENTS_EACH = 20

test('windows whose events are held in many passes open few segments again: a pass reads the buckets of its keys', async () => {
  const platform = memoryPlatform(NOW)
  await applyClicks(platform, {
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: BUCKETS }],
    sources: [
      {
        name: 'clicks',
        event_time: 'at',
        schema: [
          { name: 'at', type: 'timestamp' },
          { name: 'user', type: 'string', required: true },
        ],
      },
    ],
    feature_views: [
      {
        name: 'activity',
        entity: 'user',
        source: 'clicks',
        aggregations: [{ name: 'clicks', function: 'count', sql: 'user', windows: ['1h'] }],
      },
    ],
    feature_services: [{ name: 'ranker', features: [{ view: 'activity' }] }],
  })
  for (let event = 0; event < EVENTS_EACH; event++) {
    const at = formatInstant(NOW - (event + 1) * SECOND)
    await pushEvents(platform, { source: 'clicks', events: USERS.map((user) => ({ at, user })) })
    await platform.consume()
  }
  await platform.flush({ cut: true })
  const segments = await platform.offline.list('activity', 1)
  expect(new Set(segments.map(({ bucket }) => bucket)).size).toBe(BUCKETS)

  let opened = 0
  let passes = 0
  const counting = {
    ...platform,
    offline: {
      async list(view: string, version: number) {
        if (view === 'activity') passes++
        return platform.offline.list(view, version)
      },
      openSegment(segment: Parameters<typeof platform.offline.openSegment>[0]) {
        opened++
        return platform.offline.openSegment(segment)
      },
    },
  }
  const { snapshot } = await resolveForHistory(platform, 'ranker')
  const view = snapshot.views['activity@1']!
  const times = USERS.map(() => NOW)
  const slots = arrangeLabels(
    USERS.map((user) => encodeKey(['string'], [user])),
    times,
  )
  const pins = { asOf: undefined, commit: undefined, isKnowledgeCutoff: false }
  const [clicks] = await joinWindows(
    counting,
    { snapshot, view, windows: view.windows! },
    { ...pins, slots, times, features: [0], pool: new Map() },
    { bytesMax: 10_000 },
  )
  expect(USERS.map((_, label) => valueAt(clicks!, label))).toEqual(USERS.map(() => BigInt(EVENTS_EACH)))
  expect(passes).toBeGreaterThan(BUCKETS)
  // A pass begins in the bucket in which the one before it ended.
  expect(opened).toBeLessThanOrEqual(segments.length + passes * 2 * (segments.length / BUCKETS))
})
