import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sortRange } from '../../src/core/sort-range.ts'

test('sortRange() sorts short and long ranges, leaves what is beside them, and keeps equal items as they stood', () => {
  const ranks = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 100, size: 'max' })
  fc.assert(
    fc.property(ranks, fc.nat(20), fc.nat(20), (rankByItem, before, after) => {
      const items = Int32Array.from(rankByItem, (_, item) => item)
      const start = Math.min(before, items.length)
      const end = Math.max(start, items.length - after)
      const compare = (a: number, b: number) => rankByItem[a]! - rankByItem[b]!
      const sorted = Array.from(items.subarray(start, end)).sort(compare)
      const expected = [...items.subarray(0, start), ...sorted, ...items.subarray(end)]
      sortRange(items, start, end, compare)
      expect([...items]).toEqual(expected)
    }),
    { numRuns: 300 },
  )
})
