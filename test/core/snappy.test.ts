import fc from 'fast-check'
import { snappyUncompress } from 'hyparquet'
import { snappyCompress } from 'hyparquet-writer/src/snappy.js'
import { expect, test } from 'vitest'
import { compressSnappy, decompressSnappy } from '../../src/core/column-chunk/snappy.ts'

/** Bytes that repeat near and far, and that do not. */
const arbitraryBytes = fc
  .array(
    fc.record({
      piece: fc.uint8Array({ minLength: 1, maxLength: 300 }),
      times: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 400 })),
    }),
    { maxLength: 12 },
  )
  .map((parts) =>
    Uint8Array.from(
      parts.flatMap(({ piece, times }) =>
        Array(times)
          .fill([...piece])
          .flat(),
      ),
    ),
  )

test('Snappy of the store and of hyparquet read each other, and neither says more or less', () => {
  fc.assert(
    fc.property(arbitraryBytes, (bytes) => {
      const ours = compressSnappy(bytes)
      for (const compressed of [ours, snappyCompress(bytes)]) {
        const output = new Uint8Array(bytes.length)
        decompressSnappy(compressed, output)
        expect(Buffer.compare(output, bytes)).toBe(0)
      }
      const output = new Uint8Array(bytes.length)
      if (bytes.length > 0) snappyUncompress(ours, output)
      expect(Buffer.compare(output, bytes)).toBe(0)
      expect(() => decompressSnappy(ours, new Uint8Array(bytes.length + 1))).toThrow('damaged')
    }),
    { numRuns: 100 },
  )
})

test('damaged Snappy bytes are refused or give other bytes, and are never read beyond', () => {
  fc.assert(
    fc.property(arbitraryBytes, fc.nat(), fc.nat({ max: 255 }), (bytes, place, byte) => {
      const damaged = compressSnappy(bytes)
      damaged[place % damaged.length] = byte
      try {
        decompressSnappy(damaged, new Uint8Array(bytes.length))
      } catch (error) {
        expect((error as Error).message).toBe('its Snappy bytes are damaged')
      }
    }),
    { numRuns: 200 },
  )
})
