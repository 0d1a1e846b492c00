import {
  type ColumnChunk,
  parquetSchema,
  type RowGroup,
  type SchemaElement,
  type SchemaTree,
} from 'hyparquet'
import { ByteWriter } from 'hyparquet-writer'
import { BloomBuilder, writeBlooms } from 'hyparquet-writer/src/bloom.js'
import { writeColumn } from 'hyparquet-writer/src/column.js'
import { encodeNestedValues } from 'hyparquet-writer/src/dremel.js'
import { writeMetadata } from 'hyparquet-writer/src/metadata.js'
import { type ChunkColumn, type Compression, encodeChunk, isEncodable } from './column-chunk/encode-chunk.ts'
import { compressSnappy } from './column-chunk/snappy.ts'
import { type ColumnShape, schemaElements } from './parquet-types.ts'
import type { Value } from './value.ts'
import type { Vector } from './vector.ts'

/** Rows of one row group of the store's own files. */
export const ROW_GROUP_ROWS = 65_536
const CREATED_BY = 'featheredge'
/** `PAR1`. */
const MAGIC = 0x31524150

export interface WrittenColumn extends ColumnShape {
  /** True for a bloom filter in each row group: who looks for one value leaves alone the groups that lack it. */
  readonly hasBloomFilter?: boolean
}

/** A Parquet file that is written in parts, each of them a row group, or some. */
export interface ParquetFileWriter {
  /** Values of every column, all of one length. */
  write(columns: readonly ColumnValues[]): void
  rowCount(): number
  /** The bytes written since the last call: memory need not hold more of the file. */
  takeBytes(): Uint8Array
  /** The bytes that end the file, after those not taken yet. */
  finish(): Uint8Array
}

export type ColumnValues =
  | ArrayLike<Value>
  /** `nulls` by row: not 0 where the value is null, whatever stands in `values`. */
  | { readonly values: ArrayLike<Value>; readonly nulls: Uint8Array | undefined }

/** Begins a file of these columns: statistics on, no clock and no randomness, so equal input is equal bytes. */
export function createParquetWriter(
  columns: readonly WrittenColumn[],
  /** By Snappy. Columns of bool, bytes and lists are compressed whatever this says. */
  { compression = 'where it pays' }: { readonly compression?: Compression } = {},
): ParquetFileWriter {
  const schema: SchemaElement[] = [
    { name: 'root', num_children: columns.length },
    ...columns.flatMap(schemaElements),
  ]
  const tree = parquetSchema({ schema } as Parameters<typeof parquetSchema>[0])
  const writer = new ByteWriter()
  writer.appendUint32(MAGIC)
  const rowGroups: RowGroup[] = []
  const blooms: { chunk: ColumnChunk; bloomFilter: Uint32Array }[] = []
  let rowCount = 0
  const takeBytes = () => {
    const bytes = writer.getBytes().slice()
    // Offsets go on counting from the file's start.
    writer.index = 0
    return bytes
  }
  return {
    write(data) {
      const chunks = columns.map(({ name, type, required = false }, at): ChunkColumn => {
        const column = data[at]!
        const { values, nulls } =
          'nulls' in column ? (column as Vector) : { values: column as ArrayLike<Value>, nulls: undefined }
        return { name, type, isRequired: required, values, nulls }
      })
      const count = chunks[0]?.values.length ?? 0
      for (let start = 0; start < count; start += ROW_GROUP_ROWS) {
        const end = Math.min(start + ROW_GROUP_ROWS, count)
        const written = chunks.map((chunk, at) =>
          isEncodable(chunk.type)
            ? encodeChunk(writer, chunk, { start, end, compression })
            : writeOther(writer, [tree, tree.children[at]!], chunk, start, end),
        )
        rowGroups.push(rowGroup(written, end - start))
        for (const [at, { hasBloomFilter }] of columns.entries()) {
          if (hasBloomFilter !== true) continue
          const element = tree.children[at]!.element
          const bloomFilter = bloomOf(element, chunks[at]!, start, end)
          if (bloomFilter !== undefined) blooms.push({ chunk: written[at]!, bloomFilter })
        }
      }
      rowCount += count
    },
    rowCount: () => rowCount,
    takeBytes,
    finish() {
      writeBlooms(writer, blooms)
      writeMetadata(writer, {
        version: 2,
        created_by: CREATED_BY,
        schema,
        num_rows: BigInt(rowCount),
        row_groups: rowGroups,
      } as Parameters<typeof writeMetadata>[1])
      writer.appendUint32(MAGIC)
      return takeBytes()
    },
  }
}

/** Its bits are those of the distinct values: rows of one key stand together. */
function bloomOf(
  element: SchemaElement,
  { values, nulls }: ChunkColumn,
  start: number,
  end: number,
): Uint32Array | undefined {
  const bloom = new BloomBuilder(element)
  for (let row = start; row < end; row++) {
    const isNull = (nulls !== undefined && nulls[row] !== 0) || values[row] === null
    if (!isNull && (row === start || values[row] !== values[row - 1])) bloom.insert(values[row])
  }
  return bloom.finalize()
}

function rowGroup(columns: ColumnChunk[], rowCount: number): RowGroup {
  const sum = (size: (chunk: NonNullable<ColumnChunk['meta_data']>) => bigint) =>
    columns.reduce((total, { meta_data }) => total + size(meta_data!), 0n)
  return {
    columns,
    num_rows: BigInt(rowCount),
    total_byte_size: sum((chunk) => chunk.total_uncompressed_size),
    total_compressed_size: sum((chunk) => chunk.total_compressed_size),
  }
}

/** A chunk of a type that `encodeChunk` does not write. */
function writeOther(
  writer: ByteWriter,
  path: readonly SchemaTree[],
  { name, values, nulls, isRequired }: ChunkColumn,
  start: number,
  end: number,
): ColumnChunk {
  const leafPath = [...path]
  for (let node = path.at(-1)!.children[0]; node !== undefined; node = node.children[0]) leafPath.push(node)
  const schemaPath = leafPath.map(({ element }) => element)
  const rows = Array.from({ length: end - start }, (_, at) =>
    nulls !== undefined && nulls[start + at] !== 0 ? null : values[start + at]!,
  )
  if (isRequired && rows.includes(null)) throw new Error(`column "${name}" is required and holds a null`)
  const column = {
    columnName: name,
    element: schemaPath.at(-1)!,
    schemaPath,
    codec: 'SNAPPY' as const,
    compressors: { SNAPPY: compressSnappy },
    stats: true,
    pageSize: 1_048_576,
    columnIndex: false,
    offsetIndex: false,
  }
  return writeColumn({ writer, column, pageData: encodeNestedValues(leafPath, rows) }).chunk
}
