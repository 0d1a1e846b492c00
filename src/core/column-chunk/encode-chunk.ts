import type { ColumnChunk, Encoding, Statistics } from 'hyparquet'
import type { ByteWriter } from 'hyparquet-writer'
import { writePageHeader } from 'hyparquet-writer/src/datapage.js'
import { compareValues } from '../aggregate/compare-values.ts'
import type { Value, ValueType } from '../value.ts'
import { wordsOf } from '../vector.ts'
import { type Coded, findDictionary, type Stored } from './find-dictionary.ts'
import { bitWidth, encodeHybrid } from './hybrid.ts'
import { createScratch } from './scratch.ts'
import { compressSnappy } from './snappy.ts'
import { encodeUtf8 } from './utf8.ts'

/** What one column of a row group is made of. */
export interface ChunkColumn {
  readonly name: string
  readonly type: ValueType
  readonly isRequired: boolean
  /** By row. */
  readonly values: ArrayLike<Value>
  /** By row: not 0 where the value is null, whatever stands in `values`; undefined where `values` alone says so. */
  readonly nulls: Uint8Array | undefined
}

export interface ChunkRows {
  readonly start: number
  /** Exclusive. */
  readonly end: number
  readonly compression: Compression
}

/** `where it pays` leaves a chunk as it is unless it gets much smaller: to take it apart again costs readers time. */
export type Compression = 'always' | 'where it pays' | 'never'

/** A codec is used where it leaves less than this of the first part of a chunk: to read less costs time, too. */
const COMPRESSED_SHARE_MAX = 0.5
const SAMPLE_BYTES = 32_768
/** What does not shrink at all at its beginning is not looked at further: most columns of floats. */
const GLANCE_SHARE_MAX = 0.97
const GLANCE_BYTES = 4_096

// What a chunk is made of on its way, one chunk at a time: each is copied to the file before the next is begun.
const rowScratch = createScratch()
const storedScratch = createScratch()
const textScratch = createScratch()
const codeScratch = createScratch()
const levelScratch = createScratch()

export function isEncodable(type: ValueType): boolean {
  return type === 'int64' || type === 'timestamp' || type === 'float64' || type === 'string'
}

/** Writes rows `start` to `end` (exclusive) as one column chunk: a dictionary if it pays, and one data page. */
export function encodeChunk(
  writer: ByteWriter,
  column: ChunkColumn,
  { start, end, compression }: ChunkRows,
): ColumnChunk {
  const rows = storedRows(column, { start, end })
  const stored = takeStored(column, rows, { start, end })
  const coded = column.type === 'float64' ? undefined : findDictionary(stored)
  const pages = coded === undefined ? [plainBytes(stored)] : [plainBytes(coded.dictionary), codeBytes(coded)]
  const isSnappy =
    compression === 'always' || (compression === 'where it pays' && pages.some(isWorthCompressing))
  const codec = isSnappy ? 'SNAPPY' : 'UNCOMPRESSED'
  const compress = (bytes: Uint8Array) => (isSnappy ? compressSnappy(bytes) : bytes)
  const fileOffset = writer.offset
  let uncompressedSize = 0
  if (coded !== undefined) {
    const compressed = compress(pages[0]!)
    writePageHeader(writer, {
      type: 'DICTIONARY_PAGE',
      uncompressed_page_size: pages[0]!.length,
      compressed_page_size: compressed.length,
      dictionary_page_header: { num_values: coded.dictionary.length, encoding: 'PLAIN' },
    })
    uncompressedSize += writer.offset - fileOffset + pages[0]!.length
    writer.appendBytes(compressed)
  }
  const dataOffset = writer.offset
  const levels = column.isRequired ? new Uint8Array(0) : encodeLevels(rows, { start, end })
  const body = pages.at(-1)!
  const compressed = compress(body)
  const encoding: Encoding = coded === undefined ? 'PLAIN' : 'RLE_DICTIONARY'
  const nullCount = rows === undefined ? 0 : end - start - rows.length
  writePageHeader(writer, {
    type: 'DATA_PAGE_V2',
    uncompressed_page_size: levels.length + body.length,
    compressed_page_size: levels.length + compressed.length,
    data_page_header_v2: {
      num_values: end - start,
      num_nulls: nullCount,
      num_rows: end - start,
      encoding,
      definition_levels_byte_length: levels.length,
      repetition_levels_byte_length: 0,
      is_compressed: isSnappy,
    },
  })
  uncompressedSize += writer.offset - dataOffset + levels.length + body.length
  writer.appendBytes(levels)
  writer.appendBytes(compressed)
  return {
    file_offset: BigInt(fileOffset),
    meta_data: {
      type: column.type === 'float64' ? 'DOUBLE' : column.type === 'string' ? 'BYTE_ARRAY' : 'INT64',
      encodings: coded === undefined ? ['PLAIN', 'RLE'] : ['PLAIN', 'RLE', 'RLE_DICTIONARY'],
      path_in_schema: [column.name],
      codec,
      num_values: BigInt(end - start),
      total_uncompressed_size: BigInt(uncompressedSize),
      total_compressed_size: BigInt(writer.offset - fileOffset),
      data_page_offset: BigInt(dataOffset),
      ...(coded === undefined ? {} : { dictionary_page_offset: BigInt(fileOffset) }),
      statistics: { ...bounds(column.type, coded?.dictionary ?? stored), null_count: BigInt(nullCount) },
    },
  }
}

type RowRange = Pick<ChunkRows, 'start' | 'end'>

/** The rows that hold a value; undefined where all do. */
function storedRows({ name, isRequired, values, nulls }: ChunkColumn, { start, end }: RowRange) {
  const isTyped = values instanceof Float64Array || values instanceof BigInt64Array
  if (isTyped && nulls === undefined) return undefined
  const rows = rowScratch.int32(end - start)
  let count = 0
  for (let row = start; row < end; row++) {
    const isNull = (nulls !== undefined && nulls[row] !== 0) || (!isTyped && values[row] === null)
    if (!isNull) rows[count++] = row
  }
  if (isRequired && count < end - start) throw new Error(`column "${name}" is required and holds a null`)
  return count === end - start ? undefined : rows.subarray(0, count)
}

function takeStored({ type, values }: ChunkColumn, rows: Int32Array | undefined, range: RowRange): Stored {
  const count = rows?.length ?? range.end - range.start
  const rowAt = (at: number) => (rows === undefined ? range.start + at : rows[at]!)
  if (type === 'string') {
    const texts = new Array<string>(count)
    for (let at = 0; at < count; at++) texts[at] = values[rowAt(at)] as string
    return texts
  }
  if (type === 'float64') {
    const numbers = storedScratch.float64(count)
    for (let at = 0; at < count; at++) numbers[at] = values[rowAt(at)] as number
    return numbers
  }
  const stored = storedScratch.bigInt64(count)
  const words = wordsOf(stored)
  if (values instanceof BigInt64Array) {
    const from = wordsOf(values)
    for (let at = 0; at < count; at++) {
      words[2 * at] = from[2 * rowAt(at)]!
      words[2 * at + 1] = from[2 * rowAt(at) + 1]!
    }
  } else if (type === 'timestamp') {
    for (let at = 0; at < count; at++) {
      const time = values[rowAt(at)] as number
      const high = Math.floor(time / 4_294_967_296)
      words[2 * at] = time - high * 4_294_967_296
      words[2 * at + 1] = high
    }
  } else {
    for (let at = 0; at < count; at++) stored[at] = values[rowAt(at)] as bigint
  }
  return stored
}

function plainBytes(stored: Stored): Uint8Array {
  if (!Array.isArray(stored)) {
    const { buffer, byteOffset, byteLength } = stored as Float64Array | BigInt64Array
    return new Uint8Array(buffer, byteOffset, byteLength)
  }
  let bytes = textScratch.uint8(stored.length * 16 + 64)
  let size = 0
  for (const text of stored as readonly string[]) {
    // No UTF-16 unit takes more than three bytes.
    const sizeMax = size + 4 + text.length * 3
    if (sizeMax > bytes.length) {
      const larger = new Uint8Array(Math.max(sizeMax, bytes.length * 2))
      larger.set(bytes)
      bytes = larger
    }
    const end = encodeUtf8(text, bytes, size + 4)
    const length = end - size - 4
    for (let shift = 0; shift < 32; shift += 8) bytes[size++] = length >>> shift
    size = end
  }
  return bytes.subarray(0, size)
}

function codeBytes({ dictionary, codes }: Coded): Uint8Array {
  const width = bitWidth(dictionary.length - 1)
  const packed = encodeHybrid(codes, codes.length, width)
  const bytes = codeScratch.uint8(packed.length + 1)
  bytes[0] = width
  bytes.set(packed, 1)
  return bytes
}

function encodeLevels(rows: Int32Array | undefined, { start, end }: RowRange): Uint8Array {
  const levels = levelScratch.uint8(end - start).fill(rows === undefined ? 1 : 0)
  if (rows !== undefined) for (const row of rows) levels[row - start] = 1
  return encodeHybrid(levels, levels.length, 1)
}

function isWorthCompressing(bytes: Uint8Array): boolean {
  return (
    isShrunk(bytes.subarray(0, GLANCE_BYTES), GLANCE_SHARE_MAX) &&
    isShrunk(bytes.subarray(0, SAMPLE_BYTES), COMPRESSED_SHARE_MAX)
  )
}

function isShrunk(sample: Uint8Array, shareMax: number): boolean {
  return sample.length > 0 && compressSnappy(sample).length < sample.length * shareMax
}

/** Least and greatest value; NaN is neither (Parquet knows no order for it), and a zero is the wider one. */
function bounds(type: ValueType, stored: Stored): Statistics {
  if (stored.length === 0) return {}
  if (stored instanceof Float64Array) return floatBounds(stored)
  if (stored instanceof BigInt64Array) return wordBounds(type, stored)
  let [min, max] = [stored[0]!, stored[0]!]
  for (const value of stored as readonly string[]) {
    if (compareValues(value, min) < 0) min = value
    if (compareValues(value, max) > 0) max = value
  }
  return { min_value: min, max_value: max }
}

function floatBounds(stored: Float64Array): Statistics {
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (let at = 0; at < stored.length; at++) {
    const value = stored[at]!
    if (value < min) min = value
    if (value > max) max = value
  }
  if (min > max) return {}
  return { min_value: min === 0 ? -0 : min, max_value: max === 0 ? 0 : max }
}

function wordBounds(_type: ValueType, stored: BigInt64Array): Statistics {
  const words = wordsOf(stored)
  let [min, max] = [0, 0]
  const isLess = (a: number, b: number) =>
    words[2 * a + 1]! < words[2 * b + 1]! ||
    (words[2 * a + 1] === words[2 * b + 1] && words[2 * a]! >>> 0 < words[2 * b]! >>> 0)
  for (let at = 1; at < stored.length; at++) {
    if (isLess(at, min)) min = at
    else if (isLess(max, at)) max = at
  }
  return { min_value: stored[min]!, max_value: stored[max]! }
}
