import { encodeKey } from './entity-key.ts'
import { COMMIT_COLUMN, STAMP_COLUMNS } from './log-columns.ts'
import { createParquetWriter, type ParquetFile, ROW_GROUP_ROWS } from './parquet.ts'
import { compareStamps, compareText, type Stamp } from './row.ts'
import type { NamedType, SegmentStatistics } from './segment.ts'
import { encodeValue, type Value, type ValueType } from './value.ts'

/** A segment to be merged with others of its log. */
export interface MergedSegment {
  readonly file: ParquetFile
  /** Of its rows, where it does not say so itself. */
  readonly commit: number
}

export interface Merged {
  readonly bytes: Uint8Array
  readonly statistics: SegmentStatistics
  /** The earliest and the latest commit of its rows. */
  readonly commitMin: number
  readonly commitMax: number
}

/**
 * Merges segments of one log, each sorted by (key, S6), into one that is sorted likewise, with the commit of each row as a
 * column and bloom filters on the keys. Memory holds one row group of each and what is written. A row that stands in
 * several (the same key and stamp: a fill and the stream brought it both) is kept once, under its earliest commit.
 * A column that only some of them have is null in the rows of the others.
 */
export async function mergeSegments(segments: readonly MergedSegment[]): Promise<Merged> {
  const schema = unionSchema(segments)
  const cursors: Cursor[] = []
  for (const segment of segments) {
    const cursor = createCursor(segment, schema)
    if (await cursor.next()) cursors.push(cursor)
  }
  const output = createOutput(schema)
  while (cursors.length > 0) {
    let least = cursors[0]!
    for (const cursor of cursors) if (compareCursors(cursor, least) < 0) least = cursor
    output.take(least)
    if (!(await least.next())) cursors.splice(cursors.indexOf(least), 1)
  }
  return output.finish()
}

interface MergeSchema {
  readonly keys: readonly NamedType[]
  /** Every column of the output but the commit, in order. */
  readonly columns: readonly NamedType[]
}

/** Columns before the stamp are keys, those behind it are features, whatever log it is. */
function unionSchema(segments: readonly MergedSegment[]): MergeSchema {
  const columns = new Map<string, ValueType>()
  for (const { file } of segments)
    for (const { name, type } of file.columns) if (name !== COMMIT_COLUMN) columns.set(name, type!)
  const named = [...columns].map(([name, type]) => ({ name, type }))
  const keyCount = named.findIndex(({ name }) => name === STAMP_COLUMNS[0])
  return { keys: named.slice(0, keyCount), columns: named }
}

/** Where a merge stands in one segment. */
interface Cursor {
  /** Encoded key, stamp and commit of the row it stands at. */
  key: string
  stamp: Stamp
  commit: number
  /** Values of the row, by column of the schema. */
  value(column: number): Value
  /** Goes on to the next row, the first at first. False behind the last. */
  next(): Promise<boolean>
}

function createCursor({ file, commit }: MergedSegment, { keys, columns }: MergeSchema): Cursor {
  const held = new Set(file.columns.map(({ name }) => name))
  const types = keys.map(({ type }) => type)
  let group = -1
  let row = 0
  let rowCount = 0
  let values: readonly (ArrayLike<unknown> | undefined)[] = []
  let commits: ArrayLike<unknown> | undefined
  const cell = (at: number): Value => (values[at]?.[row] ?? null) as Value

  async function openGroup(): Promise<boolean> {
    group++
    const range = file.rowGroups[group]
    if (range === undefined) return false
    const read = (name: string) =>
      held.has(name) ? file.readColumn(name, range.rowStart, range.rowEnd) : Promise.resolve(undefined)
    const next: (ArrayLike<unknown> | undefined)[] = []
    for (const { name } of columns) next.push(await read(name))
    values = next
    commits = await read(COMMIT_COLUMN)
    row = 0
    rowCount = range.rowEnd - range.rowStart
    return rowCount > 0 || openGroup()
  }

  const cursor: Cursor = {
    key: '',
    stamp: NO_STAMP,
    commit,
    value: cell,
    async next() {
      row++
      if (row >= rowCount && !(await openGroup())) return false
      cursor.key = encodeKey(
        types,
        types.map((_, at) => cell(at)),
      )
      cursor.stamp = readStamp(cell, types.length)
      cursor.commit = commits === undefined ? commit : Number(commits[row])
      return true
    },
  }
  return cursor
}

const NO_STAMP: Stamp = {
  eventTime: 0,
  createdTime: 0,
  ingestTime: 0,
  sequenceTime: 0,
  sequenceOrigin: '',
  sequenceIndex: 0,
}

function readStamp(cell: (column: number) => Value, first: number): Stamp {
  return {
    eventTime: cell(first) as number,
    createdTime: cell(first + 1) as number,
    ingestTime: cell(first + 2) as number,
    sequenceTime: cell(first + 3) as number,
    sequenceOrigin: cell(first + 4) as string,
    sequenceIndex: Number(cell(first + 5)),
  }
}

/** By key, then S6, then the commit: of a row that stands twice the earlier one comes first. */
function compareCursors(a: Cursor, b: Cursor): number {
  return compareText(a.key, b.key) || compareStamps(a.stamp, b.stamp) || a.commit - b.commit
}

function createOutput({ keys, columns }: MergeSchema) {
  const required = new Set<string>([...keys.map(({ name }) => name), ...STAMP_COLUMNS])
  const parquet = createParquetWriter([
    ...columns.map((column, at) => ({
      ...column,
      required: required.has(column.name),
      hasBloomFilter: at < keys.length,
    })),
    { name: COMMIT_COLUMN, type: 'int64', required: true },
  ])
  const featureStart = keys.length + STAMP_COLUMNS.length
  const features = columns.slice(featureStart)
  const empty = () => Array.from({ length: columns.length + 1 }, () => [] as Value[])
  let buffer = empty()
  let last: Pick<Cursor, 'key' | 'stamp'> | undefined
  /** Where the rows of the last key and stamp begin in the buffer. */
  let lastStart = 0
  let rowCount = 0
  let [commitMin, commitMax] = [Number.POSITIVE_INFINITY, 0]
  let [eventTimeMin, ingestTimeMin] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  let [eventTimeMax, ingestTimeMax] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]

  function flush(): void {
    if (buffer[0]!.length > 0) parquet.write(buffer)
    buffer = empty()
  }

  /** A deletion from two views is two rows of one stamp: only a row alike in all is the same again. */
  function isTaken(value: Cursor['value']): boolean {
    for (let row = lastStart; row < buffer[0]!.length; row++)
      if (
        features.every(({ type }, at) =>
          isSame(type, buffer[featureStart + at]![row]!, value(featureStart + at)),
        )
      )
        return true
    return false
  }

  return {
    take({ key, stamp, commit, value }: Cursor): void {
      if (last === undefined || last.key !== key || compareStamps(last.stamp, stamp) !== 0) {
        if (buffer[0]!.length >= ROW_GROUP_ROWS) flush()
        last = { key, stamp }
        lastStart = buffer[0]!.length
      } else if (isTaken(value)) return
      columns.forEach((_, at) => void buffer[at]!.push(value(at)))
      buffer[columns.length]!.push(BigInt(commit))
      rowCount++
      commitMin = Math.min(commitMin, commit)
      commitMax = Math.max(commitMax, commit)
      eventTimeMin = Math.min(eventTimeMin, stamp.eventTime)
      eventTimeMax = Math.max(eventTimeMax, stamp.eventTime)
      ingestTimeMin = Math.min(ingestTimeMin, stamp.ingestTime)
      ingestTimeMax = Math.max(ingestTimeMax, stamp.ingestTime)
    },
    finish(): Merged {
      flush()
      const statistics = { rowCount, eventTimeMin, eventTimeMax, ingestTimeMin, ingestTimeMax }
      return { bytes: parquet.finish(), statistics, commitMin, commitMax }
    },
  }
}

function isSame(type: ValueType, a: Value, b: Value): boolean {
  return encodeValue(type, a) === encodeValue(type, b)
}
