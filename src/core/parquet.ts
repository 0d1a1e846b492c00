import { decompress as decompressZstd } from 'fzstd'
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  type ParquetParsers,
  parquetMetadataAsync,
  parquetScan,
  parquetSchema,
  type SchemaElement,
  type SchemaTree,
} from 'hyparquet'
import { decompressBrotli } from 'hyparquet-compressors/src/brotli.js'
import { gunzip } from 'hyparquet-compressors/src/gzip.js'
import { decompressLz4, decompressLz4Raw } from 'hyparquet-compressors/src/lz4.js'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { FeatureStoreError, invalid } from './error.ts'
import { elementType, type ScalarType, type Value, type ValueType } from './value.ts'

export type { AsyncBuffer } from 'hyparquet'

export interface ParquetColumn {
  readonly name: string
  readonly type: ValueType
  /** True when no value is null; written as REQUIRED. */
  readonly required?: boolean
  /** int64 as bigint, timestamp as microseconds in a number. */
  readonly values: readonly Value[]
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
}

export interface ParquetFileColumn {
  readonly name: string
  /** What the file holds, in our types; undefined for what has no counterpart (maps, structs, decimals, …). */
  readonly type: ValueType | undefined
  /** How the file names it, for messages. */
  readonly physical: string
}

export interface RowGroupRange {
  readonly rowStart: number
  /** Exclusive. */
  readonly rowEnd: number
  /** Uncompressed bytes of all its columns. */
  readonly bytes: number
}

/** Rows of one row group of the store's own files. */
export const ROW_GROUP_ROWS = 65_536
const CREATED_BY = 'featheredge'

/** Writes a whole Parquet file: Snappy, statistics on, no clock and no randomness, so equal input is equal bytes. */
export function writeParquet(columns: readonly ParquetColumn[]): Uint8Array {
  const parquet = createParquetWriter(columns)
  parquet.write(columns.map(({ values }) => values))
  return parquet.finish()
}

export interface ParquetColumnType extends Omit<ParquetColumn, 'values'> {
  /** True for a bloom filter in each row group: who looks for one value leaves alone the groups that lack it. */
  readonly hasBloomFilter?: boolean
}

/** A Parquet file written row group by row group, so that memory holds its compressed bytes and one group. */
export interface ParquetFileWriter {
  /** Writes rows, by column, as row groups of at most `ROW_GROUP_ROWS` rows each. */
  write(values: readonly (readonly Value[])[]): void
  finish(): Uint8Array
}

/** Equal calls give equal bytes, as of `writeParquet`. */
export function createParquetWriter(columns: readonly ParquetColumnType[]): ParquetFileWriter {
  const writer = new ByteWriter()
  const parquet = new ParquetWriter({
    writer,
    schema: [{ name: 'root', num_children: columns.length }, ...columns.flatMap(schemaElements)],
    createdBy: CREATED_BY,
  })
  return {
    write(values) {
      parquet.write({
        columnData: columns.map(({ name, hasBloomFilter = false }, at) => ({
          name,
          data: values[at] as never[],
          bloomFilter: hasBloomFilter,
        })),
        rowGroupSize: ROW_GROUP_ROWS,
      })
    },
    finish() {
      parquet.finish()
      return writer.getBytes()
    },
  }
}

/** Reads the footer. Throws `invalid_argument` when the file is not Parquet or is cut short. */
export async function openParquet(file: AsyncBuffer, what: string): Promise<ParquetFile> {
  let metadata: FileMetaData
  try {
    metadata = await parquetMetadataAsync(file)
  } catch (error) {
    throw unreadable(error, `Cannot read ${what} as Parquet`)
  }
  const columns = parquetSchema(metadata).children.map(fileColumn)
  let rowStart = 0
  const rowGroups = metadata.row_groups.map((group) => {
    const range = {
      rowStart,
      rowEnd: rowStart + Number(group.num_rows),
      bytes: Number(group.total_byte_size),
    }
    rowStart = range.rowEnd
    return range
  })
  return {
    rowCount: rowStart,
    columns,
    rowGroups,
    async readColumn(name, start, end) {
      try {
        // A scan of its own for each call: a scan keeps the last column it decoded, which would unbind memory.
        const scan = await parquetScan({
          file,
          metadata,
          columns: [name],
          compressors: COMPRESSORS,
          parsers: PARSERS,
          utf8: false,
        })
        return await scan.readColumn({ column: name, rowStart: start, rowEnd: end })
      } catch (error) {
        throw unreadable(error, `Cannot read column "${name}" of ${what}`)
      }
    },
  }
}

/** What the store could not fetch is the store's error; what it fetched and cannot decode is the file's. */
function unreadable(error: unknown, action: string): FeatureStoreError {
  return error instanceof FeatureStoreError ? error : invalid(`${action}: ${(error as Error).message}`)
}

/** Every usual codec, in plain JavaScript: no wasm to compile. hyparquet brings Snappy itself. */
const COMPRESSORS: Compressors = {
  GZIP: (input, length) => gunzip(input, new Uint8Array(length)),
  BROTLI: decompressBrotli,
  ZSTD: (input) => decompressZstd(input),
  LZ4: decompressLz4,
  LZ4_RAW: decompressLz4Raw,
}

/** Microseconds in a number; from Parquet, finer fractions are floored (`docs/semantics.md` S1). */
const PARSERS: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (value: bigint | null) => (value === null ? null : Number(value) * 1_000),
  timestampFromMicroseconds: (value: bigint | null) => (value === null ? null : Number(value)),
  timestampFromNanoseconds: (value: bigint | null) =>
    value === null ? null : Number((value - (((value % 1_000n) + 1_000n) % 1_000n)) / 1_000n),
}

const SCALAR_ELEMENTS: Readonly<Record<ScalarType, Omit<SchemaElement, 'name'>>> = {
  bool: { type: 'BOOLEAN' },
  int64: { type: 'INT64' },
  float64: { type: 'DOUBLE' },
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  timestamp: {
    type: 'INT64',
    converted_type: 'TIMESTAMP_MICROS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
  },
  bytes: { type: 'BYTE_ARRAY' },
}

function schemaElements({ name, type, required }: ParquetColumnType): SchemaElement[] {
  const repetition_type = required ? 'REQUIRED' : 'OPTIONAL'
  const element = elementType(type)
  if (element === undefined) return [{ name, repetition_type, ...SCALAR_ELEMENTS[type as ScalarType] }]
  return [
    { name, repetition_type, num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type: 'OPTIONAL', ...SCALAR_ELEMENTS[element] },
  ]
}

function fileColumn({ element, children }: SchemaTree): ParquetFileColumn {
  const isList = element.converted_type === 'LIST' || element.logical_type?.type === 'LIST'
  const leaf = isList ? children[0]?.children[0] : undefined
  const scalar = isList
    ? leaf && children.length === 1 && scalarType(leaf)
    : scalarType({ element, children })
  const annotation = element.logical_type?.type ?? element.converted_type
  const physical = [element.type ?? 'group', annotation].filter(Boolean).join(' ')
  if (!scalar || (isList && scalar === 'bytes')) return { name: element.name, type: undefined, physical }
  return { name: element.name, type: isList ? (`list<${scalar}>` as ValueType) : scalar, physical }
}

function scalarType({ element, children }: Pick<SchemaTree, 'element' | 'children'>): ScalarType | undefined {
  const annotation = element.logical_type?.type ?? element.converted_type
  if (children.length > 0 || element.repetition_type === 'REPEATED') return undefined
  switch (annotation) {
    case undefined:
      return PHYSICAL_TYPES[element.type ?? '']
    case 'TIMESTAMP':
    case 'TIMESTAMP_MILLIS':
    case 'TIMESTAMP_MICROS':
      return 'timestamp'
    case 'STRING':
    case 'UTF8':
    case 'ENUM':
      return 'string'
    case 'INTEGER':
    case 'INT_8':
    case 'INT_16':
    case 'INT_32':
    case 'INT_64':
    case 'UINT_8':
    case 'UINT_16':
    case 'UINT_32':
      return 'int64'
    default:
      return undefined
  }
}

const PHYSICAL_TYPES: Readonly<Record<string, ScalarType | undefined>> = {
  BOOLEAN: 'bool',
  INT32: 'int64',
  INT64: 'int64',
  INT96: 'timestamp',
  FLOAT: 'float64',
  DOUBLE: 'float64',
  BYTE_ARRAY: 'bytes',
}
