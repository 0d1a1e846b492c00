import fc from 'fast-check'
import { expect, test } from 'vitest'
import { columnStatistics } from '../../src/core/statistics.ts'

const arbitraryFloats = fc.array(fc.option(fc.double(), { nil: null }), { maxLength: 60 })

test('columnStatistics() counts every finite number in one bin, and agrees with a plain recomputation', () => {
  fc.assert(
    fc.property(arbitraryFloats, (values) => {
      const { count, nullCount, numbers } = columnStatistics('float64', values)
      expect([count, nullCount]).toEqual([values.length, values.filter((value) => value === null).length])
      const finite = values.filter((value) => value !== null && Number.isFinite(value)) as number[]
      if (finite.length === 0) {
        expect(numbers).toBeUndefined()
        return
      }
      expect([numbers!.min + 0, numbers!.max + 0]).toEqual([Math.min(...finite) + 0, Math.max(...finite) + 0])
      expect(numbers!.bins.reduce((sum, bin) => sum + bin.count, 0)).toBe(finite.length)
      expect(numbers!.median).toBeGreaterThanOrEqual(numbers!.min)
      expect(numbers!.median).toBeLessThanOrEqual(numbers!.max)
    }),
  )
})

test('columnStatistics() says which texts are frequent', () => {
  const { distinctCount, top, numbers } = columnStatistics('string', ['b', 'a', 'b', null, 'c', 'b', 'a'])
  expect(distinctCount).toBe(3)
  expect(numbers).toBeUndefined()
  expect(top).toEqual([
    { text: '"b"', count: 3 },
    { text: '"a"', count: 2 },
    { text: '"c"', count: 1 },
  ])
})

test('columnStatistics() keeps whole numbers, and one bin where all are the same', () => {
  const { numbers } = columnStatistics('int64', [5n, 5n, null])
  expect(numbers).toMatchObject({ min: 5, max: 5, mean: 5, median: 5, bins: [{ from: 5, to: 5, count: 2 }] })
})
