import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bitsText, encodeKey, hashKey, topBits } from '../../src/core/entity-key.ts'
import { statusAt, valueAt } from '../../src/core/feature-column.ts'
import { arrangeLabels } from '../../src/core/join.ts'
import { encodeRow, type Stamp, tombstoneId, type ViewRow } from '../../src/core/row.ts'
import { encodeSegmentColumns, rowsToSegment, statisticsOf } from '../../src/core/segment.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { encodeValue } from '../../src/core/value.ts'
import { compileDefinitions } from '../../src/definitions/compile.ts'
import { DefinitionSet } from '../../src/definitions/definition-set.ts'
import {
  type RegisteredSegment,
  segmentRecord,
  TOMBSTONE_COLUMN,
} from '../../src/definitions/segment-record.ts'
import { segmentSchema } from '../../src/definitions/snapshot.ts'
import { joinPartition } from '../../src/offline/join-partition.ts'
import { joinWindows } from '../../src/offline/join-windows.ts'
import { duckdbJoin, openDuckdbForJoins } from '../oracles/duckdb-join.ts'
import { oracleValue } from '../oracles/latest-row.ts'
import { oracleWindow } from '../oracles/windows.ts'

const MINUTE = 60_000_000
const USERS = ['ann', 'b"ob', 'none']
const SNAPSHOT = compileDefinitions(
  DefinitionSet.parse({
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 2 }],
    sources: [
      {
        name: 'orders',
        event_time: 'at',
        created_time: 'made',
        event_id: 'id',
        schema: [
          { name: 'at', type: 'timestamp' },
          { name: 'made', type: 'timestamp' },
          { name: 'id', type: 'string' },
          { name: 'user', type: 'string' },
          { name: 'price', type: 'int64' },
        ],
      },
    ],
    feature_views: [
      {
        name: 'last_order',
        entity: 'user',
        source: 'orders',
        features: [{ name: 'price', type: 'int64', sql: 'price' }],
        ttl: '20m',
      },
      {
        name: 'spending',
        entity: 'user',
        source: 'orders',
        aggregations: [
          { name: 'total', function: 'sum', sql: 'price', windows: ['10m', '1h'] },
          { name: 'last', function: 'last', sql: 'price', windows: ['1h'] },
        ],
      },
    ],
    feature_services: [
      {
        name: 'model',
        features: [
          { view: 'last_order' },
          { view: 'spending' },
          { view: 'last_order', join_keys: { user: 'friend' }, prefix: 'friend_' },
        ],
      },
    ],
  }),
  { generation: 1, versions: { last_order: 1, spending: 1 }, blockBits: {} },
)
const RESOLVED = { snapshot: SNAPSHOT, service: SNAPSHOT.services.model! }
const WINDOWS = [
  { function: 'sum', windowUs: 10 * MINUTE },
  { function: 'sum', windowUs: 60 * MINUTE },
  { function: 'last', windowUs: 60 * MINUTE },
]

/** One order as it was logged, or the deletion of a user; in the segments named, or waiting in the writer (-1). */
interface Logged extends Stamp {
  readonly user: string
  /** Null: its sequence tells it apart. */
  readonly id: string | null
  readonly value: bigint | null
  /** `order`, or which views a tombstone deletes from. */
  readonly kind: 'order' | 'all' | 'last_order' | 'spending'
  readonly segments: readonly number[]
  /** Event and created time as they were written. */
  readonly eventText: string
  readonly createdText: string
}

/** Offsets from UTC in minutes; null for a text without one, which is UTC (S1). */
const arbitraryOffset = fc.constantFrom(null, 0, 330, -660, 845)

function writeTime(time: number, offset: number | null): string {
  const local = formatInstant(time + (offset ?? 0) * MINUTE).replace('Z', '')
  if (offset === null) return local
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60]
  const digits = (number: number) => String(number).padStart(2, '0')
  return `${local}${offset < 0 ? '-' : '+'}${digits(hours)}:${digits(minutes)}`
}

/** Few users and times, so that ties of every depth are common; some rows are logged in two segments. */
const arbitraryLog: fc.Arbitrary<Logged[]> = fc
  .array(
    fc.record({
      user: fc.constantFrom('ann', 'b"ob'),
      minute: fc.oneof(fc.constantFrom(20, 25, 60), fc.integer({ min: 0, max: 100 })),
      late: fc.integer({ min: 0, max: 2 }),
      ingest: fc.integer({ min: 0, max: 3 }),
      origin: fc.constantFrom('p', 'q'),
      id: fc.constantFrom('a', 'b', null),
      value: fc.option(fc.bigInt({ min: 1n, max: 3n })),
      kind: fc.constantFrom('order', 'order', 'order', 'order', 'all', 'last_order', 'spending'),
      segments: fc.uniqueArray(fc.integer({ min: -1, max: 2 }), { minLength: 1, maxLength: 2 }),
      offset: arbitraryOffset,
    }),
    // Without a size, hardly any would be of more than ten.
    { maxLength: 40, size: 'max' },
  )
  .map((rows) =>
    rows.map(({ user, minute, late, ingest, origin, id, value, kind, segments, offset }, index) => {
      const eventText = writeTime(minute * MINUTE, offset)
      const createdText = writeTime((minute + late) * MINUTE, offset)
      return {
        user,
        // What comes again under one id is the same in all but its sequence.
        id: id === null ? null : `${id}${late}${value}`,
        value,
        kind: kind as Logged['kind'],
        segments,
        eventText,
        createdText,
        eventTime: parseInstant(eventText),
        createdTime: parseInstant(createdText),
        ingestTime: (100 + ingest) * MINUTE,
        sequenceTime: (100 + ingest) * MINUTE,
        sequenceOrigin: origin,
        sequenceIndex: index,
      }
    }),
  )

const arbitraryQuestion = fc.record({
  labels: fc.array(
    fc.record({
      user: fc.constantFrom(...USERS),
      friend: fc.constantFrom(...USERS),
      minute: fc.integer({ min: 0, max: 130 }),
      offset: arbitraryOffset,
    }),
    { minLength: 1, maxLength: 12 },
  ),
  asOf: fc.option(fc.integer({ min: 100, max: 103 }), { nil: undefined }),
  commit: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
  isKnowledgeCutoff: fc.boolean(),
  bytesMax: fc.constantFrom(1, 400, 100_000),
})

test('the join gives each label what the plain oracles and DuckDB give, within its pins (S1-S6, S9, S10, S17-S21, S23)', async () => {
  const duckdb = await openDuckdbForJoins()
  await fc.assert(
    fc.asyncProperty(arbitraryLog, arbitraryQuestion, async (log, question) => {
      const { labels, commit, isKnowledgeCutoff, bytesMax } = question
      const asOf = question.asOf === undefined ? undefined : question.asOf * MINUTE
      const platform = platformOf(log)
      const timeTexts = labels.map(({ minute, offset }) => writeTime(minute * MINUTE, offset))
      const times = timeTexts.map(parseInstant)
      const users = labels.map(({ user }) => user)
      const friends = labels.map(({ friend }) => friend)
      const pins = { asOf, commit, isKnowledgeCutoff }
      const columns = await joinPartition(platform, RESOLVED, { times, inputs: [users, friends] }, pins)
      const view = SNAPSHOT.views['spending@1']!
      const inPasses = await joinWindows(
        platform,
        { snapshot: SNAPSHOT, view, windows: view.windows! },
        {
          ...pins,
          slots: arrangeLabels(
            users.map((user) => encodeKey(['string'], [user])),
            times,
          ),
          times,
          features: [0, 1, 2],
          pool: new Map(),
        },
        { bytesMax },
      )
      const known = log.filter(
        ({ ingestTime, segments }) =>
          (asOf === undefined || ingestTime <= asOf) &&
          (commit === undefined || segments.some((segment) => segment >= 0 && segment < commit)),
      )
      const inSql = await duckdbJoin(duckdb, {
        log: log.map((row) => ({ ...row, commit: firstCommit(row) })),
        labels: labels.map((label, at) => ({ ...label, timeText: timeTexts[at]! })),
        pins,
      })
      for (const [label, { user, friend, minute }] of labels.entries()) {
        const at = minute * MINUTE
        const seen = known.filter(
          (row) => row.eventTime <= at && (!isKnowledgeCutoff || row.createdTime <= at),
        )
        const own = seen.filter((row) => row.user === user)
        const ofFriend = seen.filter((row) => row.user === friend)
        const expected = [
          oracleLatest(own, user, at),
          ...oracleWindows(own, at),
          oracleLatest(ofFriend, friend, at),
        ]
        const found = columns.map((column) => ({
          value: valueAt(column, label),
          status: statusAt(column, label),
        }))
        expect(found, `label ${label}`).toEqual(expected)
        expect(found, `label ${label} in DuckDB`).toEqual(inSql[label])
        for (const [feature, column] of inPasses.entries()) {
          const found = { value: valueAt(column, label), status: statusAt(column, label) }
          expect(found, `window ${feature} of label ${label}`).toEqual(expected[feature + 1])
        }
      }
    }),
    { numRuns: 150 },
  )
  duckdb.closeSync()
})

/** Segment i is registered under commit i + 1. */
function firstCommit({ segments }: Logged): number | null {
  const registered = segments.filter((segment) => segment >= 0)
  return registered.length === 0 ? null : Math.min(...registered) + 1
}

/** A tombstone is a row, too: where it is the best of all, nothing is there. */
function oracleLatest(own: readonly Logged[], user: string, at: number) {
  const rows = own
    .filter(({ kind }) => kind !== 'spending')
    .map((row) => ({ ...row, key: user, value: row.kind === 'order' ? row.value : 1_000n }))
  const { value, status } = oracleValue(rows, user, at, { ttlUs: null })
  if (value === 1_000n) return { value: null, status: 'missing' }
  return status === 'missing' ? { value, status } : oracleValue(rows, user, at, { ttlUs: 20 * MINUTE })
}

function oracleWindows(own: readonly Logged[], at: number) {
  const deleted = own.filter(({ kind }) => kind === 'all' || kind === 'spending')
  const through = Math.max(Number.NEGATIVE_INFINITY, ...deleted.map(({ eventTime }) => eventTime))
  const seen = new Set<string>()
  const events = own
    .filter(({ kind, eventTime }) => kind === 'order' && eventTime > through)
    .toSorted(
      (a, b) =>
        a.sequenceTime - b.sequenceTime ||
        (a.sequenceOrigin < b.sequenceOrigin ? -1 : a.sequenceOrigin > b.sequenceOrigin ? 1 : 0) ||
        a.sequenceIndex - b.sequenceIndex,
    )
    .filter(({ eventTime, id, sequenceIndex }) => {
      const identity = id === null ? `sequence ${sequenceIndex}` : `${eventTime} ${id}`
      return !seen.has(identity) && seen.add(identity)
    })
    .map((row, sequence) => ({ ...row, sequence }))
  return WINDOWS.map((window) => {
    const rules = { inputType: 'int64', hopUs: null, n: 1, quantile: 0.5, maxDistinct: 1 } as const
    const { value, status } = oracleWindow(events, { ...rules, ...window }, at)
    return { value, status }
  })
}

/** Segment i is registered under commit i + 1; orders that wait are in the writer. */
function platformOf(log: readonly Logged[]) {
  const objects = new Map<string, Uint8Array>()
  const manifest: RegisteredSegment[] = []
  const rowsOf = (viewId: string, segment: number): ViewRow[] =>
    log
      .filter(({ kind, segments }) => isIn(viewId, kind) && segments.includes(segment))
      .map((row) => ({
        ...row,
        view: viewId,
        key: encodeKey(['string'], [row.user]),
        cells: cellsOf(viewId, row),
      }))
  for (const segment of [0, 1, 2]) {
    for (const viewId of ['last_order@1', 'spending@1', '~user@0']) {
      for (const [bucket, rows] of Map.groupBy(rowsOf(viewId, segment), ({ key }) =>
        bitsText(topBits(hashKey(key).high, 1), 1),
      )) {
        const columns = rowsToSegment(schemaOf(viewId), rows)
        const bytes = encodeSegmentColumns(schemaOf(viewId), columns)
        const record = segmentRecord(
          { viewId, bucket, name: `s${segment}` },
          bytes.length,
          statisticsOf(columns.stamps),
        )
        objects.set(record.path, bytes)
        manifest.push({ ...record, commit: segment + 1, commitMin: segment + 1 })
      }
    }
  }
  return {
    offline: {
      list: async (view: string) => manifest.filter((segment) => segment.view === view),
      openSegment: ({ path }: { readonly path: string }) => bufferOf(objects.get(path)!),
    },
    writers: {
      async readWaiting({ shard }: { readonly shard: number }, ids: readonly string[]) {
        const rows = ids.flatMap((id) =>
          rowsOf(id === '~' || id.startsWith('~') ? '~user@0' : id, -1)
            .filter(({ cells }) => !id.startsWith('~') || cells === cellsOfId(id))
            .map((row) => ({ ...row, view: id })),
        )
        return rows
          .filter(({ key }) => topBits(hashKey(key).high, 1) === shard)
          .map(encodeRow)
          .join('\n')
      },
    },
  } as unknown as Parameters<typeof joinPartition>[0]
}

function isIn(viewId: string, kind: Logged['kind']): boolean {
  return viewId === '~user@0' ? kind !== 'order' : kind === 'order'
}

function cellsOf(viewId: string, { kind, id, value }: Logged): string {
  if (viewId === '~user@0') return kind === 'all' ? 'null' : encodeValue('string', kind)
  const price = encodeValue('int64', value)
  return viewId === 'spending@1' ? `${price},${encodeValue('string', id)}` : price
}

/** What a tombstone of this id has in its log's one column. */
function cellsOfId(id: string): string {
  return id === tombstoneId(null) ? 'null' : encodeValue('string', id.slice(1))
}

function schemaOf(viewId: string) {
  const { joinKeys } = SNAPSHOT.entities.user!
  return viewId === '~user@0'
    ? { keys: joinKeys, features: [TOMBSTONE_COLUMN] }
    : segmentSchema(SNAPSHOT, SNAPSHOT.views[viewId]!)
}

function bufferOf(bytes: Uint8Array) {
  return {
    byteLength: bytes.length,
    slice(start: number, end = bytes.length) {
      return bytes.slice(start < 0 ? bytes.length + start : start, end).buffer
    },
  }
}
