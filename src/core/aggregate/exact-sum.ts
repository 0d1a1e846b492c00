import { decodeValue, encodeValue } from '../value.ts'

/**
 * A sum of float64 without any rounding: numbers that do not overlap, rising in magnitude, whose mathematical sum is
 * the sum. So the order of additions and merges never shows (S22 would allow 1e-12). Mostly one to three numbers; at
 * most 40. A sum that meets NaN or an infinity is that alone, as is one that passes float64's range on its way.
 * Source: J. R. Shewchuk, "Adaptive Precision Floating-Point Arithmetic", 1997, as in Python's `math.fsum`.
 */
export type ExactSum = number[]

/** Adds to `sum` in place. */
export function addExact(sum: ExactSum, addend: number): void {
  let high = addend
  let kept = 0
  for (let at = 0; at < sum.length; at++) {
    const part = sum[at]!
    const total = high + part
    if (!Number.isFinite(total)) {
      sum.length = 0
      sum.push(total)
      return
    }
    const low = Math.abs(high) < Math.abs(part) ? high - (total - part) : part - (total - high)
    if (low !== 0) sum[kept++] = low
    high = total
  }
  if (high !== 0) sum[kept++] = high
  // Popping is much faster than setting the length, and there is hardly anything to pop.
  while (sum.length > kept) sum.pop()
}

/** The float64 nearest to the sum, ties to even. */
export function roundExact(sum: ExactSum): number {
  let at = sum.length - 1
  if (at < 0) return 0
  let high = sum[at]!
  let low = 0
  while (at > 0 && low === 0) {
    const part = sum[--at]!
    const total = high + part
    low = part - (total - high)
    high = total
  }
  // Half-way cases are decided by what lies below: `low` counts double if it has help of its own sign.
  const below = at > 0 ? sum[at - 1]! : 0
  if (low !== 0 && Math.sign(low) === Math.sign(below)) {
    const nudged = high + low * 2
    if (nudged - high === low * 2) return nudged
  }
  return high
}

/**
 * The one text of a sum, whatever its parts: `-6f.2kg8h1` is -2kg8h1 times 2^(5 × 6f - 1074), both in base 32 and
 * without zeros at the end. A third as long as decimals of the parts, and read without a bigint. Zero is empty; NaN and
 * the infinities are as in `encodeValue`.
 */
export function encodeExact(sum: ExactSum): string {
  if (sum.length === 0) return ''
  if (!Number.isFinite(sum[0])) return encodeValue('float64', sum[0]!)
  // The first part reaches lowest, for parts do not overlap.
  const unit = Math.floor(split(sum[0]!).exponent / DIGIT_BITS)
  let units = 0n
  for (const part of sum) {
    const { mantissa, exponent } = split(part)
    units += BigInt(mantissa) << BigInt(exponent - unit * DIGIT_BITS)
  }
  const isNegative = units < 0n
  const digits = (isNegative ? -units : units).toString(32)
  let end = digits.length
  while (digits.charCodeAt(end - 1) === ZERO) end--
  return `${isNegative ? '-' : ''}${(unit + digits.length - end).toString(32)}.${digits.slice(0, end)}`
}

/** The inverse of `encodeExact`, of a text's end that begins at `from`: the same sum, in parts of its own. */
export function decodeExact(text: string, from = 0): ExactSum {
  if (from === text.length) return []
  if (text.charCodeAt(from) === QUOTE) return [decodeValue('float64', text.slice(from)) as number]
  const sign = text.charCodeAt(from) === MINUS ? -1 : 1
  const start = text.indexOf('.', from) + 1
  let exponent = parseBase32(text, sign < 0 ? from + 1 : from, start - 1) * DIGIT_BITS + EXPONENT_MIN
  const sum: ExactSum = []
  for (let end = text.length; end > start; end -= PART_DIGITS) {
    const part = parseBase32(text, Math.max(start, end - PART_DIGITS), end)
    if (part !== 0) sum.push(sign * part * 2 ** exponent)
    exponent += PART_DIGITS * DIGIT_BITS
  }
  return sum
}

const EXPONENT_MIN = -1074
const DIGIT_BITS = 5
/** As many as a float64 holds exactly. */
const PART_DIGITS = 10
const QUOTE = 0x22
const MINUS = 0x2d
const ZERO = 0x30
const LETTER_OFFSET = 0x61 - 10

/** Without cutting texts out, which would cost more than reading them. */
function parseBase32(text: string, start: number, end: number): number {
  let value = 0
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    value = value * 32 + code - (code > LETTER_OFFSET ? LETTER_OFFSET : ZERO)
  }
  return value
}

const view = new DataView(new ArrayBuffer(8))

/** A finite float64 as a whole number times 2^(exponent - 1074); exponents begin at 0. */
function split(value: number): { readonly mantissa: number; readonly exponent: number } {
  view.setFloat64(0, value)
  const high = view.getUint32(0)
  const biased = (high >>> 20) & 0x7ff
  const fraction = (high & 0xfffff) * 2 ** 32 + view.getUint32(4)
  const mantissa = biased === 0 ? fraction : fraction + 2 ** 52
  return { mantissa: value < 0 ? -mantissa : mantissa, exponent: Math.max(biased, 1) - 1 }
}
