import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import {
  type DuckDBConnection,
  DuckDBListValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
} from '@duckdb/node-api'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AGGREGATION_FUNCTIONS } from '../../src/core/aggregate/aggregation-function.ts'
import { statusAt, valueAt } from '../../src/core/feature-column.ts'
import { writeParquet } from '../../src/core/parquet.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import type { Value } from '../../src/core/value.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { deleteKeys } from '../../src/ingest/delete-keys.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { joinPartition } from '../../src/offline/join-partition.ts'
import { readRequestSql } from '../../src/offline/read-sql-export.ts'
import type { SqlEngine } from '../../src/offline/sql-dialect.ts'
import { resolveForHistory } from '../../src/registry/resolve-name.ts'
import { openDuckdb } from '../oracles/open-duckdb.ts'
import { applyClicks } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'
import { sparkToDuckdb } from './spark-to-duckdb.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000
/** SQL_RUNS=100 tries more. */
const RUNS = Number(process.env.SQL_RUNS ?? 8)

/** Two roles of a latest-row view with a ttl, windows of every function, and what is computed of both. */
const DEFINITIONS: DefinitionSetInput = {
  entities: [
    { name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 2 },
    { name: 'item', join_keys: [{ name: 'item', type: 'int64' }], shards: 1 },
  ],
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
        { name: 'friend', type: 'string' },
        { name: 'item', type: 'int64' },
        { name: 'price', type: 'int64' },
        { name: 'tags', type: 'list<string>' },
      ],
    },
    {
      name: 'visits',
      event_time: 'at',
      retention: '120s',
      schema: [
        { name: 'at', type: 'timestamp' },
        { name: 'user', type: 'string' },
        { name: 'price', type: 'int64' },
      ],
    },
  ],
  feature_views: [
    {
      name: 'last_visit',
      entity: 'user',
      source: 'visits',
      features: [{ name: 'visit', type: 'int64', sql: 'price' }],
    },
    {
      name: 'last_order',
      entity: 'user',
      source: 'orders',
      features: [
        { name: 'price', type: 'int64', sql: 'price' },
        { name: 'tags', type: 'list<string>', sql: 'tags' },
        { name: 'at_hour', type: 'timestamp', sql: "date_trunc('hour', at)" },
      ],
      ttl: '100s',
    },
    {
      name: 'sales',
      entity: 'item',
      source: 'orders',
      aggregations: AGGREGATION_FUNCTIONS.map((name) => ({
        name,
        function: name,
        sql: 'price',
        windows: ['1m', '1h'],
        ...(name.endsWith('_n') ? { n: 3 } : {}),
        ...(name === 'count_distinct' ? { max_distinct: 3 } : {}),
        ...(name === 'approx_quantile' ? { quantile: 0.4 } : {}),
        hop: '20s',
      })),
    },
  ],
  on_demand_views: [
    {
      name: 'relative',
      inputs: [
        { name: 'user_price', type: 'int64' },
        { name: 'count_1h', type: 'int64' },
        { name: 'user_at_hour', type: 'timestamp' },
        { name: 'factor', type: 'float64', from: 'request' },
      ],
      features: [
        { name: 'ratio', type: 'float64', sql: 'user_price * factor / nullif(count_1h, 0)' },
        { name: 'band', type: 'string', sql: "case when user_price > 2 then 'high' else 'low' end" },
        { name: 'overflows', type: 'int64', sql: '9223372036854775807 - user_price + 2' },
        { name: 'later', type: 'timestamp', sql: "user_at_hour + interval '1 day'" },
      ],
    },
    {
      name: 'further',
      inputs: [
        { name: 'overflows', type: 'int64' },
        { name: 'ratio', type: 'float64' },
      ],
      features: [{ name: 'both', type: 'float64', sql: 'coalesce(ratio, 0) + overflows' }],
    },
  ],
  feature_services: [
    {
      name: 'ranker',
      features: [
        { view: 'last_order', prefix: 'user_' },
        { view: 'last_order', join_keys: { user: 'friend' }, features: ['price'], prefix: 'friend_' },
        { view: 'sales' },
        { view: 'last_visit' },
        { view: 'relative' },
        { view: 'further' },
      ],
    },
  ],
}
const USERS = ['ann', "b'ob", 'ü"']
const ITEMS = [1n, 9_007_199_254_740_993n]

const arbitraryOrder = fc.record({
  user: fc.constantFrom(...USERS),
  item: fc.constantFrom(...ITEMS),
  id: fc.constantFrom('a', 'b', 'c', null),
  /** Seconds, by the door: few, so that ties of every depth are common. */
  at: fc.oneof(fc.integer({ min: -3, max: 0 }), fc.integer({ min: -200, max: 0 })),
  made: fc.integer({ min: -3, max: 200 }),
  price: fc.option(fc.integer({ min: -3, max: 5 })),
  tags: fc.constantFrom(null, [], ['x', null]),
})
type Order = typeof arbitraryOrder extends fc.Arbitrary<infer T> ? T : never
const arbitraryTurn = fc.record({
  orders: fc.array(arbitraryOrder, { minLength: 1, maxLength: 5 }),
  deletion: fc.option(
    fc.record({
      user: fc.constantFrom(...USERS),
      item: fc.constantFrom(...ITEMS),
      ago: fc.integer({ min: 0, max: 60 }),
    }),
    { freq: 3 },
  ),
  isCut: fc.boolean(),
})
const arbitraryHistory = fc.record({
  turns: fc.array(arbitraryTurn, { minLength: 1, maxLength: 8 }),
  labels: fc.array(
    fc.record({
      user: fc.constantFrom(...USERS, 'nobody'),
      friend: fc.constantFrom(...USERS),
      item: fc.constantFrom(...ITEMS, 7n),
      factor: fc.constantFrom(0.5, -2),
      time: fc.oneof(
        fc.integer({ min: -100, max: 500 }),
        // A ttl or a retention after an event, to the microsecond.
        fc
          .tuple(fc.integer({ min: 1, max: 8 }), fc.constantFrom(0, 100, 120))
          .map(([turn, age]) => 20 * turn + age),
      ),
    }),
    { minLength: 1, maxLength: 12 },
  ),
  isKnowledgeCutoff: fc.boolean(),
  /** Turn after which nothing more is to be known, if any. */
  knownTurns: fc.option(fc.nat(6)),
})

let folder: string
let duckdb: DuckDBConnection
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'featheredge-sql-'))
  duckdb = await openDuckdb()
})
afterAll(() => rmSync(folder, { recursive: true }))

test.each<[SqlEngine, (sql: string) => string, number]>([
  ['duckdb', (sql) => sql, RUNS],
  ['spark', sparkToDuckdb, RUNS],
])(
  'SQL for %s gives the rows of our join on random histories (S2, S3, S5, S6, S9, S10, S17, S19, S21)',
  async (engine, toDuckdb, numRuns) => {
    await fc.assert(
      fc.asyncProperty(arbitraryHistory, async ({ turns, labels, isKnowledgeCutoff, knownTurns }) => {
        const platform = memoryPlatform(START)
        await applyClicks(platform, DEFINITIONS)
        let asOf = Number.MAX_SAFE_INTEGER
        for (const [turn, { orders, deletion, isCut }] of turns.entries()) {
          platform.time.now += 20 * SECOND
          await push(platform, orders)
          if (deletion !== null) await remove(platform, deletion)
          if (isCut) await platform.flush({ cut: true })
          if (turn === knownTurns) asOf = platform.time.now
        }
        platform.time.now += SECOND
        asOf = Math.min(asOf, platform.time.now)
        await platform.flush({ cut: true })
        await landLabels(platform, labels)
        writeObjects(platform)
        const sql = await readRequestSql(
          platform,
          {
            name: 'test',
            of: { kind: 'service', name: 'ranker' },
            labels: { kind: 'file', path: 'labels/some.parquet' },
            asOf,
            isKnowledgeCutoff,
            hasStatuses: true,
          },
          { engine, base: folder },
        )
        const resolved = await resolveForHistory(platform, 'ranker')
        const columns = await joinPartition(
          platform,
          resolved,
          {
            times: labels.map(({ time }) => START + time * SECOND),
            inputs: resolved.service.inputs.map(({ name }) => labels.map((label) => label[name as 'user'])),
          },
          { asOf, commit: await platform.offline.readCommit(), isKnowledgeCutoff },
        )
        const rows = await runSql(toDuckdb(sql))
        expect(rows).toHaveLength(labels.length)
        for (const [at, { name }] of resolved.service.features.entries()) {
          const isApproximate = name.startsWith('approx_')
          for (const [label, row] of rows.entries()) {
            const expected = { value: valueAt(columns[at]!, label), status: statusAt(columns[at]!, label) }
            // Spark has no word for what fails: null stands for it.
            const isUnknown =
              engine === 'spark' && ['overflows', 'both'].includes(name) && expected.status === 'error'
            const status = isUnknown ? 'null' : expected.status
            expect({ name, label, status: row[`${name}_status`] }).toEqual({ name, label, status })
            const value = toValue(row[name])
            if (typeof value === 'number' && typeof expected.value === 'number') {
              const tolerance = isApproximate
                ? 0.011 * Math.abs(expected.value) + 1e-9
                : 1e-12 * (1 + Math.abs(value))
              expect(Math.abs(value - expected.value), name).toBeLessThanOrEqual(tolerance)
            } else expect({ name, label, value }).toEqual({ name, label, value: expected.value })
          }
        }
      }),
      { numRuns, endOnFailure: true },
    )
  },
  120_000,
)

async function push(platform: MemoryPlatform, orders: readonly Order[]): Promise<void> {
  const door = platform.time.now
  const events = orders.map(({ at, made, ...order }) => ({
    ...order,
    friend: 'ann',
    at: formatInstant(door + at * SECOND),
    made: formatInstant(door + (at + made) * SECOND),
  }))
  expect((await pushEvents(platform, { source: 'orders', events })).rejected).toEqual([])
  const visits = events.map(({ at, user, price }) => ({ at, user, price }))
  await pushEvents(platform, { source: 'visits', events: visits })
  await platform.consume()
}

async function remove(
  platform: MemoryPlatform,
  { user, item, ago }: { readonly user: string; readonly item: bigint; readonly ago: number },
): Promise<void> {
  const eventTime = platform.time.now - ago * SECOND
  await deleteKeys(platform, { entity: 'user', keys: [{ user }], eventTime, views: null })
  await deleteKeys(platform, { entity: 'item', keys: [{ item }], eventTime, views: ['sales'] })
  await platform.consume()
}

async function landLabels(
  platform: MemoryPlatform,
  labels: readonly { user: string; friend: string; item: bigint; factor: number; time: number }[],
): Promise<void> {
  const bytes = writeParquet([
    { name: 'user', type: 'string', values: labels.map(({ user }) => user) },
    { name: 'friend', type: 'string', values: labels.map(({ friend }) => friend) },
    { name: 'item', type: 'int64', values: labels.map(({ item }) => item) },
    { name: 'factor', type: 'float64', values: labels.map(({ factor }) => factor) },
    { name: 'event_time', type: 'timestamp', values: labels.map(({ time }) => START + time * SECOND) },
  ])
  await platform.files.put('labels/some.parquet', bytes)
  writeObject('labels/some.parquet', bytes)
}

function writeObjects(platform: MemoryPlatform): void {
  for (const path of platform.manifest.keys()) writeObject(path, platform.objects.get(path)!)
}

function writeObject(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), bytes)
}

async function runSql(sql: string): Promise<Record<string, unknown>[]> {
  const [query, ...settings] = sql
    .split(/;\n/)
    .filter((text) => text.trim() !== '')
    .toReversed()
  for (const setting of settings.toReversed()) await duckdb.run(setting)
  return (await duckdb.runAndReadAll(query!)).getRowObjects()
}

function toValue(value: unknown): Value {
  if (value instanceof DuckDBListValue) return value.items.map(toValue)
  // Spark's time is an instant, as DuckDB's with a zone is.
  if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue)
    return Number(value.micros)
  return value as Value
}
