import type { ColumnMetaData, Encoding, SchemaElement } from 'hyparquet'
import { parquetHeader } from 'hyparquet/src/column.js'
import type { Value, ValueType } from '../value.ts'
import { createVectorValues, type Vector, type VectorValues } from '../vector.ts'
import { decodeHybrid } from './hybrid.ts'
import { decompressSnappy } from './snappy.ts'
import { decodeUtf8 } from './utf8.ts'

export interface ChunkShape {
  readonly type: ValueType
  readonly isRequired: boolean
  readonly rowCount: number
  /** Where the values go; may hold anything, and more than the rows. */
  readonly values: VectorValues
}

/** Types whose chunks are decoded here, by what they are in Parquet. */
const PHYSICAL_TYPES: Partial<Record<ValueType, ColumnMetaData['type']>> = {
  int64: 'INT64',
  timestamp: 'INT64',
  float64: 'DOUBLE',
  string: 'BYTE_ARRAY',
}
const ENCODINGS: readonly Encoding[] = ['PLAIN', 'RLE', 'RLE_DICTIONARY', 'PLAIN_DICTIONARY']

/**
 * Whether `decodeChunk` knows all that a chunk is made of. The store's own segments are, but for columns of bool,
 * bytes and lists; hyparquet decodes the others. Timestamps have to be in microseconds.
 */
export function isDecodable(
  { type, codec, encodings }: ColumnMetaData,
  valueType: ValueType,
  element: SchemaElement | undefined,
): boolean {
  const isOtherUnit =
    valueType === 'timestamp' &&
    (element?.logical_type as { unit?: string } | undefined)?.unit !== 'MICROS' &&
    element?.converted_type !== 'TIMESTAMP_MICROS'
  return (
    !isOtherUnit &&
    // As signed ones, its greatest values would be others.
    element?.converted_type !== 'UINT_64' &&
    PHYSICAL_TYPES[valueType] === type &&
    (codec === 'SNAPPY' || codec === 'UNCOMPRESSED') &&
    encodings.every((encoding) => ENCODINGS.includes(encoding))
  )
}

/** Decodes a whole column chunk. Throws an `Error` that says what is wrong when it is not as its headers say. */
export function decodeChunk(bytes: Uint8Array, metadata: ColumnMetaData, shape: ChunkShape): Vector {
  const { type, rowCount, values } = shape
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 }
  let nulls: Uint8Array | undefined
  let dictionary: VectorValues | undefined
  for (let row = 0; row < rowCount; ) {
    const header = parquetHeader(reader)
    const body = bytes.subarray(reader.offset, reader.offset + header.compressed_page_size)
    reader.offset += header.compressed_page_size
    if (header.type === 'DICTIONARY_PAGE') {
      const count = header.dictionary_page_header?.num_values ?? 0
      dictionary = createVectorValues(type, count)
      readPlain(decompress(body, header.uncompressed_page_size, metadata), type, dictionary, 0, count)
      continue
    }
    const page = readPage(body, header, metadata, shape.isRequired)
    if (row + page.count > rowCount) throw new Error('a page holds more rows than its row group')
    const stored = page.count - page.nullCount
    if (page.encoding === 'PLAIN') readPlain(page.bytes, type, values, row, stored)
    else readCodes(page.bytes, dictionary, values, row, stored)
    if (page.nullCount > 0) {
      nulls ??= new Uint8Array(rowCount)
      spreadValues(values, nulls, row, page)
    }
    row += page.count
  }
  return { values, nulls }
}

interface Page {
  readonly count: number
  readonly nullCount: number
  readonly encoding: Encoding
  /** By row of the page: 0 where it is null. */
  readonly levels: Uint8Array | undefined
  /** The values that are not null, encoded. */
  readonly bytes: Uint8Array
}

type PageHeader = ReturnType<typeof parquetHeader>

/** A data page of either version, its levels apart from its values. */
function readPage(body: Uint8Array, header: PageHeader, metadata: ColumnMetaData, isRequired: boolean): Page {
  const second = header.data_page_header_v2
  if (second !== undefined) {
    const { num_rows: count, encoding, definition_levels_byte_length: length } = second
    const values = body.subarray(length + second.repetition_levels_byte_length)
    const size = header.uncompressed_page_size - (body.length - values.length)
    const bytes = second.is_compressed === false ? values : decompress(values, size, metadata)
    const levels = isRequired ? undefined : readLevels(body.subarray(0, length), count)
    return { count, nullCount: countNulls(levels), encoding, levels, bytes }
  }
  const first = header.data_page_header
  if (first === undefined) throw new Error('a page is of no kind that is known')
  const { num_values: count, encoding } = first
  const bytes = decompress(body, header.uncompressed_page_size, metadata)
  if (isRequired) return { count, nullCount: 0, encoding, levels: undefined, bytes }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
  const levels = readLevels(bytes.subarray(4, 4 + length), count)
  return { count, nullCount: countNulls(levels), encoding, levels, bytes: bytes.subarray(4 + length) }
}

function countNulls(levels: Uint8Array | undefined): number {
  let count = 0
  if (levels !== undefined) for (const level of levels) count += 1 - level
  return count
}

function readLevels(bytes: Uint8Array, count: number): Uint8Array {
  const levels = new Uint8Array(count)
  decodeHybrid(bytes, 0, 1, levels)
  return levels
}

function decompress(bytes: Uint8Array, size: number, { codec }: ColumnMetaData): Uint8Array {
  if (codec === 'UNCOMPRESSED') return bytes
  if (pageScratch.length < size) pageScratch = new Uint8Array(size)
  const output = pageScratch.subarray(0, size)
  if (size > 0) decompressSnappy(bytes, output)
  return output
}

// One page and its codes at a time, for all: decoding never awaits, and a page is copied before the next is taken.
let pageScratch = new Uint8Array(0)
let codeScratch = new Int32Array(0)

/** Reads `count` plain values to `values` from `start` on. */
function readPlain(
  bytes: Uint8Array,
  type: ValueType,
  values: VectorValues,
  start: number,
  count: number,
): void {
  if (Array.isArray(values)) {
    readTexts(bytes, values, start, count)
    return
  }
  if (bytes.length < count * 8) throw new Error('a page holds fewer values than it says')
  // 8-byte values may start anywhere among the bytes; a typed array has to start at a multiple of its item.
  new Uint8Array(values.buffer, start * 8, count * 8).set(bytes.subarray(0, count * 8))
  if (type !== 'timestamp') return
  const words = new Int32Array(values.buffer)
  const times = values as Float64Array
  for (let at = start; at < start + count; at++)
    times[at] = words[2 * at + 1]! * 4_294_967_296 + (words[2 * at]! >>> 0)
}

function readTexts(bytes: Uint8Array, values: Value[], start: number, count: number): void {
  let at = 0
  for (let row = start; row < start + count; row++) {
    const length = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    const end = at + 4 + length
    if (!(end <= bytes.length)) throw new Error('a page ends within a string')
    values[row] = decodeUtf8(bytes, at + 4, end)
    at = end
  }
}

/** Reads `count` values that are given by their positions in the dictionary. */
function readCodes(
  bytes: Uint8Array,
  dictionary: VectorValues | undefined,
  values: VectorValues,
  start: number,
  count: number,
): void {
  if (dictionary === undefined) throw new Error('a page refers to a dictionary that is not there')
  if (count === 0) return
  if (codeScratch.length < count) codeScratch = new Int32Array(count)
  const codes = codeScratch.subarray(0, count)
  decodeHybrid(bytes, 1, bytes[0]!, codes)
  for (const code of codes) {
    if (code < 0 || code >= dictionary.length) throw new Error('a page refers beyond its dictionary')
  }
  if (Array.isArray(values)) {
    const texts = dictionary as readonly Value[]
    for (let at = 0; at < count; at++) values[start + at] = texts[codes[at]!]!
  } else if (values instanceof Float64Array) {
    const numbers = dictionary as Float64Array
    for (let at = 0; at < count; at++) values[start + at] = numbers[codes[at]!]!
  } else {
    // As words: a bigint a row would be an object a row.
    const from = new Int32Array((dictionary as BigInt64Array).buffer)
    const to = new Int32Array(values.buffer)
    for (let at = 0; at < count; at++) {
      to[2 * (start + at)] = from[2 * codes[at]!]!
      to[2 * (start + at) + 1] = from[2 * codes[at]! + 1]!
    }
  }
}

/** Moves a page's values, which stand at its start, to their rows, last first. */
function spreadValues(values: VectorValues, nulls: Uint8Array, row: number, page: Page): void {
  const levels = page.levels!
  let from = row + page.count - page.nullCount - 1
  const words = values instanceof BigInt64Array ? new Int32Array(values.buffer) : undefined
  for (let at = page.count - 1; at >= 0; at--) {
    const to = row + at
    if (levels[at] === 0) {
      nulls[to] = 1
      continue
    }
    if (words === undefined) (values as Value[])[to] = (values as Value[])[from]!
    else {
      words[2 * to] = words[2 * from]!
      words[2 * to + 1] = words[2 * from + 1]!
    }
    from--
  }
}
