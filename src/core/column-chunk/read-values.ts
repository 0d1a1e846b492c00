import type { Value, ValueType } from '../value.ts'
import { type VectorValues, wordsOf } from '../vector.ts'
import { decodeHybrid } from './hybrid.ts'
import { decodeUtf8 } from './utf8.ts'

/** Values that are stored for some rows of a page. */
export interface StoredRange {
  /** Stored values before them. */
  readonly skipped: number
  readonly count: number
}

export interface PageRows extends StoredRange {
  /** By row: 0 where it is null. */
  readonly levels: Uint8Array | undefined
}

/** Where stored values are read to: the first at `to`. */
interface Target extends StoredRange {
  readonly to: number
}

export function readPlain(bytes: Uint8Array, type: ValueType, values: VectorValues, target: Target): void {
  if (Array.isArray(values)) {
    readTexts(bytes, values, target)
    return
  }
  const { skipped, count, to } = target
  if (bytes.length < (skipped + count) * 8) throw new Error('a page holds fewer values than it says')
  // 8-byte values may start anywhere among the bytes; a typed array has to start at a multiple of its item.
  new Uint8Array(values.buffer, values.byteOffset + to * 8, count * 8).set(
    bytes.subarray(skipped * 8, (skipped + count) * 8),
  )
  if (type !== 'timestamp') return
  const words = new Int32Array(values.buffer, values.byteOffset)
  const times = values as Float64Array
  for (let at = to; at < to + count; at++)
    times[at] = words[2 * at + 1]! * 4_294_967_296 + (words[2 * at]! >>> 0)
}

function readTexts(bytes: Uint8Array, values: Value[], { skipped, count, to }: Target): void {
  let at = 0
  for (let text = -skipped; text < count; text++) {
    const length = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    const end = at + 4 + length
    if (!(end <= bytes.length && length >= 0)) throw new Error('a page ends within a string')
    if (text >= 0) values[to + text] = decodeUtf8(bytes, at + 4, end)
    at = end
  }
}

// Those of one page at a time, for all: decoding never awaits.
let codeScratch = new Int32Array(0)

/** Reads values that are given by their positions in the dictionary. */
export function readCodes(
  bytes: Uint8Array,
  dictionary: VectorValues | undefined,
  values: VectorValues,
  { skipped, count, to: start }: Target,
): void {
  if (dictionary === undefined) throw new Error('a page refers to a dictionary that is not there')
  if (count === 0) return
  if (codeScratch.length < skipped + count) codeScratch = new Int32Array(skipped + count)
  const read = codeScratch.subarray(0, skipped + count)
  decodeHybrid(bytes, 1, bytes[0]!, read)
  const codes = read.subarray(skipped)
  for (let at = 0; at < count; at++) {
    const code = codes[at]!
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
    const from = wordsOf(dictionary as BigInt64Array)
    const to = wordsOf(values)
    for (let at = 0; at < count; at++) {
      to[2 * (start + at)] = from[2 * codes[at]!]!
      to[2 * (start + at) + 1] = from[2 * codes[at]! + 1]!
    }
  }
}

/** Moves stored values, which stand at `row` and after, to their rows, last first. */
export function spreadValues(
  values: VectorValues,
  nulls: Uint8Array,
  row: number,
  { levels, count }: PageRows,
): void {
  let from = row + count - 1
  const words = values instanceof BigInt64Array ? wordsOf(values) : undefined
  for (let at = levels!.length - 1; at >= 0; at--) {
    const to = row + at
    if (levels![at] === 0) {
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
