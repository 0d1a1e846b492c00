import {
  type ColumnChunk,
  type ColumnMetaData,
  type CompressionCodec,
  type Encoding,
  type FileMetaData,
  parquetSchema,
  type SchemaElement,
} from 'hyparquet'
import { invalid } from './error.ts'
import { isDecimal, isTwoLevelList, type ParquetFileColumn } from './parquet-types.ts'
import { INT64_MAX } from './value.ts'

/** What chunks may be compressed with. */
const CODECS: readonly CompressionCodec[] = [
  'UNCOMPRESSED',
  'SNAPPY',
  'GZIP',
  'BROTLI',
  'ZSTD',
  'LZ4',
  'LZ4_RAW',
]
/** How values may stand in pages; `BIT_PACKED` is what old writers call levels that are not there. */
const ENCODINGS: readonly Encoding[] = [
  'PLAIN',
  'RLE',
  'BIT_PACKED',
  'PLAIN_DICTIONARY',
  'RLE_DICTIONARY',
  'DELTA_BINARY_PACKED',
  'DELTA_LENGTH_BYTE_ARRAY',
  'DELTA_BYTE_ARRAY',
  'BYTE_STREAM_SPLIT',
]

/** What the format did not know when this was written. */
const UNKNOWN = 'something unknown'

/**
 * Metadata by which values come as they are stored: what only the newer annotation says is said in the older one as well,
 * because hyparquet goes by that, decimals are bare integers, because it would make rounded numbers of them, and lists of
 * two levels are ones of three, because it would take empty ones for null: what stands in their pages is the same.
 *
 * ```
 *  optional group ints (LIST)         optional group ints (LIST)
 *    repeated int32 element     ->      repeated group list
 *                                         required int32 element
 * ```
 */
export function plainMetadata(metadata: FileMetaData): FileMetaData {
  const lists = parquetSchema(metadata).children.filter(isTwoLevelList)
  const items = new Set(lists.map(({ children }) => children[0]!.element))
  const names = new Set(lists.map(({ element }) => element.name))
  return {
    ...metadata,
    schema: metadata.schema.flatMap((element) =>
      items.has(element)
        ? [REPEATED_GROUP, plainElement({ ...element, repetition_type: 'REQUIRED' })]
        : [plainElement(element)],
    ),
    row_groups:
      names.size === 0
        ? metadata.row_groups
        : metadata.row_groups.map(({ columns, ...group }) => {
            return { ...group, columns: columns.map((chunk) => threeLevels(chunk, names)) }
          }),
  }
}

const REPEATED_GROUP: SchemaElement = { name: 'list', repetition_type: 'REPEATED', num_children: 1 }

function threeLevels(chunk: ColumnChunk, names: ReadonlySet<string>): ColumnChunk {
  const [name, ...path] = chunk.meta_data?.path_in_schema ?? []
  if (name === undefined || !names.has(name)) return chunk
  const path_in_schema = [name, REPEATED_GROUP.name, ...path]
  return { ...chunk, meta_data: { ...chunk.meta_data!, path_in_schema } }
}

function plainElement(element: SchemaElement): SchemaElement {
  const { converted_type, logical_type, ...bare } = element
  if (isDecimal(element)) return bare
  if (converted_type !== undefined) return element
  if (logical_type?.type === 'DATE') return { ...element, converted_type: 'DATE' }
  if (logical_type?.type === 'LIST') return { ...element, converted_type: 'LIST' }
  if (isUnsigned64(element)) return { ...element, converted_type: 'UINT_64' }
  return element
}

function isUnsigned64({ converted_type, logical_type }: SchemaElement): boolean {
  const isUnsigned =
    logical_type?.type === 'INTEGER' && !logical_type.isSigned && logical_type.bitWidth === 64
  return converted_type === 'UINT_64' || isUnsigned
}

/** Throws `invalid_argument` for a chunk that is compressed or encoded as nothing here can read. */
export function checkChunk({ codec, encodings }: ColumnMetaData, action: string): void {
  if (!CODECS.includes(codec))
    throw invalid(`${action}: it is compressed as ${codec ?? UNKNOWN}, one of ${CODECS.join(', ')} is needed`)
  const strange = encodings.findIndex((encoding) => !ENCODINGS.includes(encoding))
  if (strange >= 0)
    throw invalid(
      `${action}: it is encoded as ${encodings[strange] ?? UNKNOWN}, one of ${ENCODINGS.join(', ')} is needed`,
    )
}

/** Values that plain metadata gave, as the store takes them: decimals are their texts. Throws for what no int64 holds. */
export function storeValues(
  { scale }: Pick<ParquetFileColumn, 'scale'>,
  element: SchemaElement,
  values: ArrayLike<unknown>,
): ArrayLike<unknown> {
  if (scale !== undefined)
    return Array.from(values, (value) => (value == null ? null : decimalText(unscaled(value), scale)))
  if (!isUnsigned64(element)) return values
  for (let row = 0; row < values.length; row++) {
    const value = values[row] as bigint | null | undefined
    if (value != null && value > INT64_MAX)
      throw new Error(`it holds ${value}, an int64 ends at ${INT64_MAX}`)
  }
  return values
}

/** The integer of a decimal: stored as one, or as the bytes of one, the highest first. */
function unscaled(value: unknown): bigint {
  if (!(value instanceof Uint8Array)) return BigInt(value as number | bigint)
  if (value.length === 0) return 0n
  let digits = 0n
  for (const byte of value) digits = (digits << 8n) | BigInt(byte)
  return BigInt.asIntN(value.length * 8, digits)
}

/** All digits, those behind the point as many as the scale says: 1230 of scale 2 is `12.30`. */
function decimalText(value: bigint, scale: number): string {
  if (scale === 0) return String(value)
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0')
  return `${value < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}
