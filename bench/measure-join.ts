import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { encodeKey } from '../src/core/entity-key.ts'
import { finishJoin, type KeyRange, offerRow, type PointInTimeJoin, prepareJoin } from '../src/core/join.ts'
import { openParquet, type ParquetFile, type RowGroupRange, writeParquet } from '../src/core/parquet.ts'
import type { ViewRow } from '../src/core/row.ts'
import { encodeSegment, openSegment, rowsToSegment, type SegmentSchema } from '../src/core/segment.ts'
import type { Comparison } from './comparison.ts'
import { createRandom, randomInt } from './random.ts'

const FEATURE_NAMES = Array.from({ length: 10 }, (_, at) => `f${at}`)
const SCHEMA: SegmentSchema = {
  keys: [{ name: 'user', type: 'int64' }],
  features: FEATURE_NAMES.map((name) => ({ name, type: 'float64' })),
}
/** Rows of one user on average. */
const ROWS_PER_USER = 10
const START_US = Date.UTC(2026, 0, 1) * 1_000
/** Rows fall into this many seconds: a user has some at the same event time, which S6 has to tell apart. */
const SPAN_S = 10_000

export interface JoinOptions {
  readonly labelCount: number
  readonly rowCount: number
  /** Timed runs of each side, after one that is not counted; the median counts. */
  readonly runs: number
}

interface JoinPaths {
  readonly labels: string
  readonly rows: string
  readonly ours: string
  readonly duckdb: string
}

/**
 * Point-in-time join of labels with one view, from Parquet files to a Parquet file, against DuckDB on one thread:
 * a Worker has one as well. The two answers are the same before the times are told.
 */
export async function measureJoin(options: JoinOptions): Promise<Comparison> {
  const folder = await mkdtemp(joinPath(tmpdir(), 'featheredge-bench-'))
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const duckdb = await instance.connect()
  try {
    const path = (name: string) => joinPath(folder, `${name}.parquet`)
    const paths = { labels: path('labels'), rows: path('rows'), ours: path('ours'), duckdb: path('duckdb') }
    await writeFile(paths.labels, createLabels(options))
    await writeFile(paths.rows, createRows(options))
    const ours: number[] = []
    const theirs: number[] = []
    for (let run = 0; run <= options.runs; run++) {
      const ourMs = await elapsedMs(() => joinOurselves(paths))
      const theirMs = await elapsedMs(() => joinWithDuckdb(duckdb, paths))
      if (run === 0) continue
      ours.push(ourMs)
      theirs.push(theirMs)
    }
    await checkEqual(duckdb, paths, options.labelCount)
    return { name: 'join', ours: median(ours), baseline: median(theirs), unit: 'ms' }
  } finally {
    duckdb.closeSync()
    instance.closeSync()
    await rm(folder, { recursive: true })
  }
}

/** The steps of `src/offline/join-view.ts` on typed columns, as Parquet leaves them: no JSON texts in between. */
async function joinOurselves(paths: JoinPaths): Promise<void> {
  const labels = await openParquet(await readBuffer(paths.labels), 'labels')
  const labelIds = (await readWhole(labels, 'label')) as bigint[]
  const users = (await readWhole(labels, 'user')) as bigint[]
  const times = (await readWhole(labels, 'event_time')) as number[]
  const join = prepareJoin(users.map(encodeUser), times)
  const valuesBySlot = FEATURE_NAMES.map(() => new Float64Array(join.slotCount))
  const segment = await openSegment(await readBuffer(paths.rows), SCHEMA, paths.rows)
  for (const group of segment.rowGroups) await offerRowGroup(segment, group, join, valuesBySlot)
  const shown = finishJoin(join)
  const slots = Array.from(join.slotByLabel, (slot) => shown[slot]!)
  const file = writeParquet([
    { name: 'label', type: 'int64', required: true, values: labelIds },
    { name: 'user', type: 'int64', required: true, values: users },
    { name: 'event_time', type: 'timestamp', required: true, values: times },
    ...FEATURE_NAMES.map((name, at) => ({
      name,
      type: 'float64' as const,
      values: slots.map((slot) => (slot < 0 ? null : valuesBySlot[at]![slot]!)),
    })),
  ])
  await writeFile(paths.ours, file)
}

async function offerRowGroup(
  segment: ParquetFile,
  { rowStart, rowEnd }: RowGroupRange,
  join: PointInTimeJoin,
  valuesBySlot: readonly Float64Array[],
): Promise<void> {
  const column = (name: string) => segment.readColumn(name, rowStart, rowEnd)
  const users = (await column('user')) as ArrayLike<bigint>
  const eventTimes = (await column('event_time')) as ArrayLike<number>
  const createdTimes = (await column('created_time')) as ArrayLike<number>
  const sequenceTimes = (await column('sequence_time')) as ArrayLike<number>
  const sequenceOrigins = (await column('sequence_origin')) as ArrayLike<string>
  const sequenceIndexes = (await column('sequence_index')) as ArrayLike<bigint>
  const winners = new Map<number, number>()
  let slots: KeyRange | undefined
  for (let row = 0; row < rowEnd - rowStart; row++) {
    if (row === 0 || users[row] !== users[row - 1]) slots = join.rangeByKey.get(encodeUser(users[row]!))
    if (slots === undefined) continue
    const slot = offerRow(join, slots, {
      eventTime: eventTimes[row]!,
      createdTime: createdTimes[row]!,
      sequenceTime: sequenceTimes[row]!,
      sequenceOrigin: sequenceOrigins[row]!,
      sequenceIndex: Number(sequenceIndexes[row]!),
      available: eventTimes[row]!,
      handle: row,
    })
    if (slot >= 0) winners.set(slot, row)
  }
  for (const [at, name] of FEATURE_NAMES.entries()) {
    const values = (await column(name)) as ArrayLike<number>
    for (const [slot, row] of winners) valuesBySlot[at]![slot] = values[row]!
  }
}

/** DuckDB's ASOF join takes any of the rows of equal time, so S6 has to choose among them first. */
async function joinWithDuckdb(duckdb: DuckDBConnection, paths: JoinPaths): Promise<void> {
  const features = FEATURE_NAMES.join(', ')
  await duckdb.run(`
    COPY (
      SELECT l.label, l.user, l.event_time, ${features}
      FROM '${paths.labels}' l
      ASOF LEFT JOIN (
        SELECT "user", event_time, ${features} FROM '${paths.rows}'
        QUALIFY row_number() OVER (
          PARTITION BY "user", event_time
          ORDER BY created_time DESC, sequence_time DESC, sequence_origin DESC, sequence_index DESC
        ) = 1
      ) r ON l.user = r.user AND l.event_time >= r.event_time
    ) TO '${paths.duckdb}' (FORMAT parquet)`)
}

async function checkEqual(duckdb: DuckDBConnection, paths: JoinPaths, labelCount: number): Promise<void> {
  const reader = await duckdb.runAndReadAll(`
    SELECT
      (SELECT count(*) FROM '${paths.ours}') AS ours,
      (SELECT count(*) FROM '${paths.duckdb}') AS duckdb,
      (SELECT count(*) FROM '${paths.ours}' WHERE f0 IS NOT NULL) AS found,
      (SELECT count(*) FROM (FROM '${paths.ours}' EXCEPT FROM '${paths.duckdb}')) AS different`)
  const [counts] = reader.getRowObjects()
  const isRight =
    counts?.ours === BigInt(labelCount) &&
    counts.duckdb === BigInt(labelCount) &&
    Number(counts.found) > labelCount / 2 &&
    counts.different === 0n
  if (!isRight) {
    const facts = Object.entries(counts ?? {}).map(([name, count]) => `${name} ${count}`)
    throw new Error(`Cannot report the join: the answers differ (${facts.join(', ')})`)
  }
}

function createLabels({ labelCount, rowCount }: JoinOptions): Uint8Array {
  const random = createRandom(4)
  const users = Array.from({ length: labelCount }, () => randomUser(random, rowCount))
  const times = users.map(() => START_US + randomInt(random, SPAN_S * 1_000_000))
  return writeParquet([
    { name: 'label', type: 'int64', required: true, values: users.map((_, at) => BigInt(at)) },
    { name: 'user', type: 'int64', required: true, values: users },
    { name: 'event_time', type: 'timestamp', required: true, values: times },
  ])
}

function createRows({ rowCount }: JoinOptions): Uint8Array {
  const random = createRandom(5)
  const rows: ViewRow[] = []
  for (let at = 0; at < rowCount; at++) {
    const eventTime = START_US + randomInt(random, SPAN_S) * 1_000_000
    // In every tenth row the same user and time come again: once told apart by created time, once by sequence alone.
    const before = at % 10 === 0 ? rows[at - 1 - randomInt(random, 9)] : undefined
    rows.push({
      view: 'profile@1',
      key: before?.key ?? encodeUser(randomUser(random, rowCount)),
      eventTime: before?.eventTime ?? eventTime,
      createdTime: (before?.createdTime ?? eventTime) + (at % 20 === 0 ? 1_000_000 : 0),
      ingestTime: START_US + SPAN_S * 2_000_000,
      sequenceTime: START_US + SPAN_S * 2_000_000,
      sequenceOrigin: `push-${randomInt(random, 100)}`,
      sequenceIndex: at,
      cells: FEATURE_NAMES.map(() => random() * 1_000).join(','),
    })
  }
  return encodeSegment(SCHEMA, rowsToSegment(SCHEMA, rows))
}

function randomUser(random: () => number, rowCount: number): bigint {
  return BigInt(randomInt(random, Math.ceil(rowCount / ROWS_PER_USER)))
}

function encodeUser(user: bigint): string {
  return encodeKey(['int64'], [user])
}

async function readBuffer(path: string): Promise<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = await readFile(path)
  return (buffer as ArrayBuffer).slice(byteOffset, byteOffset + byteLength)
}

async function readWhole(file: ParquetFile, name: string): Promise<unknown[]> {
  const parts: unknown[][] = []
  for (const { rowStart, rowEnd } of file.rowGroups) {
    parts.push(Array.from(await file.readColumn(name, rowStart, rowEnd)))
  }
  return parts.flat()
}

async function elapsedMs(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now()
  await work()
  return performance.now() - startMs
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
