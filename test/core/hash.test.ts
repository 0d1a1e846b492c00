import { expect, test } from 'vitest'
import { bitsText, hashKey, topBits } from '../../src/core/entity-key.ts'
import { contentHash, hash128, hashLongText } from '../../src/core/hash.ts'

// From Python's mmh3 5.2: mmh3.hash_bytes(key, 0, False), four little-endian words.
test.each([
  ['', [0, 0, 0, 0]],
  ['a', [2811532092, 1431744539, 1431744539, 1431744539]],
  ['"ATL"', [2865093466, 2083567847, 2135273395, 2135273395]],
  ['"a:b","c"', [2777590425, 3513704030, 4037846631, 2018296999]],
  ['1', [3774018811, 3647713749, 3647713749, 3647713749]],
  ['"hello world, this is long key 1234567890"', [2521055606, 2194809004, 1014517681, 1671095155]],
])('hash128(%j) is MurmurHash3 x86_128', (text, words) => {
  expect(hash128(text)).toEqual(words)
})

test('contentHash() is the first half of the hash of any bytes', () => {
  for (let length = 0; length < 40; length++) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at * 37 + 200) % 256)
    const [high, low] = hash128(String.fromCharCode(...bytes))
    const hex = (word: number) => word.toString(16).padStart(8, '0')
    expect(contentHash(bytes)).toBe(hex(high) + hex(low))
  }
})

test('shard, block and bucket are the top bits of one hash, so each range splits in two', () => {
  for (const key of ['"ATL"', '"DEN"', '1', '-7']) {
    const { high } = hashKey(key)
    for (let bits = 1; bits < 16; bits++) {
      const text = bitsText(topBits(high, bits), bits)
      expect(text).toHaveLength(bits)
      expect(bitsText(topBits(high, bits + 1), bits + 1).startsWith(text)).toBe(true)
    }
  }
})

test('hashLongText() is the hash of a text of any length, and of none that is not ASCII', () => {
  const text = 'abcdefghijklmnopqrstuvwxyz'.repeat(8)
  for (let end = 0; end < text.length; end++) {
    expect(hashLongText(text.slice(0, end))).toEqual(hash128(text.slice(0, end)))
    expect(hashLongText(`${text.slice(0, end)}\u00fc`)).toBeUndefined()
    expect(hashLongText(`${text.slice(0, end)}\ud800`)).toBeUndefined()
  }
})
