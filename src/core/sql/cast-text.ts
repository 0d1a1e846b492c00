import { FeatureStoreError } from '../error.ts'
import { formatInstant, type Instant, parseInstant } from '../time.ts'
import { INT64_MAX, INT64_MIN } from './int64.ts'

const INT64_TEXT = /^\s*([+-]?)(\d+(?:_\d+)*)?(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?\s*$/
const FLOAT64_TEXT = /^\s*[+-]?(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+)?\s*$/
const TIMESTAMP_TEXT =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2}(?:\.\d{1,6})?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/
const BOOL_WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  t: true,
  yes: true,
  y: true,
  '1': true,
  false: false,
  f: false,
  no: false,
  n: false,
  '0': false,
}
const FLOAT64_WORDS: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  infinity: Number.POSITIVE_INFINITY,
}

/** Undefined for what is neither true, t, yes, y, 1 nor their opposites. */
export function parseBoolText(text: string): boolean | undefined {
  const word = text.toLowerCase()
  return Object.hasOwn(BOOL_WORDS, word) ? BOOL_WORDS[word] : undefined
}

/** Reads decimal digits with fraction and exponent, rounding halves away from zero as DuckDB does for text. */
export function parseInt64Text(text: string): bigint | undefined {
  const match = INT64_TEXT.exec(text)
  if (match === null) return undefined
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  if (whole === '' && fraction === '') return undefined
  const digits = (whole.replaceAll('_', '') + fraction).replace(/^0+(?=\d)/, '')
  // How many of the digits stand behind the point; negative when zeros have to be put behind them.
  const behind = fraction.length - Number(exponent)
  if (digits.length - behind > 19 && digits !== '0') return undefined
  const magnitude =
    behind <= 0 ? BigInt(digits + '0'.repeat(Math.min(-behind, 19))) : roundDigits(digits, behind)
  const value = sign === '-' ? -magnitude : magnitude
  return value < INT64_MIN || value > INT64_MAX ? undefined : value
}

function roundDigits(digits: string, behind: number): bigint {
  if (behind > digits.length) return 0n
  const point = digits.length - behind
  return BigInt(digits.slice(0, point)) + (digits.charCodeAt(point) >= 0x35 ? 1n : 0n)
}

/** Reads a decimal number, `nan`, `inf` or `infinity`. */
export function parseFloat64Text(text: string): number | undefined {
  if (FLOAT64_TEXT.test(text)) return Number(text.replaceAll('_', ''))
  const [, sign, word = ''] = /^\s*([+-]?)([a-z]+)\s*$/i.exec(text) ?? []
  const name = word.toLowerCase()
  if (!Object.hasOwn(FLOAT64_WORDS, name)) return undefined
  return sign === '-' ? -FLOAT64_WORDS[name]! : FLOAT64_WORDS[name]
}

/** Reads a day, or a day and a time of it, in UTC unless the text ends in an offset (S1). */
export function parseTimestampText(text: string): Instant | undefined {
  const match = TIMESTAMP_TEXT.exec(text)
  if (match === null) return undefined
  const [, day, minutes = '00:00', seconds = ':00', offset = 'Z'] = match
  try {
    return parseInstant(`${day}T${minutes}${seconds}${offset.length === 3 ? `${offset}:00` : offset}`)
  } catch (error) {
    if (error instanceof FeatureStoreError) return undefined
    throw error
  }
}

/** Writes the shortest decimal that reads as the same number, as DuckDB (fmt) lays it out. */
export function formatFloat64Text(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const magnitude = Math.abs(value)
  const [digits, exponent] = magnitude.toExponential().split('e') as [string, string]
  const power = Number(exponent)
  if (power >= -4 && power < 16) {
    return `${sign}${magnitude}${Number.isInteger(magnitude) ? '.0' : ''}`
  }
  return `${sign}${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

/** Writes `2026-01-31 08:30:00.5`. */
export function formatTimestampText(instant: Instant): string {
  return formatInstant(instant).slice(0, -1).replace('T', ' ')
}
