import { decodeBase64, encodeBase64 } from './base64.ts'
import { invalid } from './error.ts'
import { encodeAsciiString } from './json.ts'
import { formatInstant, isInstant, parseInstant } from './time.ts'

export const SCALAR_TYPES = ['bool', 'int64', 'float64', 'string', 'timestamp', 'bytes'] as const
export const LIST_TYPES = [
  'list<bool>',
  'list<int64>',
  'list<float64>',
  'list<string>',
  'list<timestamp>',
] as const
export const VALUE_TYPES = [...SCALAR_TYPES, ...LIST_TYPES] as const

export type ScalarType = (typeof SCALAR_TYPES)[number]
export type ValueType = (typeof VALUE_TYPES)[number]

/** Units in which a timestamp column may hold epoch numbers (S1). */
export type EpochUnit = 's' | 'ms' | 'us'

/**
 * A value in memory: int64 is a bigint, timestamp an `Instant` in microseconds, bytes a Uint8Array,
 * a list an array that may hold nulls.
 */
export type Value = boolean | bigint | number | string | Uint8Array | readonly Value[] | null

export const INT64_MIN = -(2n ** 63n)
export const INT64_MAX = 2n ** 63n - 1n

const EPOCH_UNIT_US: Readonly<Record<EpochUnit, number>> = { s: 1_000_000, ms: 1_000, us: 1 }
const FLOAT_WORDS: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
}

/** The element type of a list type, or undefined for a scalar. */
export function elementType(type: ValueType): ScalarType | undefined {
  return type.startsWith('list<') ? (type.slice(5, -1) as ScalarType) : undefined
}

/** Checks a JSON value against its declared type. Throws `invalid_argument`; nothing is coerced silently. */
export function parseValue(type: ValueType, json: unknown, unit?: EpochUnit): Value {
  if (json === null || json === undefined) return null
  switch (type) {
    case 'bool':
      if (typeof json === 'boolean') return json
      break
    case 'int64':
      return parseInt64(json)
    case 'float64':
      return parseFloat64(json)
    case 'string':
      if (typeof json === 'string') return parseString(json)
      break
    case 'timestamp':
      return parseTimestamp(json, unit)
    case 'bytes':
      return parseBytes(json)
    default: {
      if (!Array.isArray(json)) break
      const element = elementType(type)!
      return json.map((item) => parseValue(element, item, unit))
    }
  }
  throw mismatch(type, json)
}

/**
 * Checks a value as a Parquet file gives it: timestamps are microseconds, integers numbers or bigints. Throws
 * `invalid_argument` for what lies outside the type's range.
 */
export function checkParquetValue(type: ValueType, value: unknown, unit?: EpochUnit): Value {
  if (value === null || value === undefined) return null
  const element = elementType(type)
  if (element !== undefined) return (value as unknown[]).map((item) => checkParquetValue(element, item))
  if (type === 'timestamp' && unit === undefined) {
    if (!isInstant(value as number))
      throw invalid(`Cannot keep time ${value}: it lies outside 1684-07-28 to 2255-06-05`)
    return value as number
  }
  // A decimal is given as its text: the nearest float.
  if (type === 'float64' && typeof value === 'string') return Number(value)
  if (type === 'float64' || type === 'bool' || type === 'bytes') return value as Value
  return parseValue(type, value, unit)
}

/** ASCII JSON text of a value, exact both ways together with `decodeValue` (S14-S16). */
export function encodeValue(type: ValueType, value: Value): string {
  if (value === null) return 'null'
  switch (type) {
    case 'bool':
      return value ? 'true' : 'false'
    case 'int64':
      return (value as bigint).toString()
    case 'float64':
      return encodeFloat64(value as number)
    case 'string':
      return encodeAsciiString(value as string)
    case 'timestamp':
      return `"${formatInstant(value as number)}"`
    case 'bytes':
      return `"${encodeBase64(value as Uint8Array)}"`
    default: {
      const element = elementType(type)!
      return `[${(value as readonly Value[]).map((item) => encodeValue(element, item)).join(',')}]`
    }
  }
}

/** A row as comma-separated JSON texts: `encodeValue` of each of its values. */
export function encodeCells(
  columns: readonly { readonly type: ValueType }[],
  values: readonly Value[],
): string {
  let cells = ''
  for (let at = 0, end = 0; at < columns.length; at = end) {
    while (end < columns.length && columns[end]!.type === 'float64' && isPlainNumber(values[end]!)) end++
    // Numbers side by side take the runtime's JSON half the time that they take one by one.
    const isRun = end > at
    if (!isRun) end = at + 1
    const text = isRun
      ? JSON.stringify(values.slice(at, end)).slice(1, -1)
      : encodeValue(columns[at]!.type, values[at]!)
    cells += at === 0 ? text : `,${text}`
  }
  return cells
}

/** Whether JSON writes it as `encodeValue` does: NaN and the infinities it does not know, and of -0 it makes 0. */
function isPlainNumber(value: Value): boolean {
  return value === null || (Number.isFinite(value) && !Object.is(value, -0))
}

/** Bytes that a value takes beside its place in an array, or somewhat fewer: what is held of many is bounded by it. */
export function valueBytes(value: Value): number {
  switch (typeof value) {
    case 'string':
      return OBJECT_BYTES + 2 * value.length
    case 'object':
      if (value === null) return 0
      if (value instanceof Uint8Array) return BYTES_BYTES + value.length
      return value.reduce<number>((sum, item) => sum + PLACE_BYTES + valueBytes(item), OBJECT_BYTES)
    default:
      return typeof value === 'boolean' ? 0 : OBJECT_BYTES
  }
}

const PLACE_BYTES = 8
const OBJECT_BYTES = 24
/** Of a Uint8Array and its buffer. */
const BYTES_BYTES = 200

/** The inverse of `encodeValue`. The text is the store's own: a fault in it is an internal error. */
export function decodeValue(type: ValueType, text: string): Value {
  if (text === 'null') return null
  switch (type) {
    case 'bool':
      return text === 'true'
    case 'int64':
      return BigInt(text)
    case 'float64':
      return text.charCodeAt(0) === QUOTE ? FLOAT_WORDS[text.slice(1, -1)]! : Number(text)
    case 'string':
      return JSON.parse(text) as string
    case 'timestamp':
      return parseInstant(text.slice(1, -1))
    case 'bytes':
      return decodeBase64(text.slice(1, -1))!
    default: {
      const element = elementType(type)!
      return splitCells(text.slice(1, -1)).map((item) => decodeValue(element, item))
    }
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN = 0x5b
const CLOSE = 0x5d

/** Cuts comma-separated JSON texts apart at the top level, without parsing them. Empty text is no cells. */
export function splitCells(text: string): string[] {
  // Without a string or a list every comma parts two cells, and the runtime finds those many times as fast.
  if (text !== '' && !text.includes('"') && !text.includes('[')) return text.split(',')
  const cells: string[] = []
  for (let start = 0; start < text.length; ) {
    const end = cellEnd(text, start)
    cells.push(text.slice(start, end))
    start = end + 1
  }
  return cells
}

/** Index just past the JSON text that starts at `start`: that of its comma, or the text's length. */
export function cellEnd(text: string, start: number): number {
  const first = text.charCodeAt(start)
  if (first !== QUOTE && first !== OPEN) {
    const comma = text.indexOf(',', start)
    return comma < 0 ? text.length : comma
  }
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === COMMA && depth === 0) return at
    if (code === OPEN) depth++
    else if (code === CLOSE) depth--
    else if (code === QUOTE) {
      for (at++; text.charCodeAt(at) !== QUOTE; at++) if (text.charCodeAt(at) === BACKSLASH) at++
    }
  }
  return text.length
}

function parseString(json: string): string {
  // A lone surrogate has no UTF-8 and could not come back from Parquet as it was given.
  if (!json.isWellFormed())
    throw invalid(`Cannot read ${describe(json)} as string: it holds half a character`)
  return json
}

function parseInt64(json: unknown): bigint {
  let value: bigint | undefined
  if (typeof json === 'bigint') value = json
  else if (typeof json === 'number' && Number.isSafeInteger(json)) value = BigInt(json)
  else if (typeof json === 'string' && /^-?\d{1,19}$/.test(json)) value = BigInt(json)
  if (value === undefined || value < INT64_MIN || value > INT64_MAX) throw mismatch('int64', json)
  return value
}

function parseFloat64(json: unknown): number {
  if (typeof json === 'number' && Number.isFinite(json)) return json
  if (typeof json === 'bigint') return Number(json)
  if (typeof json === 'string' && Object.hasOwn(FLOAT_WORDS, json)) return FLOAT_WORDS[json]!
  throw mismatch('float64', json)
}

function parseTimestamp(json: unknown, unit: EpochUnit | undefined): number {
  if (typeof json === 'string') return parseInstant(json)
  const isNumber = typeof json === 'number' || typeof json === 'bigint'
  if (isNumber && unit === undefined) {
    throw invalid(`${mismatch('timestamp', json).message} (epoch numbers need a column that declares a unit)`)
  }
  if (!isNumber) throw mismatch('timestamp', json)
  const micros = Number(json) * EPOCH_UNIT_US[unit!]
  // Fractions of the unit are kept when they are whole microseconds: 1.5 ms is, 0.1 us is not.
  const rounded = Math.round(micros)
  if (!isInstant(rounded) || Math.abs(micros - rounded) > 1e-3) throw mismatch('timestamp', json)
  return rounded
}

function parseBytes(json: unknown): Uint8Array {
  if (typeof json !== 'string') throw mismatch('bytes', json)
  const bytes = decodeBase64(json)
  if (bytes === undefined) throw invalid(`Cannot read ${describe(json)} as bytes: padded base64 is needed`)
  return bytes
}

function encodeFloat64(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`
  return Object.is(value, -0) ? '-0' : String(value)
}

function mismatch(type: ValueType, json: unknown) {
  return invalid(`Cannot read ${describe(json)} as ${type}`)
}

/** What was given, in short. A list or an object is not written out: it may be of any size and depth. */
function describe(json: unknown): string {
  if (typeof json === 'object') return Array.isArray(json) ? 'a list' : 'an object'
  const text = typeof json === 'string' ? JSON.stringify(json) : String(json)
  return text.length > 64 ? `${text.slice(0, 61)}...` : text
}
