import { createCellColumns } from './cell-columns.ts'
import { assert, FeatureStoreError } from './error.ts'
import { type AsyncBuffer, createParquetWriter, openParquet, type ParquetFile } from './parquet.ts'
import type { ColumnValues } from './parquet-writer.ts'
import type { RawGroup, RawRow } from './raw-row.ts'
import type { NamedType } from './segment.ts'
import { castBetween, castPairs } from './sql/cast-value.ts'
import type { Value, ValueType } from './value.ts'

/** Of each row the generation under which it was taken in. */
export const RAW_GENERATION_COLUMN = '$generation'

/** Columns that a raw segment has beside the source's: no column of a source can have such a name. */
const STAMPS = [
  { name: '$ingest_time', type: 'timestamp', stamp: 'ingestTime' },
  { name: '$sequence_time', type: 'timestamp', stamp: 'sequenceTime' },
  { name: '$sequence_origin', type: 'string', stamp: 'sequenceOrigin' },
  { name: '$sequence_index', type: 'int64', stamp: 'sequenceIndex' },
  { name: '$message', type: 'string', stamp: 'message' },
  { name: RAW_GENERATION_COLUMN, type: 'int64', stamp: 'generation' },
] as const satisfies readonly (NamedType & { readonly stamp: keyof RawStamps })[]

/** Raw rows, column by column. */
export interface RawColumns {
  /** In the order of the source's columns. */
  readonly values: readonly ColumnValues[]
  readonly stamps: RawStamps
}

/** None is null. */
export interface RawStamps {
  readonly ingestTime: ArrayLike<number>
  readonly sequenceTime: ArrayLike<number>
  readonly sequenceOrigin: ArrayLike<string>
  readonly sequenceIndex: ArrayLike<bigint>
  readonly message: ArrayLike<string>
  readonly generation: ArrayLike<bigint>
}

/** The rows of groups of the same columns, one behind the other. */
export function rawGroupsToColumns(groups: readonly RawGroup[]) {
  const rowCount = groups.reduce((sum, { lines }) => sum + lines.length, 0)
  const cells = createCellColumns(
    groups[0]!.columns.map(({ type }) => type),
    rowCount,
  )
  const times = new Float64Array(rowCount)
  const stamps = {
    ingestTime: times,
    sequenceTime: times,
    sequenceOrigin: new Array<string>(rowCount),
    sequenceIndex: new BigInt64Array(rowCount),
    message: new Array<string>(rowCount),
    generation: new BigInt64Array(rowCount),
  }
  let row = 0
  for (const { message, pushId, doorTime, generation, lines } of groups) {
    const end = row + lines.length
    times.fill(doorTime, row, end)
    stamps.sequenceOrigin.fill(pushId, row, end)
    stamps.message.fill(message, row, end)
    stamps.generation.fill(BigInt(generation), row, end)
    for (const line of lines) {
      const tab = line.indexOf('\t')
      stamps.sequenceIndex[row] = BigInt(line.slice(0, tab))
      cells.put(row++, line, tab + 1)
    }
  }
  return { values: cells.vectors, stamps }
}

/** Names of the columns that are never null. */
export const RAW_STAMP_COLUMNS: readonly string[] = STAMPS.map(({ name }) => name)

/** Rows of one message stand side by side: whoever fills a view takes them together. */
export function encodeRawSegment(columns: readonly NamedType[], { values, stamps }: RawColumns): Uint8Array {
  const writer = createParquetWriter([
    ...columns.map(({ name, type }) => ({ name, type })),
    ...STAMPS.map(({ name, type }) => ({ name, type, required: true })),
  ])
  writer.write([...values, ...STAMPS.map(({ stamp }) => stamps[stamp])])
  return writer.finish()
}

/**
 * The bytes of a segment that has the rows of some, one behind the other: each message's rows stay side by side, and in their
 * order. A column that only some of them have is null in the rows of the others; of those that share one, all give it one type.
 */
export async function joinRawSegments(files: readonly ParquetFile[]): Promise<Uint8Array> {
  const types = new Map<string, ValueType>()
  for (const { name, type } of files.flatMap((file) => file.columns)) {
    assert(
      type !== undefined && (types.get(name) ?? type) === type,
      'segments that are joined agree in types',
    )
    types.set(name, type)
  }
  const columns = [...types]
    .map(([name, type]) => ({ name, type }))
    .filter(({ name }) => !RAW_STAMP_COLUMNS.includes(name))
  const values: Value[][] = []
  for (const { name } of columns) values.push(await readJoined(files, name))
  const stamps = {} as Record<keyof RawStamps, Value[]>
  for (const { name, stamp } of STAMPS) stamps[stamp] = await readJoined(files, name)
  return encodeRawSegment(columns, { values, stamps: stamps as unknown as RawStamps })
}

async function readJoined(files: readonly ParquetFile[], name: string): Promise<Value[]> {
  const joined: Value[] = []
  for (const file of files) {
    const isHeld = file.columns.some((column) => column.name === name)
    for (const { rowStart, rowEnd } of file.rowGroups) {
      const values = isHeld ? await file.readColumn(name, rowStart, rowEnd) : []
      for (let row = 0; row < rowEnd - rowStart; row++) joined.push((values[row] ?? null) as Value)
    }
  }
  return joined
}

export function openRawSegment(file: AsyncBuffer, path: string): Promise<ParquetFile> {
  return openParquet(file, `segment "${path}"`)
}

/** A row of a raw segment under the source's columns as they are now; `fault` says why it has no value of some column's type. */
export interface ScannedRow extends RawRow {
  readonly fault?: string
}

/**
 * The rows of a range of a raw segment. A column that it does not know is null; one of another type is cast, as SQL would cast it.
 */
export async function readRawRows(
  file: ParquetFile,
  columns: readonly NamedType[],
  { rowStart, rowEnd }: { readonly rowStart: number; readonly rowEnd: number },
): Promise<ScannedRow[]> {
  const types = new Map(file.columns.map(({ name, type }) => [name, type]))
  const cells: (ArrayLike<unknown> | undefined)[] = []
  for (const { name } of columns)
    cells.push(types.has(name) ? await file.readColumn(name, rowStart, rowEnd) : undefined)
  const stamps: ArrayLike<unknown>[] = []
  for (const { name } of STAMPS) stamps.push(await file.readColumn(name, rowStart, rowEnd))
  const readers = columns.map(({ name, type }) => columnReader(name, types.get(name), type))
  return Array.from({ length: rowEnd - rowStart }, (_, row): ScannedRow => {
    const [ingestTime, sequenceTime, sequenceOrigin, sequenceIndex, message, generation] = stamps.map(
      (values) => values[row],
    )
    const stamp = {
      ingestTime: ingestTime as number,
      sequenceTime: sequenceTime as number,
      sequenceOrigin: sequenceOrigin as string,
      sequenceIndex: Number(sequenceIndex),
      message: message as string,
      generation: Number(generation),
    }
    try {
      return { ...stamp, values: readers.map((read, at) => read((cells[at]?.[row] ?? null) as Value)) }
    } catch (error) {
      if (!(error instanceof FeatureStoreError)) throw error
      return { ...stamp, values: columns.map(() => null), fault: error.message }
    }
  })
}

/** Reads a column of raw rows as the type that the source gives it: throws for a value that has no cast. */
export function columnReader(
  name: string,
  from: ValueType | undefined,
  to: ValueType,
): (value: Value) => Value {
  if (from === undefined || from === to) return (value) => value
  if (!castPairs().some((pair) => pair.from === from && pair.to === to)) {
    return (value) => {
      if (value === null) return null
      throw new FeatureStoreError(
        'invalid_argument',
        `Column "${name}": it was ${from}, which has no cast to ${to}`,
      )
    }
  }
  const cast = castBetween(from, to, false)
  return (value) => (value === null ? null : cast(value))
}
