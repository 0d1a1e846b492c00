import { wordsOf } from '../vector.ts'
import { bitWidth } from './hybrid.ts'
import { createScratch } from './scratch.ts'

/** A dictionary is used where it holds at most this share of the values. */
const DICTIONARY_SHARE_MAX = 0.5
/** Positions of more bits are not written. */
const DICTIONARY_SIZE_MAX = 1 << 16

/** Values that are not null, in the form in which they are compared and written. */
export type Stored = Float64Array | BigInt64Array | readonly string[]

/** A column whose values come again. */
export interface Coded {
  readonly dictionary: Stored
  readonly codes: Int32Array
}

const codeScratch = createScratch()
const tableScratch = createScratch()
const foundScratch = createScratch()

/** The distinct values in order of first use, and where each value is among them; undefined where it does not pay. */
export function findDictionary(stored: Stored): Coded | undefined {
  const sizeMax = Math.min(DICTIONARY_SIZE_MAX, Math.floor(stored.length * DICTIONARY_SHARE_MAX))
  if (sizeMax === 0) return undefined
  return stored instanceof BigInt64Array
    ? findWordDictionary(stored, sizeMax)
    : findTextDictionary(stored as readonly string[], sizeMax)
}

function findTextDictionary(texts: readonly string[], sizeMax: number): Coded | undefined {
  const codeByText = new Map<string, number>()
  const codes = codeScratch.int32(texts.length)
  for (let at = 0; at < texts.length; at++) {
    // Sorted by key, most rows have the text of the row before.
    let code = at > 0 && texts[at] === texts[at - 1] ? codes[at - 1]! : codeByText.get(texts[at]!)
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
  const words = wordsOf(values)
  if (isRising(words)) return undefined
  const tableBits = bitWidth(sizeMax * 2)
  const mask = (1 << tableBits) - 1
  /** 0 for a free place, else a code and 1. */
  const table = tableScratch.int32(mask + 1).fill(0)
  const found = foundScratch.int32(sizeMax * 2)
  const codes = codeScratch.int32(values.length)
  let size = 0
  for (let at = 0; at < values.length; at++) {
    const low = words[2 * at]!
    const high = words[2 * at + 1]!
    if (at > 0 && low === words[2 * at - 2] && high === words[2 * at - 1]) {
      codes[at] = codes[at - 1]!
      continue
    }
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

/** Whether each value is greater than the one before: then none comes twice. */
function isRising(words: Int32Array): boolean {
  for (let at = 2; at < words.length; at += 2) {
    const isGreater =
      words[at + 1]! > words[at - 1]! ||
      (words[at + 1] === words[at - 1] && words[at]! >>> 0 > words[at - 2]! >>> 0)
    if (!isGreater) return false
  }
  return true
}
