// Standard in every runtime the store meets; the pure layers are compiled without any runtime's types.
declare class TextEncoder {
  encodeInto(text: string, bytes: Uint8Array): { readonly read: number; readonly written: number }
}

const encoder = new TextEncoder()

/**
 * MurmurHash3 x86_128 with seed 0 over the bytes of an ASCII text, as four unsigned 32-bit words.
 * Source: Austin Appleby's public-domain MurmurHash3.cpp. Every library's "x86 128" gives the same words,
 * so the stored layout can be computed anywhere (`docs/data-layout.md` shows how).
 */
export function hash128(text: string): Hash128 {
  const wordCount = ((text.length >>> 4) + 1) * 4
  const words = wordCount <= keyWords.length ? keyWords : new Int32Array(wordCount)
  for (let at = 0; at < wordCount; at++) words[at] = word(text, at * 4)
  return hashWords(words, text.length)
}

/**
 * The same of a long text: the runtime lays its bytes out, which takes a fraction of reading it character by character. Undefined where
 * the text is not ASCII.
 */
export function hashLongText(text: string): Hash128 | undefined {
  const words = new Int32Array(((text.length >>> 4) + 1) * 4)
  const { read, written } = encoder.encodeInto(text, new Uint8Array(words.buffer))
  if (read !== text.length || written !== text.length) return undefined
  return hashWords(words, text.length)
}

type Hash128 = readonly [number, number, number, number]

// For all texts as long as keys may be: hashing never awaits.
const keyWords = new Int32Array(1_028)

/** Of so many bytes, in words of which the low byte comes first; what is beyond the bytes in their last four words is 0. */
function hashWords(words: Int32Array, byteCount: number): Hash128 {
  let h1 = 0
  let h2 = 0
  let h3 = 0
  let h4 = 0
  const bodyEnd = (byteCount >>> 4) * 4
  for (let at = 0; at < bodyEnd; at += 4) {
    h1 ^= scramble(words[at]!, C1, 15, C2)
    h1 = (Math.imul(rotl(h1, 19) + h2, 5) + 0x561ccd1b) | 0
    h2 ^= scramble(words[at + 1]!, C2, 16, C3)
    h2 = (Math.imul(rotl(h2, 17) + h3, 5) + 0x0bcaa747) | 0
    h3 ^= scramble(words[at + 2]!, C3, 17, C4)
    h3 = (Math.imul(rotl(h3, 15) + h4, 5) + 0x96cd1c35) | 0
    h4 ^= scramble(words[at + 3]!, C4, 18, C1)
    h4 = (Math.imul(rotl(h4, 13) + h1, 5) + 0x32ac3b17) | 0
  }
  // The tail's missing bytes are zeros, and a scrambled zero is zero: whole words need no special case.
  h4 ^= scramble(words[bodyEnd + 3]!, C4, 18, C1)
  h3 ^= scramble(words[bodyEnd + 2]!, C3, 17, C4)
  h2 ^= scramble(words[bodyEnd + 1]!, C2, 16, C3)
  h1 ^= scramble(words[bodyEnd]!, C1, 15, C2)

  h1 ^= byteCount
  h2 ^= byteCount
  h3 ^= byteCount
  h4 ^= byteCount
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  h3 = (h3 + h1) | 0
  h4 = (h4 + h1) | 0
  h1 = avalanche(h1)
  h2 = avalanche(h2)
  h3 = avalanche(h3)
  h4 = avalanche(h4)
  h1 = (h1 + h2 + h3 + h4) | 0
  return [h1 >>> 0, (h2 + h1) >>> 0, (h3 + h1) >>> 0, (h4 + h1) >>> 0]
}

/** A 32-bit FNV-1a checksum of characters `start` to `end` (exclusive): any one changed character shows. */
export function checksum(text: string, start: number, end: number): number {
  // From a signed word on, as the loop makes them: from a number beyond them V8 would add up in doubles.
  let sum = 0x811c9dc5 | 0
  for (let at = start; at < end; at++) sum = Math.imul(sum ^ text.charCodeAt(at), 0x01000193)
  return sum >>> 0
}

const C1 = 0x239b961b
const C2 = 0xab0e9789
const C3 = 0x38b34ae5
const C4 = 0xa1e38b93

/** Four characters as a little-endian word; past the end of the text they count as zero. */
function word(text: string, at: number): number {
  // charCodeAt past the end is NaN, and NaN in a bitwise expression is 0.
  return (
    text.charCodeAt(at) |
    (text.charCodeAt(at + 1) << 8) |
    (text.charCodeAt(at + 2) << 16) |
    (text.charCodeAt(at + 3) << 24)
  )
}

function scramble(k: number, before: number, bits: number, after: number): number {
  return Math.imul(rotl(Math.imul(k, before), bits), after)
}

function rotl(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}

function avalanche(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** 64 bits in hex of any bytes: names an object by what it holds. */
export function contentHash(bytes: Uint8Array): string {
  const [high, low] = hashBytes(bytes)
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0')
}

/** `hash128` of bytes: of a long text its bytes are made and hashed several times as fast as its characters. */
export function hashBytes(bytes: Uint8Array): Hash128 {
  const words = new Int32Array(((bytes.length >>> 4) + 1) * 4)
  new Uint8Array(words.buffer).set(bytes)
  return hashWords(words, bytes.length)
}
