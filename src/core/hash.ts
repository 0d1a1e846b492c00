/**
 * MurmurHash3 x86_128 with seed 0 over the bytes of an ASCII text, as four unsigned 32-bit words.
 * Source: Austin Appleby's public-domain MurmurHash3.cpp. Every library's "x86 128" gives the same words,
 * so the stored layout can be computed anywhere (`docs/data-layout.md` shows how).
 */
export function hash128(text: string): readonly [number, number, number, number] {
  let h1 = 0
  let h2 = 0
  let h3 = 0
  let h4 = 0
  const bodyEnd = text.length & ~15
  for (let at = 0; at < bodyEnd; at += 16) {
    h1 ^= scramble(word(text, at), C1, 15, C2)
    h1 = (Math.imul(rotl(h1, 19) + h2, 5) + 0x561ccd1b) | 0
    h2 ^= scramble(word(text, at + 4), C2, 16, C3)
    h2 = (Math.imul(rotl(h2, 17) + h3, 5) + 0x0bcaa747) | 0
    h3 ^= scramble(word(text, at + 8), C3, 17, C4)
    h3 = (Math.imul(rotl(h3, 15) + h4, 5) + 0x96cd1c35) | 0
    h4 ^= scramble(word(text, at + 12), C4, 18, C1)
    h4 = (Math.imul(rotl(h4, 13) + h1, 5) + 0x32ac3b17) | 0
  }
  // The tail's missing bytes are zeros, and a scrambled zero is zero: whole words need no special case.
  h4 ^= scramble(word(text, bodyEnd + 12), C4, 18, C1)
  h3 ^= scramble(word(text, bodyEnd + 8), C3, 17, C4)
  h2 ^= scramble(word(text, bodyEnd + 4), C2, 16, C3)
  h1 ^= scramble(word(text, bodyEnd), C1, 15, C2)

  h1 ^= text.length
  h2 ^= text.length
  h3 ^= text.length
  h4 ^= text.length
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
  let sum = 0x811c9dc5
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
  // latin1: one character a byte, so the hash is that of the bytes.
  let text = ''
  for (let at = 0; at < bytes.length; at += 8_192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8_192))
  const [high, low] = hash128(text)
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0')
}
