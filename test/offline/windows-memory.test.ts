import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { bitsText, encodeKey, hashKey, topBits } from '../../src/core/entity-key.ts'
import { STATUS_CODES } from '../../src/core/feature-column.ts'
import { arrangeLabels } from '../../src/core/join.ts'
import { encodeSegmentColumns, statisticsOf } from '../../src/core/segment.ts'
import { compileDefinitions } from '../../src/definitions/compile.ts'
import { DefinitionSet } from '../../src/definitions/definition-set.ts'
import { type RegisteredSegment, segmentRecord } from '../../src/definitions/segment-record.ts'
import { segmentSchema } from '../../src/definitions/snapshot.ts'
import { joinWindows } from '../../src/offline/join-windows.ts'

const SNAPSHOT = compileDefinitions(
  DefinitionSet.parse({
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 1 }],
    sources: [
      {
        name: 'orders',
        event_time: 'at',
        schema: [
          { name: 'at', type: 'timestamp' },
          { name: 'user', type: 'string' },
          { name: 'price', type: 'int64' },
          { name: 'item', type: 'string' },
        ],
      },
    ],
    feature_views: [
      {
        name: 'spending',
        entity: 'user',
        source: 'orders',
        aggregations: [
          { name: 'total', function: 'sum', sql: 'price', windows: ['1h'] },
          { name: 'items', function: 'count_distinct', sql: 'item', windows: ['1h'] },
        ],
      },
    ],
  }),
  { generation: 1, versions: { spending: 1 }, blockBits: {} },
)
const VIEW = SNAPSHOT.views['spending@1']!
/** All of one bucket, that of the segments. */
const USERS = Array.from({ length: 1_000 }, (_, at) => `u${String(at).padStart(3, '0')}`)
  .filter((user) => topBits(hashKey(encodeKey(['string'], [user])).high, 1) === 0)
  .slice(0, 200)
const SEGMENTS = 6
const ROWS_PER_USER = 60
const ROWS = USERS.length * ROWS_PER_USER
const MINUTE = 60_000_000

const itemOf = (segment: number, row: number) => `${segment}-${row}-${'x'.repeat(50)}`

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function heldBytes(): number {
  // Buffers of what one collection finds are counted until the next begins.
  collectGarbage()
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** In every segment events of every user, each in the hour before the labels. */
function writeLog() {
  const files = new Map<string, Uint8Array>()
  const segments = Array.from({ length: SEGMENTS }, (_, segment): RegisteredSegment => {
    const rows = Array.from({ length: ROWS }, (_, row) => row)
    const eventTime = rows.map((row) => ((row % ROWS_PER_USER) + 1) * MINUTE)
    const stamps = {
      eventTime,
      createdTime: eventTime,
      ingestTime: eventTime,
      sequenceTime: eventTime,
      sequenceOrigin: rows.map(() => `load ${segment}`),
      sequenceIndex: rows.map((row) => BigInt(row)),
    }
    const features = [rows.map((row) => BigInt(row * segment)), rows.map((row) => itemOf(segment, row))]
    const keys = [rows.map((row) => USERS[Math.floor(row / ROWS_PER_USER)]!)]
    const schema = segmentSchema(SNAPSHOT, VIEW)
    const bytes = encodeSegmentColumns(schema, { keys, stamps, features })
    const place = { viewId: VIEW.id, bucket: bitsText(0, 1), name: `load-${segment}` }
    const record = segmentRecord(place, bytes.length, statisticsOf(stamps))
    files.set(record.path, bytes)
    return { ...record, commit: 1, commitMin: 1 }
  })
  return { files, segments }
}

const LOG = writeLog()

/** Joins a label of each user, with what is held looked at whenever two segments more are opened. */
async function join(bytesMax: number) {
  const keys = USERS.map((user) => encodeKey(['string'], [user]))
  const times = Float64Array.from(keys, () => 61 * MINUTE)
  const slots = arrangeLabels(keys, times)
  const pins = { asOf: undefined, commit: 1, isKnowledgeCutoff: false }
  const labels = { ...pins, slots, times, features: [0, 1], pool: new Map() }
  const before = heldBytes()
  const seen = { heldBytesMax: 0, openCount: 0 }
  const platform = {
    offline: {
      list: async (name: string) => (name === VIEW.name ? LOG.segments : []),
      openSegment({ path }: { readonly path: string }) {
        if (++seen.openCount % 2 === 0) seen.heldBytesMax = Math.max(seen.heldBytesMax, heldBytes() - before)
        const bytes = LOG.files.get(path)!
        return {
          byteLength: bytes.length,
          slice: (start: number, end = bytes.length) =>
            new Uint8Array(bytes.slice(start < 0 ? bytes.length + start : start, end)).buffer,
        }
      },
    },
    writers: { readWaiting: async () => '' },
  }
  const answers = await joinWindows(
    platform,
    { snapshot: SNAPSHOT, view: VIEW, windows: VIEW.windows! },
    labels,
    { bytesMax },
  )
  return { ...seen, answers }
}

/** Of an event in the arrays: two numbers of 4 bytes, four of 8, and two values of 8 with a byte that says which are null. */
const EVENT_BYTES = 2 * 4 + 4 * 8 + 2 * (8 + 1)
/** With its item. */
const TEXT_EVENT_BYTES = EVENT_BYTES + 24 + 2 * itemOf(0, 10_000).length
/** What a row group is read to, the room that its events were given, and answers. */
const BESIDE_BYTES = ROWS * (9 * 8 + EVENT_BYTES) + 300_000

test('a pass over events holds their bytes and no more, and comes to what all at once come to', async () => {
  const bytesMax = 4_000_000
  const bytes = SEGMENTS * ROWS * TEXT_EVENT_BYTES
  const whole = await join(bytes * 2)
  const bounded = await join(bytesMax)
  expect(whole.openCount).toBe(SEGMENTS)
  expect(bounded.openCount).toBeGreaterThanOrEqual(SEGMENTS * Math.ceil(bytes / bytesMax))
  expect(bounded.heldBytesMax).toBeLessThan(bytesMax + BESIDE_BYTES)
  expect(whole.heldBytesMax).toBeGreaterThan(bytesMax + BESIDE_BYTES)
  expect(bounded.answers).toEqual(whole.answers)
  for (const { statuses } of bounded.answers)
    expect(statuses.every((status) => status === STATUS_CODES.present)).toBe(true)
})
