import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join as joinPath } from 'node:path'
import { bitsText, encodeKey, hashKey, topBits } from '../src/core/entity-key.ts'
import { STAMP_COLUMNS } from '../src/core/log-columns.ts'
import { createParquetWriter } from '../src/core/parquet.ts'
import type { SegmentSchema } from '../src/core/segment.ts'
import type { Value } from '../src/core/value.ts'
import { compileDefinitions } from '../src/definitions/compile.ts'
import { DefinitionSet } from '../src/definitions/definition-set.ts'
import { type RegisteredSegment, segmentRecord } from '../src/definitions/segment-record.ts'
import { segmentSchema } from '../src/definitions/snapshot.ts'
import type { ResolvedService } from '../src/registry/resolve-name.ts'
import { createRandom, randomInt } from './random.ts'

/** Rows of one user on average, in each view. */
const ROWS_PER_USER = 10
/** Segments of one bucket: rows of a user stand in both, as they do when two loads brought them. */
const SEGMENTS_PER_BUCKET = 2
const START_US = Date.UTC(2026, 0, 1) * 1_000
/** Rows fall into this many seconds: a user has some at the same event time, which S6 has to tell apart. */
const SPAN_S = 10_000
const CITIES = Array.from({ length: 1_000 }, (_, at) => `city ${at}`)

export const VIEWS = ['profile', 'account', 'device']
const FEATURES = [
  { name: 'score', type: 'float64' },
  { name: 'amount', type: 'float64' },
  { name: 'count', type: 'int64' },
  { name: 'city', type: 'string' },
] as const

const ENTITIES = [{ name: 'user', join_keys: [{ name: 'user', type: 'int64' as const }], shards: 16 }]
/** The columns that windows are made of are named after their aggregations. */
const AGGREGATIONS = [
  { name: 'count', function: 'sum' as const, sql: 'count', windows: ['10m', '1h'] },
  { name: 'amount', function: 'count' as const, sql: 'amount', windows: ['1h'] },
]

export type JoinKind = 'latest' | 'windowed'

function compileService(kind: JoinKind): ResolvedService {
  const snapshot = compileDefinitions(
    DefinitionSet.parse({
      entities: ENTITIES,
      sources: VIEWS.map((name) => ({
        name: `${name}s`,
        event_time: 'at',
        schema: [{ name: 'at', type: 'timestamp' }, { name: 'user', type: 'int64' }, ...FEATURES],
      })),
      feature_views: VIEWS.map((name, at) => ({
        name,
        entity: 'user',
        source: `${name}s`,
        ...(kind === 'windowed' && at > 0
          ? { aggregations: AGGREGATIONS }
          : { features: FEATURES.map((feature) => ({ ...feature, sql: feature.name })) }),
      })),
      feature_services: [{ name: 'model', features: VIEWS.map((view) => ({ view, prefix: `${view}_` })) }],
    }),
    { generation: 1, versions: Object.fromEntries(VIEWS.map((name) => [name, 1])), blockBits: {} },
  )
  return { snapshot, service: snapshot.services.model! }
}

/** Three views of one entity, joined by one service: all latest-row, with four features each, or two of them windowed. */
export const SERVICES: Readonly<Record<JoinKind, ResolvedService>> = {
  latest: compileService('latest'),
  windowed: compileService('windowed'),
}
const { bucketBits: BUCKET_BITS } = SERVICES.latest.snapshot.entities.user!

export interface JoinSize {
  readonly labelCount: number
  /** Of each view. */
  readonly rowCount: number
}

export interface JoinData {
  readonly kind: JoinKind
  readonly labels: string
  /** The registered segments of each view, by name; paths are under `folder`. */
  readonly segments: Readonly<Record<string, readonly RegisteredSegment[]>>
}

/** Writes a label file and the segments of all views. */
export function createJoinData(
  folder: string,
  { labelCount, rowCount }: JoinSize,
  kind: JoinKind = 'latest',
): JoinData {
  const userCount = Math.ceil(rowCount / ROWS_PER_USER)
  const labels = joinPath(folder, 'labels.parquet')
  writeFileSync(labels, createLabels(labelCount, userCount))
  const usersByBucket = groupUsers(userCount)
  const segments = VIEWS.map((view, at) => [
    view,
    [...usersByBucket].flatMap(([bucket, users], number) =>
      Array.from({ length: SEGMENTS_PER_BUCKET }, (_, part) =>
        writeSegment(
          folder,
          { view, kind },
          {
            bucket,
            users,
            name: `load-${part}`,
            seed: at * 1_000 + number * 10 + part,
          },
        ),
      ),
    ),
  ])
  return { kind, labels, segments: Object.fromEntries(segments) }
}

function createLabels(labelCount: number, userCount: number): Uint8Array {
  const random = createRandom(4)
  const writer = createParquetWriter([
    { name: 'label', type: 'int64', required: true },
    { name: 'user', type: 'int64', required: true },
    { name: 'event_time', type: 'timestamp', required: true },
  ])
  for (let start = 0; start < labelCount; start += 65_536) {
    const labels = BigInt64Array.from({ length: Math.min(65_536, labelCount - start) }, (_, at) =>
      BigInt(start + at),
    )
    const users = labels.map(() => BigInt(randomInt(random, userCount)))
    const times = Float64Array.from(users, () => START_US + randomInt(random, SPAN_S * 1_000_000))
    writer.write([labels, users, times])
  }
  return writer.finish()
}

/** Users by bucket, each bucket's in the order of their keys. */
function groupUsers(userCount: number): ReadonlyMap<string, readonly number[]> {
  const keys = Array.from({ length: userCount }, (_, user) => encodeKey(['int64'], [BigInt(user)])).sort()
  return Map.groupBy(keys.map(Number), (user) => {
    const { high } = hashKey(encodeKey(['int64'], [BigInt(user)]))
    return bitsText(topBits(high, BUCKET_BITS), BUCKET_BITS)
  })
}

/** One segment: for every user of the bucket some rows, a twentieth of them at an event time that others have too. */
function writeSegment(
  folder: string,
  { view, kind }: { readonly view: string; readonly kind: JoinKind },
  {
    bucket,
    users,
    name,
    seed,
  }: {
    readonly bucket: string
    readonly users: readonly number[]
    readonly name: string
    readonly seed: number
  },
): RegisteredSegment {
  const random = createRandom(seed)
  const { snapshot } = SERVICES[kind]
  const schema: SegmentSchema = segmentSchema(snapshot, snapshot.views[`${view}@1`]!)
  const ingestTime = START_US + SPAN_S * 2_000_000
  const columns: Value[][] = Array.from(
    { length: schema.keys.length + STAMP_COLUMNS.length + schema.features.length },
    () => [],
  )
  const perSegment = (ROWS_PER_USER / SEGMENTS_PER_BUCKET) * 2 + 1
  let index = 0
  for (const user of users) {
    const times = Array.from({ length: randomInt(random, perSegment) }, () =>
      randomInt(random, 20) === 0 ? (user * 7) % SPAN_S : randomInt(random, SPAN_S),
    ).sort((a, b) => a - b)
    for (const second of times) {
      const eventTime = START_US + second * 1_000_000
      const row: Value[] = [BigInt(user), eventTime, eventTime, ingestTime, ingestTime, name, BigInt(index++)]
      const values: Readonly<Record<string, Value>> = {
        score: random() * 1_000,
        amount: randomInt(random, 20) === 0 ? null : Math.round(random() * 10_000) / 100,
        count: BigInt(randomInt(random, 100_000)),
        city: CITIES[randomInt(random, CITIES.length)]!,
      }
      for (const { name: column } of schema.features) row.push(values[column]!)
      for (const [at, value] of row.entries()) columns[at]!.push(value)
    }
  }
  const stamps = STAMP_COLUMNS.map((column) => ({
    name: column,
    type: TYPE_BY_STAMP[column],
    required: true,
  }))
  const writer = createParquetWriter([
    ...schema.keys.map((key) => ({ ...key, required: true })),
    ...stamps,
    ...schema.features,
  ])
  writer.write(columns)
  const bytes = writer.finish()
  const events = columns[1] as number[]
  const record = segmentRecord({ viewId: `${view}@1`, bucket, name }, bytes.length, {
    rowCount: index,
    eventTimeMin: events.reduce((a, b) => Math.min(a, b)),
    eventTimeMax: events.reduce((a, b) => Math.max(a, b)),
    ingestTimeMin: ingestTime,
    ingestTimeMax: ingestTime,
  })
  const path = joinPath(folder, record.path)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes)
  return { ...record, commit: 1, commitMin: 1 }
}

const TYPE_BY_STAMP = {
  event_time: 'timestamp',
  created_time: 'timestamp',
  ingest_time: 'timestamp',
  sequence_time: 'timestamp',
  sequence_origin: 'string',
  sequence_index: 'int64',
} as const
