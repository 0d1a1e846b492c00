import { hash128 } from './hash.ts'
import { encodeValue, type Value, type ValueType } from './value.ts'

/** Types a join key may have: those on which equality is beyond doubt (no floats, no lists). */
export const KEY_TYPES = ['bool', 'int64', 'string', 'timestamp', 'bytes'] as const
export type KeyType = (typeof KEY_TYPES)[number]

/**
 * The high and low word of the 64-bit hash of an encoded key: the first two words of MurmurHash3 x86_128.
 * Shard, block and log bucket are its top bits, so a range that doubles splits in two and moves nothing else.
 */
export interface KeyHash {
  /** Top 32 bits; all layout bits come from here, so there are at most 32 of them. */
  readonly high: number
  readonly low: number
}

/**
 * The one text of a key (S13): the canonical JSON texts of its values, joined by commas, in the order the
 * entity declares. `("a:b","c")` is `"a:b","c"`; the number 1 is `1` and the text 1 is `"1"`. Always ASCII.
 */
export function encodeKey(types: readonly ValueType[], values: readonly Value[]): string {
  if (types.length === 1) return encodeValue(types[0]!, values[0]!)
  let key = ''
  for (let at = 0; at < types.length; at++) {
    key += (at === 0 ? '' : ',') + encodeValue(types[at]!, values[at]!)
  }
  return key
}

export function hashKey(key: string): KeyHash {
  const [high, low] = hash128(key)
  return { high, low }
}

/** The number made by the top `bits` bits of a hash. */
export function topBits(high: number, bits: number): number {
  return bits === 0 ? 0 : high >>> (32 - bits)
}

/** A range of hashes as text of ones and zeros, as it stands in KV keys and log paths. At least one bit. */
export function bitsText(range: number, bits: number): string {
  return range.toString(2).padStart(bits, '0')
}
