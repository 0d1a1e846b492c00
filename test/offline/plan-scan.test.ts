import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bitsText, encodeKey, hashKey, KEY_TYPES, topBits } from '../../src/core/entity-key.ts'
import { statusAt, valueAt } from '../../src/core/feature-column.ts'
import { mergeSegments } from '../../src/core/merge-segments.ts'
import { createParquetWriter, openParquet } from '../../src/core/parquet.ts'
import type { Stamp } from '../../src/core/row.ts'
import { encodeSegment } from '../../src/core/segment.ts'
import type { Value } from '../../src/core/value.ts'
import { compileDefinitions } from '../../src/definitions/compile.ts'
import { DefinitionSet } from '../../src/definitions/definition-set.ts'
import { segmentRecord } from '../../src/definitions/segment-record.ts'
import { segmentSchema } from '../../src/definitions/snapshot.ts'
import { joinPartition } from '../../src/offline/join-partition.ts'
import { planRowGroups, planScan } from '../../src/offline/plan-scan.ts'
import { mayHoldKeys, seekKeys } from '../../src/offline/seek-keys.ts'
import { memoryBuffer } from '../platform/memory-buffer.ts'

const MINUTE = 60_000_000
const SNAPSHOT = compileDefinitions(
  DefinitionSet.parse({
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 2 }],
    sources: [
      {
        name: 'orders',
        event_time: 'at',
        schema: [
          { name: 'at', type: 'timestamp' },
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
      },
    ],
    feature_services: [{ name: 'model', features: [{ view: 'last_order' }] }],
  }),
  { generation: 1, versions: { last_order: 1 }, blockBits: {} },
)
const RESOLVED = { snapshot: SNAPSHOT, service: SNAPSHOT.services.model! }
const KEYS = SNAPSHOT.entities.user!.joinKeys
const TIMES = { labelTimeMin: 5 * MINUTE, labelTimeMax: 20 * MINUTE, asOf: undefined }
const FOR_EVER = { retentionUs: null }

const encodeUser = (user: string) => encodeKey(['string'], [user])
const bucketOf = (user: string) => bitsText(topBits(hashKey(encodeUser(user)).high, 1), 1)
const seekUsers = (...users: string[]) => seekKeys(KEYS, users.map(encodeUser))

/** 150,000 rows of 15,000 users, in the order of both; the last row group is of another day. */
function largeSegment(): Uint8Array {
  const rows = Array.from({ length: 150_000 }, (_, row) => row)
  const stamps = rows.map((row): Stamp => {
    const time = (row % 10) * MINUTE
    return {
      eventTime: time + (row >= 131_072 ? 1_000 * MINUTE : 0),
      createdTime: time,
      ingestTime: 500 * MINUTE,
      sequenceTime: 500 * MINUTE,
      sequenceOrigin: 'load',
      sequenceIndex: row,
    }
  })
  const users = rows.map((row): Value => `u${String(Math.floor(row / 10)).padStart(6, '0')}`)
  const schema = segmentSchema(SNAPSHOT, SNAPSHOT.views['last_order@1']!)
  return encodeSegment(schema, { keys: [users], stamps, features: [rows.map(BigInt)] })
}

const SEGMENT = largeSegment()
const COMPACTED = await mergeSegments([
  { file: await openParquet(memoryBuffer(SEGMENT), 'segment'), commit: 1 },
]).then(({ bytes }) => bytes)

test('planRowGroups() leaves out row groups whose times or keys cannot matter (S2, S3, S5)', async () => {
  const { rowGroups } = await openParquet(memoryBuffer(SEGMENT), 'segment')
  expect(rowGroups.map(({ rowStart, rowEnd }) => rowEnd - rowStart)).toEqual([65_536, 65_536, 18_928])
  const plan = (bounds: object, users?: string[], span = FOR_EVER as { retentionUs: number | null }) =>
    planRowGroups(span, rowGroups, { ...TIMES, sought: users && seekUsers(...users), ...bounds }).map(
      ({ group }) => group,
    )
  // The third row group is all later than the labels.
  expect(plan({})).toEqual([0, 1])
  expect(plan({ labelTimeMax: 1_000 * MINUTE })).toEqual([0, 1, 2])
  // Before the rows were ingested none is left, nor where they are older than the source keeps them.
  expect(plan({ asOf: 499 * MINUTE })).toEqual([])
  expect(plan({ labelTimeMin: 15 * MINUTE }, undefined, { retentionUs: MINUTE })).toEqual([])
  // User 6,553 ends the first row group and begins the second.
  expect(plan({}, ['u000001'])).toEqual([0])
  expect(plan({}, ['u006553'])).toEqual([0, 1])
  expect(plan({}, ['u014000'])).toEqual([])
  expect(plan({}, ['u000001', 'u014000'])).toEqual([0])
  expect(plan({}, ['x'])).toEqual([])
  // Who looks for very many keys looks in all.
  const many = Array.from({ length: 1_001 }, (_, at) => `x${at}`)
  expect(plan({}, many.slice(1))).toEqual([])
  expect(plan({}, many)).toEqual([0, 1])
})

test('planScan() leaves out segments of other buckets, times, ingest times and commits (S2, S5)', () => {
  const record = segmentRecord({ viewId: 'last_order@1', bucket: '0', name: 'a' }, 1, {
    rowCount: 1,
    eventTimeMin: 10,
    eventTimeMax: 20,
    ingestTimeMin: 30,
    ingestTimeMax: 40,
  })
  const manifest = [{ ...record, commit: 7, commitMin: 5 }]
  const wanted = { buckets: new Set(['0']), labelTimeMin: 15, labelTimeMax: 15, asOf: 30, commit: 5 }
  const count = (bounds: object, span = FOR_EVER as { retentionUs: number | null }) =>
    planScan(span, manifest, { ...wanted, ...bounds }).length
  expect(count({})).toBe(1)
  expect(count({ buckets: new Set(['1']) })).toBe(0)
  expect(count({ labelTimeMax: 9 })).toBe(0)
  expect(count({ asOf: 29 })).toBe(0)
  expect(count({ commit: 4 })).toBe(0)
  expect([
    count({ labelTimeMin: 25 }, { retentionUs: 5 }),
    count({ labelTimeMin: 26 }, { retentionUs: 5 }),
  ]).toEqual([1, 0])
})

/** Joins one label and counts what is read of a segment. */
async function readsOf(bytes: Uint8Array, user: string) {
  const statistics = {
    rowCount: 150_000,
    eventTimeMin: 0,
    eventTimeMax: 1_009 * MINUTE,
    ingestTimeMin: 0,
    ingestTimeMax: 0,
  }
  const place = { viewId: 'last_order@1', bucket: bucketOf('u000001'), name: 'large' }
  const record = { ...segmentRecord(place, bytes.length, statistics), commit: 1, commitMin: 1 }
  const reads: number[] = []
  const buffer = memoryBuffer(bytes)
  const platform = {
    offline: {
      list: async (view: string) => (view === 'last_order' ? [record] : []),
      openSegment: () => ({
        byteLength: bytes.length,
        slice(start: number, end?: number) {
          const read = buffer.slice(start, end) as ArrayBuffer
          reads.push(read.byteLength)
          return read
        },
      }),
    },
    writers: { readWaiting: async () => '' },
  }
  const pins = { asOf: undefined, commit: 1, isKnowledgeCutoff: false }
  const [column] = await joinPartition(platform, RESOLVED, { times: [20 * MINUTE], inputs: [[user]] }, pins)
  return { value: valueAt(column!, 0), status: statusAt(column!, 0), reads }
}

test('a join reads only buckets, row groups and columns that can matter', async () => {
  const { rowGroups } = await openParquet(memoryBuffer(SEGMENT), 'segment')
  const names = [
    'user',
    'event_time',
    'created_time',
    'sequence_time',
    'sequence_origin',
    'sequence_index',
    'price',
  ]
  const found = await readsOf(SEGMENT, 'u000001')
  expect(found).toMatchObject({ value: 19n, status: 'present' })
  // The footer, then of one row group: the keys, five columns of stamps, one feature.
  expect(found.reads.slice(1)).toEqual(names.map((name) => rowGroups[0]!.sizes(name).column))
  const strangers = Array.from({ length: 99 }, (_, at) => `u000001${at}`)
  const near = strangers.find((user) => bucketOf(user) === bucketOf('u000001'))!
  const far = strangers.find((user) => bucketOf(user) !== bucketOf('u000001'))!
  // A key that no row has, between those of the first row group: the keys are read. Of another bucket: nothing at all.
  const missing = await readsOf(SEGMENT, near)
  expect(missing).toMatchObject({ value: null, status: 'missing' })
  expect(missing.reads.slice(1)).toEqual([rowGroups[0]!.sizes('user').column])
  expect(await readsOf(SEGMENT, far)).toEqual({ value: null, status: 'missing', reads: [] })
})

test('a join asks the bloom filter of a compacted row group instead of reading its keys', async () => {
  const { rowGroups } = await openParquet(memoryBuffer(COMPACTED), 'segment')
  const { column, bloomFilter } = rowGroups[0]!.sizes('user')
  expect(bloomFilter).toBeLessThan(column / 2)
  const found = await readsOf(COMPACTED, 'u000001')
  expect(found).toMatchObject({ value: 19n, status: 'present' })
  expect(found.reads.slice(1, 3)).toEqual([bloomFilter, column])
  // A filter errs for one key in a hundred.
  const strangers = Array.from({ length: 40 }, (_, at) => `u000001${at}`)
  const near = strangers.filter((user) => bucketOf(user) === bucketOf('u000001'))
  const answers = await Promise.all(near.map((user) => readsOf(COMPACTED, user)))
  for (const { status } of answers) expect(status).toBe('missing')
  const asked = answers.filter(({ reads }) => reads.length === 2)
  expect(asked.length).toBeGreaterThanOrEqual(near.length - 2)
  for (const { reads } of asked) expect(reads[1]).toBe(bloomFilter)
})

const arbitraryValue = {
  bool: fc.boolean(),
  int64: fc.oneof(fc.bigInt({ min: -3n, max: 12n }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  string: fc.oneof(fc.constantFrom('', 'a', 'b', '\u{1f600}', '\uffff', 'é'), fc.string({ maxLength: 3 })),
  timestamp: fc.integer({ min: -5, max: 5 }),
  bytes: fc.uint8Array({ maxLength: 2 }),
} as const

test('no row group that holds a sought key is left out, whatever the types of its columns (S13)', async () => {
  const arbitraryTypes = fc.array(fc.constantFrom(...KEY_TYPES), { minLength: 1, maxLength: 2 })
  const arbitraryCase = arbitraryTypes.chain((types) => {
    const key = fc.tuple(...types.map((type): fc.Arbitrary<Value> => arbitraryValue[type]))
    return fc.record({
      types: fc.constant(types),
      groups: fc.array(fc.array(key, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 }),
      strangers: fc.array(key, { maxLength: 3 }),
    })
  })
  let leftOut = 0
  await fc.assert(
    fc.asyncProperty(arbitraryCase, async ({ types, groups, strangers }) => {
      const columns = types.map((type, at) => ({ name: `k${at}`, type }))
      const writer = createParquetWriter(
        columns.map((column) => ({ ...column, required: true, hasBloomFilter: true })),
      )
      for (const keys of groups) writer.write(columns.map((_, at) => keys.map((key) => key[at]!)))
      const file = await openParquet(memoryBuffer(writer.finish()), 'keys')
      for (const key of [...groups.flat(), ...strangers]) {
        const text = encodeKey(types, key)
        const sought = seekKeys(columns, [text])
        // Without times in the file every row group is in time.
        const planned = planRowGroups(FOR_EVER, file.rowGroups, { ...TIMES, sought })
        const asked = await Promise.all(
          planned.map((one) => mayHoldKeys(file, { ...one, bloomFilters: columns.map(({ name }) => name) })),
        )
        const kept = planned.filter((_, at) => asked[at]).map(({ group }) => group)
        for (const [group, keys] of groups.entries())
          if (keys.some((one) => encodeKey(types, one) === text)) expect(kept).toContain(group)
        leftOut += groups.length - kept.length
      }
    }),
    { numRuns: 100 },
  )
  expect(leftOut).toBeGreaterThan(500)
})
