import { createCellColumns } from './cell-columns.ts'
import { encodeKey } from './entity-key.ts'
import { invalid } from './error.ts'
import { COMMIT_COLUMN, STAMP_COLUMNS } from './log-columns.ts'
import {
  type AsyncBuffer,
  createParquetWriter,
  openParquet,
  type ParquetFile,
  type RowGroupRange,
} from './parquet.ts'
import type { ColumnValues } from './parquet-writer.ts'
import { compareStamps, compareText, type Stamp, type ViewRow } from './row.ts'
import type { Value, ValueType } from './value.ts'
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

/** As `SegmentRows`, in typed arrays where types have one. */
export interface SegmentColumns {
  readonly keys: readonly ColumnValues[]
  readonly stamps: StampColumns
  readonly features: readonly ColumnValues[]
}

/** The stamps of rows, by column; none is null. */
export interface StampColumns {
  readonly eventTime: ArrayLike<number>
  readonly createdTime: ArrayLike<number>
  readonly ingestTime: ArrayLike<number>
  readonly sequenceTime: ArrayLike<number>
  readonly sequenceOrigin: ArrayLike<string>
  readonly sequenceIndex: ArrayLike<bigint>
}

/** What the manifest says of a segment, so that readers can leave it alone. Bounds are inclusive. */
export interface SegmentStatistics {
  readonly rowCount: number
  readonly eventTimeMin: number
  readonly eventTimeMax: number
  readonly ingestTimeMin: number
  readonly ingestTimeMax: number
}

export function encodeSegment(schema: SegmentSchema, { keys, stamps, features }: SegmentRows): Uint8Array {
  return encodeSegmentColumns(schema, { keys, stamps: stampsToColumns(stamps), features })
}

export function encodeSegmentColumns(schema: SegmentSchema, rows: SegmentColumns): Uint8Array {
  const { stamps } = rows
  const columns = [
    ...schema.keys.map((key, at) => ({ ...key, required: true, values: rows.keys[at]! })),
    stampColumn('event_time', 'timestamp', stamps.eventTime),
    stampColumn('created_time', 'timestamp', stamps.createdTime),
    stampColumn('ingest_time', 'timestamp', stamps.ingestTime),
    stampColumn('sequence_time', 'timestamp', stamps.sequenceTime),
    stampColumn('sequence_origin', 'string', stamps.sequenceOrigin),
    stampColumn('sequence_index', 'int64', stamps.sequenceIndex),
    ...schema.features.map((feature, at) => ({ ...feature, values: rows.features[at]! })),
  ]
  const writer = createParquetWriter(columns)
  writer.write(columns.map(({ values }) => values))
  return writer.finish()
}

function stampsToColumns(stamps: readonly Stamp[]): StampColumns {
  const { length } = stamps
  const columns = {
    eventTime: new Float64Array(length),
    createdTime: new Float64Array(length),
    ingestTime: new Float64Array(length),
    sequenceTime: new Float64Array(length),
    sequenceOrigin: new Array<string>(length),
    sequenceIndex: new BigInt64Array(length),
  }
  for (let row = 0; row < length; row++) {
    const stamp = stamps[row]!
    columns.eventTime[row] = stamp.eventTime
    columns.createdTime[row] = stamp.createdTime
    columns.ingestTime[row] = stamp.ingestTime
    columns.sequenceTime[row] = stamp.sequenceTime
    columns.sequenceOrigin[row] = stamp.sequenceOrigin
    columns.sequenceIndex[row] = BigInt(stamp.sequenceIndex)
  }
  return columns
}

/** Turns rows as the writers hold them into columns, sorted by (key, S6). */
export function rowsToSegment(schema: SegmentSchema, rows: readonly ViewRow[]): SegmentColumns {
  const sorted = rows.toSorted((a, b) => compareText(a.key, b.key) || compareStamps(a, b))
  const columnsOf = (types: readonly NamedType[]) =>
    createCellColumns(
      types.map(({ type }) => type),
      sorted.length,
    )
  const [keys, features] = [columnsOf(schema.keys), columnsOf(schema.features)]
  for (const [at, row] of sorted.entries()) {
    keys.put(at, row.key, 0)
    features.put(at, row.cells, 0)
  }
  return { keys: keys.vectors, stamps: stampsToColumns(sorted), features: features.vectors }
}

export function segmentStatistics(stamps: readonly Stamp[]): SegmentStatistics {
  return statisticsOf(stampsToColumns(stamps))
}

export function statisticsOf({
  eventTime,
  ingestTime,
}: Pick<StampColumns, 'eventTime' | 'ingestTime'>): SegmentStatistics {
  const [eventTimeMin, eventTimeMax] = extent(eventTime)
  const [ingestTimeMin, ingestTimeMax] = extent(ingestTime)
  return { rowCount: eventTime.length, eventTimeMin, eventTimeMax, ingestTimeMin, ingestTimeMax }
}

function extent(times: ArrayLike<number>): readonly [number, number] {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let at = 0; at < times.length; at++) {
    const time = times[at]!
    if (time < min) min = time
    if (time > max) max = time
  }
  return [min, max]
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

function stampColumn(name: string, type: ValueType, values: ArrayLike<Value>) {
  return { name, type, required: true, values }
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
