import {
  type AsyncBuffer,
  type FileMetaData,
  type ParquetParsers,
  parquetMetadataAsync,
  parquetScan,
  parquetSchema,
} from 'hyparquet'
import { hashParquetValue, readBloomFilter, sbbfContains } from 'hyparquet/src/bloom.js'
import { COMPRESSORS } from './column-chunk/compressors.ts'
import { decodeChunk, isDecodable } from './column-chunk/decode-chunk.ts'
import { locatePages, type PagePlace, readParts } from './column-chunk/page-places.ts'
import { decodeUtf8 } from './column-chunk/utf8.ts'
import { FeatureStoreError, invalid } from './error.ts'
import { checkChunk, plainMetadata, storeValues } from './foreign-parquet.ts'
import { type ColumnShape, fileColumn, type ParquetFileColumn } from './parquet-types.ts'
import { createParquetWriter } from './parquet-writer.ts'
import type { Value } from './value.ts'
import {
  createVectorValues,
  takeVectorValues,
  type Vector,
  type VectorPool,
  vectorOfValues,
} from './vector.ts'

export type { AsyncBuffer } from 'hyparquet'
export type { PagePlace } from './column-chunk/page-places.ts'
export type { ParquetFileColumn } from './parquet-types.ts'
export { createParquetWriter, ROW_GROUP_ROWS } from './parquet-writer.ts'

export interface ParquetColumn extends ColumnShape {
  /** int64 as bigint, timestamp as microseconds in a number. */
  readonly values: ArrayLike<Value>
  /** By row: not 0 where the value is null, whatever stands in `values`; without it, `values` says so. */
  readonly nulls?: Uint8Array
}

/** An opened Parquet file: its footer is known, its pages are read on demand. */
export interface ParquetFile {
  readonly rowCount: number
  readonly columns: readonly ParquetFileColumn[]
  readonly rowGroups: readonly RowGroupRange[]
  /**
   * Values of one column for rows `rowStart` to `rowEnd` (exclusive), which lie in one row group. Only the pages
   * that hold them are decoded, and only those are fetched when the file has an offset index.
   */
  readColumn(name: string, rowStart: number, rowEnd: number): Promise<ArrayLike<unknown>>
  /**
   * One column of a whole row group, in typed arrays; of any file that `readColumn` can read, of the store's own much
   * faster. With a pool, into an array of it.
   */
  readVector(name: string, group: number, pool?: VectorPool): Promise<Vector>
  /**
   * Fetches the bloom filter of one column of a row group: false for a value that stands in none of its rows, true for one
   * that may. Undefined where there is none that can be read.
   */
  readBloomFilter(name: string, group: number): Promise<((value: Value) => boolean) | undefined>
  /**
   * As `readColumn`, in typed arrays; undefined of a column whose chunk the store does not decode itself. Fetches the chunk,
   * or, with the places of its pages, those that hold the rows.
   */
  readVectorRange(name: string, range: RowRange): Promise<Vector | undefined>
  /**
   * Finds the pages of a column chunk by their headers alone; undefined of one that the store does not decode itself.
   */
  locatePages(name: string, group: number): Promise<readonly PagePlace[] | undefined>
  /** Whether `readColumn` of this chunk fetches no more than the pages it needs. */
  hasOffsetIndex(name: string, group: number): boolean
}

/** Rows that lie in one row group. */
export interface RowRange {
  readonly rowStart: number
  /** Exclusive. */
  readonly rowEnd: number
  /** Of the column chunk that holds them; those of other rows may be missing. */
  readonly places?: readonly PagePlace[] | undefined
  /** Larger pages, decompressed, are refused. */
  readonly pageBytesMax?: number
}

export interface RowGroupRange {
  readonly rowStart: number
  /** Exclusive. */
  readonly rowEnd: number
  /** Uncompressed bytes of all its columns. */
  readonly bytes: number
  /** No value of the column that is not null lies outside these, both inclusive; undefined where nothing is known. */
  bounds(name: string): { readonly min: Value; readonly max: Value } | undefined
  /** Bytes of one column as they are stored, and of its bloom filter; 0 where there is none. */
  sizes(name: string): ColumnSizes
}

export interface ColumnSizes {
  readonly column: number
  readonly bloomFilter: number
}

/** Writes a whole Parquet file. */
export function writeParquet(
  columns: readonly ParquetColumn[],
  options: Parameters<typeof createParquetWriter>[1] = {},
): Uint8Array {
  const writer = createParquetWriter(columns, options)
  writer.write(columns.map(({ values, nulls }) => ({ values, nulls })))
  return writer.finish()
}

/** Reads the footer. Throws `invalid_argument` when the file is not Parquet or is cut short. */
export async function openParquet(file: AsyncBuffer, what: string): Promise<ParquetFile> {
  if (file.byteLength < FILE_BYTES_MIN) {
    const needed = `a Parquet file has at least ${FILE_BYTES_MIN}`
    throw invalid(`Cannot read ${what} as Parquet: it has ${file.byteLength} bytes, ${needed}`)
  }
  let metadata: FileMetaData
  let columns: readonly ParquetFileColumn[]
  try {
    const found = await parquetMetadataAsync(file, { parsers: PARSERS as ParquetParsers })
    columns = parquetSchema(found).children.map(fileColumn)
    metadata = plainMetadata(found)
  } catch (error) {
    throw unreadable(error, `Cannot read ${what} as Parquet`)
  }
  const schema = parquetSchema(metadata)
  let rowStart = 0
  const rowGroups = metadata.row_groups.map((group) => {
    const range = {
      rowStart,
      rowEnd: rowStart + Number(group.num_rows),
      bytes: Number(group.total_byte_size),
      bounds: (name: string) => chunkBounds(group, name),
      sizes: (name: string) => {
        const chunk = chunkOf(group, name)
        return {
          column: Number(chunk?.total_compressed_size ?? 0),
          bloomFilter: chunk?.bloom_filter_length ?? 0,
        }
      },
    }
    rowStart = range.rowEnd
    return range
  })
  return {
    rowCount: rowStart,
    columns,
    rowGroups,
    readColumn,
    async readVector(name, group, pool) {
      const vector = await readChunk(name, { ...rowGroups[group]!, group, pool })
      if (vector !== undefined) return vector
      const { rowStart, rowEnd } = rowGroups[group]!
      const values = await readColumn(name, rowStart, rowEnd)
      return vectorOfValues(
        columns.find((column) => column.name === name)?.type,
        Array.from(values, (value) => (value ?? null) as Value),
      )
    },
    async readBloomFilter(name, group) {
      const chunk = chunkOf(metadata.row_groups[group]!, name)
      const element = schema.children.find((child) => child.element.name === name)?.element
      const { bloom_filter_offset: offset, bloom_filter_length: length } = chunk ?? {}
      if (element === undefined || offset === undefined || length === undefined) return undefined
      try {
        const bytes = await file.slice(Number(offset), Number(offset) + length)
        const blocks = readBloomFilter({ view: new DataView(bytes), offset: 0 })?.blocks
        if (blocks === undefined) return undefined
        return (value) => {
          const hash = hashParquetValue(value, element)
          return hash === undefined || sbbfContains(blocks, hash)
        }
      } catch (error) {
        throw unreadable(error, `Cannot read the bloom filter of column "${name}" of ${what}`)
      }
    },
    async readVectorRange(name, range) {
      const group = rowGroups.findIndex(({ rowEnd }) => range.rowStart < rowEnd)
      return group < 0 ? undefined : readChunk(name, { ...range, group })
    },
    async locatePages(name, group) {
      const found = findDecodable(name, group)
      if (found === undefined) return undefined
      try {
        const { rowStart, rowEnd } = rowGroups[group]!
        return await locatePages(file, found.chunk, rowEnd - rowStart)
      } catch (error) {
        throw unreadable(error, `Cannot read column "${name}" of ${what}`)
      }
    },
    hasOffsetIndex(name, group) {
      const chunk = metadata.row_groups[group]!.columns.find(
        ({ meta_data }) => meta_data?.path_in_schema[0] === name,
      )
      return chunk?.offset_index_offset !== undefined
    },
  }

  /** Undefined where `decodeChunk` does not know all that the chunk is made of. */
  function findDecodable(name: string, group: number) {
    const at = columns.findIndex((column) => column.name === name)
    const type = columns[at]?.type
    const chunk = chunkOf(metadata.row_groups[group]!, name)
    const element = schema.children[at]?.element
    if (type === undefined || chunk === undefined || !isDecodable(chunk, type, element)) return undefined
    return { type, chunk, isRequired: element?.repetition_type === 'REQUIRED' }
  }

  async function readChunk(
    name: string,
    range: RowRange & { readonly group: number; readonly pool?: VectorPool | undefined },
  ): Promise<Vector | undefined> {
    const found = findDecodable(name, range.group)
    if (found === undefined) return undefined
    const { type, chunk, isRequired } = found
    const group = rowGroups[range.group]!
    const rows = { rowStart: range.rowStart - group.rowStart, rowEnd: range.rowEnd - group.rowStart }
    try {
      const parts = await readParts(file, chunk, { ...rows, places: range.places })
      const count = rows.rowEnd - rows.rowStart
      const values =
        range.pool === undefined
          ? createVectorValues(type, count)
          : takeVectorValues(range.pool, name, { type, count })
      return decodeChunk(parts, chunk, {
        ...rows,
        type,
        isRequired,
        rowCount: group.rowEnd - group.rowStart,
        values,
        pageBytesMax: range.pageBytesMax ?? Number.POSITIVE_INFINITY,
      })
    } catch (error) {
      throw unreadable(error, `Cannot read column "${name}" of ${what}`)
    }
  }

  async function readColumn(name: string, start: number, end: number): Promise<ArrayLike<unknown>> {
    const action = `Cannot read column "${name}" of ${what}`
    const at = columns.findIndex((column) => column.name === name)
    try {
      const group = rowGroups.findIndex(({ rowEnd }) => start < rowEnd)
      const chunks = metadata.row_groups[group]?.columns ?? []
      const chunk = chunks.find(({ meta_data }) => meta_data?.path_in_schema[0] === name)?.meta_data
      if (chunk !== undefined) checkChunk(chunk, action)
      // A scan of its own for each call: a scan keeps the last column it decoded, which would unbind memory.
      const scan = await parquetScan({
        file,
        metadata,
        columns: [name],
        compressors: COMPRESSORS,
        parsers: { ...PARSERS, stringFromBytes },
        utf8: false,
      })
      const values = await scan.readColumn({ column: name, rowStart: start, rowEnd: end })
      return storeValues(columns[at]!, schema.children[at]!.element, values)
    } catch (error) {
      throw unreadable(error, action)
    }
  }
}

function chunkOf({ columns }: FileMetaData['row_groups'][number], name: string) {
  return columns.find(({ meta_data }) => meta_data?.path_in_schema[0] === name)?.meta_data
}

/** The mark at both ends and the length of what stands before the last. */
const FILE_BYTES_MIN = 12

/** Statistics as hyparquet's parsers leave them: times are microseconds in a number, as in columns. */
function chunkBounds(group: FileMetaData['row_groups'][number], name: string) {
  const { min_value: min, max_value: max } = chunkOf(group, name)?.statistics ?? {}
  return min === undefined || max === undefined ? undefined : { min: min as Value, max: max as Value }
}

/** What the store could not fetch is the store's error; what it fetched and cannot decode is the file's. */
function unreadable(error: unknown, action: string): FeatureStoreError {
  return error instanceof FeatureStoreError ? error : invalid(`${action}: ${(error as Error).message}`)
}

/** Exact or not at all: hyparquet's own would drop a byte order mark and put others for bytes that are not UTF-8 (S13). */
const stringFromBytes = (bytes: Uint8Array) => bytes && decodeUtf8(bytes, 0, bytes.length)

/** Microseconds in a number, of a date its midnight; from Parquet, finer fractions are floored (`docs/semantics.md` S1). */
const MICROS_PER_DAY = 86_400_000_000
const PARSERS: Partial<ParquetParsers> = {
  dateFromDays: (days: number | null) => (days === null ? null : days * MICROS_PER_DAY),
  timestampFromMilliseconds: (value: bigint | null) => (value === null ? null : Number(value) * 1_000),
  timestampFromMicroseconds: (value: bigint | null) => (value === null ? null : Number(value)),
  timestampFromNanoseconds: (value: bigint | null) =>
    value === null ? null : Number((value - (((value % 1_000n) + 1_000n) % 1_000n)) / 1_000n),
}
