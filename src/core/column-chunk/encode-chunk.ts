import type { ColumnChunk, Encoding, Statistics } from 'hyparquet'
import type { ByteWriter } from 'hyparquet-writer'
import { writePageHeader } from 'hyparquet-writer/src/datapage.js'
import { compareValues } from '../aggregate/compare-values.ts'
import type { Value, ValueType } from '../value.ts'
import { bitWidth, encodeHybrid } from './hybrid.ts'
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
/** A dictionary is used where it holds at most this share of the values. */
const DICTIONARY_SHARE_MAX = 0.5
/** Positions of more bits are not written. */
const DICTIONARY_SIZE_MAX = 1 << 16

export function isEncodable(type: ValueType): boolean {
  return type === 'int64' || type === 'timestamp' || type === 'float64' || type === 'string'
}

/** Writes rows `start` to `end` (exclusive) as one column chunk: a dictionary if it pays, and one data page. */
export function encodeChunk(
  writer: ByteWriter,
  column: ChunkColumn,
  { start, end, compression }: ChunkRows,
): ColumnChunk {
  const rows = storedRows(column, start, end)
  const stored = takeStored(column, rows)
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
  const levels = column.isRequired ? new Uint8Array(0) : encodeLevels(rows, start, end)
  const body = pages.at(-1)!
  const compressed = compress(body)
  const encoding: Encoding = coded === undefined ? 'PLAIN' : 'RLE_DICTIONARY'
  const nullCount = end - start - rows.length
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

/** Values that are not null, in the form in which they are compared and written. */
type Stored = Float64Array | BigInt64Array | readonly string[]

/** The rows that hold a value. */
function storedRows({ name, isRequired, values, nulls }: ChunkColumn, start: number, end: number) {
  const rows = new Int32Array(end - start)
  let count = 0
  if (values instanceof Float64Array || values instanceof BigInt64Array) {
    for (let row = start; row < end; row++) if (nulls === undefined || nulls[row] === 0) rows[count++] = row
  } else {
    for (let row = start; row < end; row++) {
      const isNull = (nulls !== undefined && nulls[row] !== 0) || values[row] === null
      if (!isNull) rows[count++] = row
    }
  }
  if (isRequired && count < end - start) throw new Error(`column "${name}" is required and holds a null`)
  return rows.subarray(0, count)
}

function takeStored({ type, values }: ChunkColumn, rows: Int32Array): Stored {
  const count = rows.length
  if (type === 'string') return Array.from(rows, (row) => values[row] as string)
  if (type === 'float64') {
    const numbers = new Float64Array(count)
    for (let at = 0; at < count; at++) numbers[at] = values[rows[at]!] as number
    return numbers
  }
  const stored = new BigInt64Array(count)
  const words = new Int32Array(stored.buffer)
  if (values instanceof BigInt64Array) {
    const from = new Int32Array(values.buffer, values.byteOffset, values.length * 2)
    for (let at = 0; at < count; at++) {
      words[2 * at] = from[2 * rows[at]!]!
      words[2 * at + 1] = from[2 * rows[at]! + 1]!
    }
  } else if (type === 'timestamp') {
    for (let at = 0; at < count; at++) {
      const time = values[rows[at]!] as number
      const high = Math.floor(time / 4_294_967_296)
      words[2 * at] = time - high * 4_294_967_296
      words[2 * at + 1] = high
    }
  } else {
    for (let at = 0; at < count; at++) stored[at] = values[rows[at]!] as bigint
  }
  return stored
}

interface Coded {
  readonly dictionary: Stored
  readonly codes: Int32Array
}

/** The distinct values in order of first use, and where each value is among them; undefined where it does not pay. */
function findDictionary(stored: Stored): Coded | undefined {
  const sizeMax = Math.min(DICTIONARY_SIZE_MAX, Math.floor(stored.length * DICTIONARY_SHARE_MAX))
  if (sizeMax === 0) return undefined
  return stored instanceof BigInt64Array
    ? findWordDictionary(stored, sizeMax)
    : findTextDictionary(stored as readonly string[], sizeMax)
}

function findTextDictionary(texts: readonly string[], sizeMax: number): Coded | undefined {
  const codeByText = new Map<string, number>()
  const codes = new Int32Array(texts.length)
  for (let at = 0; at < texts.length; at++) {
    let code = codeByText.get(texts[at]!)
    if (code === undefined) {
      code = codeByText.size
      if (code === sizeMax) return undefined
      codeByText.set(texts[at]!, code)
    }
    codes[at] = code
  }
  return { dictionary: [...codeByText.keys()], codes }
}

/** As the one of texts, in a hash table of its own: a bigint for each value would cost more than all else. */
function findWordDictionary(values: BigInt64Array, sizeMax: number): Coded | undefined {
  const words = new Int32Array(values.buffer)
  const tableBits = bitWidth(sizeMax * 2)
  const mask = (1 << tableBits) - 1
  /** 0 for a free place, else a code and 1. */
  const table = new Int32Array(mask + 1)
  const found = new Int32Array(sizeMax * 2)
  const codes = new Int32Array(values.length)
  let size = 0
  for (let at = 0; at < values.length; at++) {
    const [low, high] = [words[2 * at]!, words[2 * at + 1]!]
    let place = (Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1) >>> (32 - tableBits)) & mask
    for (; table[place] !== 0; place = (place + 1) & mask) {
      const code = table[place]! - 1
      if (found[2 * code] === low && found[2 * code + 1] === high) break
    }
    if (table[place] === 0) {
      if (size === sizeMax) return undefined
      found[2 * size] = low
      found[2 * size + 1] = high
      table[place] = ++size
    }
    codes[at] = table[place]! - 1
  }
  return { dictionary: new BigInt64Array(found.buffer, 0, size), codes }
}

function plainBytes(stored: Stored): Uint8Array {
  if (!Array.isArray(stored)) {
    const { buffer, byteOffset, byteLength } = stored as Float64Array | BigInt64Array
    return new Uint8Array(buffer, byteOffset, byteLength)
  }
  let bytes = new Uint8Array(stored.length * 16 + 64)
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
  const bytes = new Uint8Array(packed.length + 1)
  bytes[0] = width
  bytes.set(packed, 1)
  return bytes
}

function encodeLevels(rows: Int32Array, start: number, end: number): Uint8Array {
  const levels = new Uint8Array(end - start)
  for (const row of rows) levels[row - start] = 1
  return encodeHybrid(levels, levels.length, 1)
}

function isWorthCompressing(bytes: Uint8Array): boolean {
  const sample = bytes.subarray(0, SAMPLE_BYTES)
  return sample.length > 0 && compressSnappy(sample).length < sample.length * COMPRESSED_SHARE_MAX
}

/** Least and greatest value; NaN is neither (Parquet knows no order for it), and a zero is the wider one. */
function bounds(type: ValueType, stored: Stored): Statistics {
  if (stored.length === 0) return {}
  if (stored instanceof Float64Array) {
    let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const value of stored) {
      if (value < min) min = value
      if (value > max) max = value
    }
    if (min > max) return {}
    return { min_value: min === 0 ? -0 : min, max_value: max === 0 ? 0 : max }
  }
  if (stored instanceof BigInt64Array) return wordBounds(type, stored)
  let [min, max] = [stored[0]!, stored[0]!]
  for (const value of stored as readonly string[]) {
    if (compareValues(value, min) < 0) min = value
    if (compareValues(value, max) > 0) max = value
  }
  return { min_value: min, max_value: max }
}

function wordBounds(_type: ValueType, stored: BigInt64Array): Statistics {
  const words = new Int32Array(stored.buffer, stored.byteOffset, stored.length * 2)
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
