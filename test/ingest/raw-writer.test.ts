import { expect, test } from 'vitest'
import { encodeRawGroup, type RawGroup } from '../../src/core/raw-row.ts'
import { openRawSegment, readRawRows } from '../../src/core/raw-segment.ts'
import { parseInstant } from '../../src/core/time.ts'
import { RAW_SEGMENT_ROWS_MAX, rawLog } from '../../src/definitions/raw-log.ts'
import { planRawSegments } from '../../src/ingest/plan-raw-segments.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { readWritingSnapshot } from '../../src/registry/current-snapshot.ts'
import { sealRaw } from '../../src/registry/fill-views.ts'
import { applyClicks } from '../platform/clicks.ts'
import { memoryBuffer } from '../platform/memory-buffer.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')

test('planRawSegments() makes as few segments as a fill can hold, and takes no message apart', async () => {
  const columns = [{ name: 'at', type: 'timestamp' as const }]
  const group = (message: string, rowCount: number): RawGroup => ({
    message,
    pushId: message,
    doorTime: START,
    generation: 1,
    columns,
    eventTime: 0,
    lines: Array.from({ length: rowCount }, (_, at) => `${at}\t"2026-01-01T00:00:00Z"`),
  })
  const third = Math.floor(RAW_SEGMENT_ROWS_MAX / 3)
  const groups = ['a', 'b', 'c', 'd'].map((message) => group(message, third))
  const segments = planRawSegments('clicks', 'clicks-0', groups.map(encodeRawGroup).join('\n'))
  expect(segments.map(({ record }) => record.rowCount)).toEqual([3 * third, third])
  expect(new Set(segments.map(({ record }) => record.path)).size).toBe(2)
  const [, last] = segments
  const file = await openRawSegment(memoryBuffer(last!.bytes), 'd')
  const rows = await readRawRows(file, columns, file.rowGroups[0]!)
  expect(new Set(rows.map(({ message }) => message))).toEqual(new Set(['d']))
})

test('sealRaw() ends though rows come with every cut, and has logged what came before (S33)', async () => {
  const platform = memoryPlatform(START)
  await applyClicks(platform)
  const push = async (user: string) => {
    const at = '2026-01-01T00:00:00Z'
    await pushEvents(platform, { source: 'clicks', events: [{ at, made: at, user, item: 1, price: 1 }] })
    await platform.consume()
  }
  await push('before')
  const { register } = platform.offline
  let pushCount = 0
  platform.offline.register = async (records) => {
    if (pushCount < 100) await push(`later ${pushCount++}`)
    return register(records)
  }
  const snapshot = await readWritingSnapshot(platform, { sources: ['clicks'] })
  const source = snapshot.sources.clicks!
  await sealRaw(platform, snapshot, source)
  expect(pushCount).toBeGreaterThan(0)
  expect(pushCount).toBeLessThan(100)
  const users: unknown[] = []
  const { view, version } = rawLog('clicks')
  for (const segment of await platform.offline.list(view, version)) {
    const file = await openRawSegment(platform.offline.openSegment(segment), segment.path)
    for (const { values } of await readRawRows(file, source.columns, file.rowGroups[0]!))
      users.push(values[2])
  }
  expect(users).toContain('before')
})
