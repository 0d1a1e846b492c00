import type { ColumnMetaData, Encoding, SchemaElement } from 'hyparquet'
import { parquetHeader } from 'hyparquet/src/column.js'
import type { ValueType } from '../value.ts'
import { createVectorValues, type Vector, type VectorValues } from '../vector.ts'
import { COMPRESSORS } from './compressors.ts'
import { decodeHybrid } from './hybrid.ts'
import { type PageRows, readCodes, readPlain, spreadValues } from './read-values.ts'
import { decompressSnappy } from './snappy.ts'

export interface ChunkShape {
  readonly type: ValueType
  readonly isRequired: boolean
  /** Rows of the row group that are wanted. */
  readonly rowStart: number
  /** Exclusive. */
  readonly rowEnd: number
  /** Rows of the row group. */
  readonly rowCount: number
  /** Where the wanted values go, the first at 0; may hold anything, and more than the rows. */
  readonly values: VectorValues
  /** A larger page, decompressed, is refused: it is held whole, as it is stored and as it is not. */
  readonly pageBytesMax: number
}

/** Neighbouring pages of a chunk. */
export interface ChunkPart {
  readonly bytes: Uint8Array
  /** Row of the row group at which the first of its data pages begins. */
  readonly rowStart: number
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
    (codec === 'SNAPPY' || codec === 'UNCOMPRESSED' || COMPRESSORS[codec] !== undefined) &&
    encodings.every((encoding) => ENCODINGS.includes(encoding))
  )
}

/**
 * Decodes rows of a column chunk from the pages that hold them, its dictionary first. Throws an `Error` that says what is
 * wrong when it is not as its headers say.
 */
export function decodeChunk(
  parts: readonly ChunkPart[],
  metadata: ColumnMetaData,
  shape: ChunkShape,
): Vector {
  const { type, rowStart, rowEnd, values } = shape
  const wanted = rowEnd - rowStart
  let nulls: Uint8Array | undefined
  let dictionary: VectorValues | undefined
  let decoded = 0
  for (const { bytes, rowStart: partStart } of parts) {
    const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 }
    for (let row = partStart; reader.offset < bytes.length && decoded < wanted; ) {
      const header = readHeader(reader)
      const { uncompressed_page_size: size } = header
      if (size > shape.pageBytesMax)
        throw new Error(`a page of it is ${size} bytes large, at most ${shape.pageBytesMax} are held`)
      const body = bytes.subarray(reader.offset, reader.offset + header.compressed_page_size)
      reader.offset += header.compressed_page_size
      if (header.type === 'DICTIONARY_PAGE') {
        dictionary = readDictionary(body, header, { metadata, shape })
        continue
      }
      const count = pageRowCount(header)
      if (row + count > shape.rowCount) throw new Error('a page holds more rows than its row group')
      const start = Math.max(rowStart, row)
      const end = Math.min(rowEnd, row + count)
      if (start < end) {
        const page = readPage(body, header, { metadata, shape })
        const rows = cutPage(page, start - row, end - row)
        const to = start - rowStart
        if (page.encoding === 'PLAIN') readPlain(page.bytes, type, values, { ...rows, to })
        else readCodes(page.bytes, dictionary, values, { ...rows, to })
        if (rows.count < end - start) {
          nulls ??= new Uint8Array(wanted)
          spreadValues(values, nulls, to, rows)
        }
        decoded += end - start
      }
      row += count
    }
  }
  if (decoded < wanted) throw new Error('its pages hold fewer rows than its row group')
  return { values, nulls }
}

/** Throws a `RangeError` where the bytes end within the header. */
export function readHeader(reader: Parameters<typeof parquetHeader>[0]): PageHeader {
  const header = parquetHeader(reader)
  const { compressed_page_size: stored, uncompressed_page_size: size } = header
  if (!(stored >= 0 && size >= 0)) throw new Error('a page says no size')
  return header
}

/** Rows of a data page; of a column without lists it has as many values. */
export function pageRowCount(header: PageHeader): number {
  const count = header.data_page_header_v2?.num_rows ?? header.data_page_header?.num_values
  if (count === undefined) throw new Error('a page is of no kind that is known')
  return count
}

interface ChunkOf {
  readonly metadata: ColumnMetaData
  readonly shape: ChunkShape
}

function readDictionary(body: Uint8Array, header: PageHeader, { metadata, shape }: ChunkOf): VectorValues {
  const count = header.dictionary_page_header?.num_values ?? 0
  const bytes = decompress(body, header.uncompressed_page_size, metadata)
  // No value takes less than four bytes: a number of them that cannot be there is not believed.
  if (count * 4 > bytes.length) throw new Error('a page holds fewer values than it says')
  const dictionary = createVectorValues(shape.type, count)
  readPlain(bytes, shape.type, dictionary, { skipped: 0, count, to: 0 })
  return dictionary
}

function cutPage({ levels }: Page, start: number, end: number): PageRows {
  if (levels === undefined) return { skipped: start, count: end - start, levels }
  const cut = levels.subarray(start, end)
  return {
    skipped: start - countNulls(levels.subarray(0, start)),
    count: end - start - countNulls(cut),
    levels: cut,
  }
}

interface Page {
  readonly encoding: Encoding
  /** By row of the page: 0 where it is null. */
  readonly levels: Uint8Array | undefined
  /** The values that are not null, encoded. */
  readonly bytes: Uint8Array
}

type PageHeader = ReturnType<typeof parquetHeader>

/** A data page of either version, its levels apart from its values. */
function readPage(body: Uint8Array, header: PageHeader, { metadata, shape }: ChunkOf): Page {
  const { isRequired } = shape
  const second = header.data_page_header_v2
  if (second !== undefined) {
    const { num_rows: count, encoding, definition_levels_byte_length: length } = second
    const values = body.subarray(length + second.repetition_levels_byte_length)
    const size = header.uncompressed_page_size - (body.length - values.length)
    const bytes = second.is_compressed === false ? values : decompress(values, size, metadata)
    return { encoding, levels: isRequired ? undefined : readLevels(body.subarray(0, length), count), bytes }
  }
  const { num_values: count, encoding } = header.data_page_header!
  const bytes = decompress(body, header.uncompressed_page_size, metadata)
  if (isRequired) return { encoding, levels: undefined, bytes }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
  const levels = readLevels(bytes.subarray(4, 4 + length), count)
  return { encoding, levels, bytes: bytes.subarray(4 + length) }
}

function countNulls(levels: Uint8Array): number {
  let count = 0
  for (let at = 0; at < levels.length; at++) count += 1 - levels[at]!
  return count
}

function readLevels(bytes: Uint8Array, count: number): Uint8Array {
  const levels = new Uint8Array(count)
  decodeHybrid(bytes, 0, 1, levels)
  return levels
}

function decompress(bytes: Uint8Array, size: number, { codec }: ColumnMetaData): Uint8Array {
  if (codec === 'UNCOMPRESSED') return bytes
  if (codec !== 'SNAPPY') return COMPRESSORS[codec]!(bytes, size)
  if (pageScratch.length < size && size <= SCRATCH_BYTES_MAX) pageScratch = new Uint8Array(size)
  const output = size <= SCRATCH_BYTES_MAX ? pageScratch.subarray(0, size) : new Uint8Array(size)
  if (size > 0) decompressSnappy(bytes, output)
  return output
}

// One page at a time, for all: decoding never awaits, and a page is copied before the next is taken.
let pageScratch = new Uint8Array(0)
/** What is larger is let go with its page. */
const SCRATCH_BYTES_MAX = 4_000_000
