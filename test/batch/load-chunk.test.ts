import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { loadChunk } from '../../src/batch/load-chunk.ts'
import type { ChunkRows } from '../../src/batch/read-rows.ts'
import { bitsText, hashKey, topBits } from '../../src/core/entity-key.ts'
import { invalid } from '../../src/core/error.ts'
import { openRawSegment, readRawRows } from '../../src/core/raw-segment.ts'
import { compareStamps, compareText, encodeRow, type Stamp } from '../../src/core/row.ts'
import { openSegment, scanSegment } from '../../src/core/segment.ts'
import { parseInstant } from '../../src/core/time.ts'
import { encodeCells, type Value } from '../../src/core/value.ts'
import { vectorOfValues } from '../../src/core/vector.ts'
import { isRawLog } from '../../src/definitions/raw-log.ts'
import type { SegmentRecord } from '../../src/definitions/segment-record.ts'
import { type Snapshot, segmentSchema } from '../../src/definitions/snapshot.ts'
import { viewTransform } from '../../src/definitions/view-transform.ts'
import type { LoadRecord } from '../../src/platform.ts'
import { readWritingSnapshot } from '../../src/registry/current-snapshot.ts'
import { loadRowByRow } from '../oracles/load-rows.ts'
import { applyClicks } from '../platform/clicks.ts'
import { memoryBuffer } from '../platform/memory-buffer.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const NOW = parseInstant('2026-03-01T00:00:00Z')
const MINUTE = 60_000_000
const ROW_START = 100
/** Fails where the price is above 7. */
const OVERFLOW = 'price + 9223372036854775800'

const LOAD: LoadRecord = {
  id: 'load-1',
  source: 'orders',
  file: 'a.parquet',
  etag: 'e',
  bytes: 1,
  ingestTime: NOW,
  badRowsMax: 0,
  attempt: 0,
  status: 'running',
  generation: 1,
  chunkCount: 1,
  isRegistered: false,
  error: null,
  ignored: [],
  startedTime: NOW,
  endedTime: null,
  heartbeatTime: NOW,
}

let platform: MemoryPlatform
let snapshot: Snapshot
beforeAll(async () => {
  platform = memoryPlatform(NOW)
  platform.workers.set('PRICES', {
    double: (rows) =>
      rows.map(({ price }) => {
        const returned = double(price as bigint)
        return returned instanceof Error ? returned : returned && { doubled: returned[0] }
      }),
  })
  const view = { entity: 'user', source: 'orders' }
  await applyClicks(platform, {
    entities: [
      { name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 4 },
      { name: 'item', join_keys: [{ name: 'item', type: 'int64' }] },
      {
        name: 'pair',
        join_keys: [
          { name: 'user', type: 'string' },
          { name: 'item', type: 'int64' },
        ],
      },
    ],
    sources: [
      {
        name: 'orders',
        event_time: 'at',
        created_time: 'made',
        schema: [
          { name: 'at', type: 'timestamp' },
          { name: 'made', type: 'timestamp' },
          { name: 'user', type: 'string' },
          { name: 'item', type: 'int64' },
          { name: 'price', type: 'int64' },
          { name: 'tags', type: 'list<string>' },
          { name: 'shop', type: 'string', required: true },
        ],
        expectations: [
          { name: 'no_one', sql: 'price <> 1', on_failure: 'reject' },
          { name: 'no_two', sql: 'price <> 2', on_failure: 'quarantine' },
          { name: 'not_high', sql: `${OVERFLOW} > 0 or price = 9`, on_failure: 'warn' },
        ],
        landing: { format: 'parquet' },
      },
    ],
    feature_views: [
      {
        ...view,
        name: 'plain',
        where: 'price is not null',
        features: [
          { name: 'price', type: 'int64', sql: 'price' },
          { name: 'tags', type: 'list<string>', sql: 'tags' },
          { name: 'half', type: 'float64', sql: 'price / 2' },
        ],
      },
      { ...view, name: 'failing', entity: 'pair', features: [{ name: 'f', type: 'int64', sql: OVERFLOW }] },
      {
        ...view,
        name: 'guarded',
        where: `${OVERFLOW} > 0`,
        features: [{ name: 'p', type: 'int64', sql: 'price' }],
      },
      {
        ...view,
        name: 'counted',
        entity: 'item',
        aggregations: [{ name: 'orders', function: 'sum', sql: 'price', windows: ['1h'] }],
      },
      {
        ...view,
        name: 'doubled',
        where: 'price >= 0',
        transform: { service: 'PRICES', method: 'double' },
        features: [
          { name: 'doubled', type: 'int64' },
          { name: 'more', type: 'int64', sql: '"doubled" + price' },
        ],
      },
    ],
    feature_services: [],
  })
  snapshot = await readWritingSnapshot(platform, { sources: ['orders'] })
})

/** What the Worker makes of a price. */
function double(price: bigint): [bigint] | null | ReturnType<typeof invalid> {
  if (price === 3n) return null
  return price === 4n ? invalid('four is refused') : [price * 2n]
}

const nullable = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null, freq: 6 })
const arbitraryRow: fc.Arbitrary<readonly Value[]> = fc
  .record({
    at: nullable(
      fc.constantFrom(NOW - 90 * MINUTE, NOW - MINUTE, NOW - 1, NOW, NOW + MINUTE, NOW + 6 * MINUTE),
    ),
    made: fc.option(fc.constantFrom(NOW - 2, NOW - 1), { nil: null, freq: 20 }),
    user: nullable(fc.constantFrom('', 'ann', 'bob', 'ü', 'x'.repeat(4_095))),
    item: nullable(fc.constantFrom(0n, -1n, 2n ** 63n - 1n)),
    price: nullable(fc.bigInt({ min: 0n, max: 9n })),
    tags: nullable(fc.array(fc.constantFrom('p', null), { maxLength: 2 })),
    shop: fc.option(fc.constant('s'), { nil: null, freq: 20 }),
  })
  .map((row) => Object.values(row))

test('loadChunk() over columns makes of any rows what the checks and views make of them one by one (S25, S26)', async () => {
  const source = snapshot.sources.orders!
  await fc.assert(
    fc.asyncProperty(
      fc.array(arbitraryRow, { maxLength: 24 }),
      fc.uniqueArray(fc.nat(23), { maxLength: 2 }),
      async (values, faulty) => {
        const rows: ChunkRows = {
          rowStart: ROW_START,
          rowCount: values.length,
          columns: source.columns.map(({ type }, at) =>
            vectorOfValues(
              type,
              values.map((row) => row[at]!),
            ),
          ),
          faults: new Map(
            faulty.filter((row) => row < values.length).map((row) => [row, `row ${row} is torn`]),
          ),
        }
        const wanted = loadRowByRow({ snapshot, source, load: LOAD }, rows, (row) => double(row[4] as bigint))
        platform.objects.clear()
        await platform.quarantine.delete('orders', 'load-1.0')
        const done = await loadChunk(platform, { snapshot, source, rows }, { load: LOAD, chunk: 0 })
        expect(done).toMatchObject({
          read: values.length,
          written: wanted.written,
          rejected: wanted.rejected.length,
          rejections: wanted.rejected.slice(0, 10),
          quarantined: new Set(wanted.quarantined.map(({ index }) => index)).size,
        })
        const batch = await platform.quarantine.read('orders', 'load-1.0')
        expect(batch?.rows ?? []).toEqual(wanted.quarantined)
        expect(
          (await platform.loads.readNewest('load-1', { generation: LOAD.generation, chunk: 0 }))!
            .split('\n')
            .sort(),
        ).toEqual(wanted.newest.length === 0 ? [''] : wanted.newest.toSorted())
        if (Object.keys(wanted.unmet).length > 0) {
          const sums = Object.entries(await platform.expectationTallies.read('orders', 0))
          expect(Object.fromEntries(sums.map(([name, { unmet }]) => [name, unmet]))).toEqual(wanted.unmet)
        }
        const { raw, logged } = await readSegments(done.segments)
        expect(raw).toEqual(wanted.raw)
        for (const [view, lines] of Object.entries(wanted.logged))
          expect(logged[view] ?? [], view).toEqual(lines.toSorted())
      },
    ),
    { numRuns: 100 },
  )
})

/** What the segments hold, each of them checked to be sorted and of its bucket; lines of a view are in order of text. */
async function readSegments(segments: readonly SegmentRecord[]) {
  const source = snapshot.sources.orders!
  const logged: Record<string, string[]> = {}
  const raw: string[] = []
  for (const segment of segments) {
    const buffer = memoryBuffer(platform.objects.get(segment.path)!)
    if (isRawLog(segment.view)) {
      const file = await openRawSegment(buffer, segment.path)
      const rows = await readRawRows(file, source.columns, { rowStart: 0, rowEnd: file.rowCount })
      raw.push(...rows.map(({ values }) => encodeCells(source.columns, values)))
      expect(rows.every(({ message, generation }) => message === 'load-1.0' && generation === 1)).toBe(true)
      continue
    }
    const view = snapshot.views[`${segment.view}@${segment.version}`]!
    const { bucketBits } = snapshot.entities[view.entity]!
    const schema = segmentSchema(snapshot, view)
    let last: { readonly key: string; readonly stamp: Stamp } | undefined
    await scanSegment(await openSegment(buffer, schema, segment.path), schema, (key, stamp, features) => {
      expect(bitsText(topBits(hashKey(key).high, bucketBits), bucketBits)).toBe(segment.bucket)
      if (last !== undefined)
        expect(compareText(last.key, key) || compareStamps(last.stamp, stamp)).toBeLessThan(0)
      last = { key, stamp }
      const cells = encodeCells(viewTransform(snapshot, view).features, features)
      logged[view.id] = [...(logged[view.id] ?? []), encodeRow({ ...stamp, view: view.id, key, cells })]
    })
  }
  for (const lines of Object.values(logged)) lines.sort()
  return { raw, logged }
}
