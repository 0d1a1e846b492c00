import { encodeKey } from './entity-key.ts'
import { invalid } from './error.ts'
import { COMMIT_COLUMN, STAMP_COLUMNS } from './log-columns.ts'
import {
  type AsyncBuffer,
  openParquet,
  type ParquetColumn,
  type ParquetFile,
  type RowGroupRange,
  writeParquet,
} from './parquet.ts'
import { compareStamps, compareText, type Stamp, type ViewRow } from './row.ts'
import { decodeValue, splitCells, type Value, type ValueType } from './value.ts'
import { type VectorPool, wordsOf } from './vector.ts'

/** The columns of a view's log: its join keys, the stamp, its features. */
export interface SegmentSchema {
  readonly keys: readonly NamedType[]
  readonly features: readonly NamedType[]
}

export interface NamedType {
  readonly name: string
  readonly type: ValueType
}

/** Rows of one segment, column by column, in the order they are written. */
export interface SegmentRows {
  readonly keys: readonly (readonly Value[])[]
  readonly stamps: readonly Stamp[]
  readonly features: readonly (readonly Value[])[]
}

/** What the manifest says of a segment, so that readers can leave it alone. Bounds are inclusive. */
export interface SegmentStatistics {
  readonly rowCount: number
  readonly eventTimeMin: number
  readonly eventTimeMax: number
  readonly ingestTimeMin: number
  readonly ingestTimeMax: number
}

export function encodeSegment(schema: SegmentSchema, rows: SegmentRows): Uint8Array {
  return writeParquet([
    ...schema.keys.map((key, at) => ({ ...key, required: true, values: rows.keys[at]! })),
    stampColumn('event_time', 'timestamp', rows, (stamp) => stamp.eventTime),
    stampColumn('created_time', 'timestamp', rows, (stamp) => stamp.createdTime),
    stampColumn('ingest_time', 'timestamp', rows, (stamp) => stamp.ingestTime),
    stampColumn('sequence_time', 'timestamp', rows, (stamp) => stamp.sequenceTime),
    stampColumn('sequence_origin', 'string', rows, (stamp) => stamp.sequenceOrigin),
    stampColumn('sequence_index', 'int64', rows, (stamp) => BigInt(stamp.sequenceIndex)),
    ...schema.features.map((feature, at) => ({ ...feature, values: rows.features[at]! })),
  ])
}

/** Turns rows as the writers hold them into columns, sorted by (key, S6). */
export function rowsToSegment(schema: SegmentSchema, rows: readonly ViewRow[]): SegmentRows {
  const sorted = rows.toSorted((a, b) => compareText(a.key, b.key) || compareStamps(a, b))
  const keys = schema.keys.map(() => [] as Value[])
  const features = schema.features.map(() => [] as Value[])
  for (const row of sorted) {
    splitCells(row.key).forEach((cell, at) => {
      keys[at]!.push(decodeValue(schema.keys[at]!.type, cell))
    })
    splitCells(row.cells).forEach((cell, at) => {
      features[at]!.push(decodeValue(schema.features[at]!.type, cell))
    })
  }
  return { keys, stamps: sorted, features }
}

export function segmentStatistics(stamps: readonly Stamp[]): SegmentStatistics {
  let [eventTimeMin, ingestTimeMin] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  let [eventTimeMax, ingestTimeMax] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const { eventTime, ingestTime } of stamps) {
    if (eventTime < eventTimeMin) eventTimeMin = eventTime
    if (eventTime > eventTimeMax) eventTimeMax = eventTime
    if (ingestTime < ingestTimeMin) ingestTimeMin = ingestTime
    if (ingestTime > ingestTimeMax) ingestTimeMax = ingestTime
  }
  return { rowCount: stamps.length, eventTimeMin, eventTimeMax, ingestTimeMin, ingestTimeMax }
}

/** Opens a segment and checks that it has the columns its view's log has. */
export async function openSegment(
  file: AsyncBuffer,
  schema: SegmentSchema,
  path: string,
): Promise<ParquetFile> {
  const segment = await openParquet(file, `segment "${path}"`)
  const types = new Map(segment.columns.map((column) => [column.name, column.type]))
  for (const { name, type } of [...schema.keys, ...schema.features]) {
    if (types.get(name) !== type)
      throw invalid(`Cannot read segment "${path}": column "${name}" is not ${type}`)
  }
  return segment
}

/**
 * Takes every row of a segment, row group by row group: its encoded key, stamp and feature values. With a `commit`, those
 * registered by it alone (S5).
 */
export async function scanSegment(
  file: ParquetFile,
  schema: SegmentSchema,
  take: (key: string, stamp: Stamp, values: readonly Value[]) => void,
  commit?: number,
): Promise<void> {
  const types = schema.keys.map(({ type }) => type)
  const names = [
    ...schema.keys.map(({ name }) => name),
    ...STAMP_COLUMNS,
    ...schema.features.map(({ name }) => name),
  ]
  for (const group of file.rowGroups) {
    const { rowStart, rowEnd } = group
    const isRegistered = await readRegistered(file, group, commit)
    const columns: ArrayLike<Value>[] = []
    for (const name of names)
      columns.push((await file.readColumn(name, rowStart, rowEnd)) as ArrayLike<Value>)
    const keys = columns.slice(0, types.length)
    const [eventTime, createdTime, ingestTime, sequenceTime, sequenceOrigin, sequenceIndex] = columns.slice(
      types.length,
    ) as [
      ArrayLike<Value>,
      ArrayLike<Value>,
      ArrayLike<Value>,
      ArrayLike<Value>,
      ArrayLike<Value>,
      ArrayLike<Value>,
    ]
    const features = columns.slice(types.length + STAMP_COLUMNS.length)
    for (let row = 0; row < rowEnd - rowStart; row++) {
      if (!isRegistered(row)) continue
      const key = encodeKey(
        types,
        keys.map((values) => values[row]!),
      )
      const stamp: Stamp = {
        eventTime: eventTime[row] as number,
        createdTime: createdTime[row] as number,
        ingestTime: ingestTime[row] as number,
        sequenceTime: sequenceTime[row] as number,
        sequenceOrigin: sequenceOrigin[row] as string,
        sequenceIndex: Number(sequenceIndex[row]),
      }
      take(
        key,
        stamp,
        features.map((values) => values[row] ?? null),
      )
    }
  }
}

/**
 * Which rows of a row group are of `commit` or an earlier one. A segment that has no column for it was registered whole:
 * the manifest has said already whether it counts.
 */
export async function readRegistered(
  file: ParquetFile,
  { rowStart, rowEnd }: RowGroupRange,
  commit: number | undefined,
): Promise<(row: number) => boolean> {
  if (commit === undefined || !file.columns.some(({ name }) => name === COMMIT_COLUMN)) return () => true
  const commits = (await file.readColumn(COMMIT_COLUMN, rowStart, rowEnd)) as ArrayLike<bigint>
  return (row) => Number(commits[row]) <= commit
}

function stampColumn(
  name: string,
  type: ValueType,
  { stamps }: SegmentRows,
  read: (stamp: Stamp) => Value,
): ParquetColumn {
  return { name, type, required: true, values: stamps.map(read) }
}

/** A column of whole numbers that never is null: times, or an int64 that a double holds exactly. */
export async function readNumbers(
  file: ParquetFile,
  name: string,
  { group, pool }: { readonly group: number; readonly pool: VectorPool },
): Promise<Float64Array> {
  const { values } = await file.readVector(name, group, pool)
  if (!(values instanceof BigInt64Array)) return values as Float64Array
  // In place: each number takes the two words it is read from.
  const words = wordsOf(values)
  const numbers = new Float64Array(values.buffer, values.byteOffset, values.length)
  for (let row = 0; row < numbers.length; row++)
    numbers[row] = words[2 * row + 1]! * 4_294_967_296 + (words[2 * row]! >>> 0)
  return numbers
}
