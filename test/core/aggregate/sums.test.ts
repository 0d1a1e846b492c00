import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  PARAMETER_DEFAULTS,
  PROPERTIES_BY_FUNCTION,
} from '../../../src/core/aggregate/aggregation-function.ts'
import type { Input } from '../../../src/core/aggregate/aggregator.ts'
import {
  addExact,
  decodeExact,
  type ExactSum,
  encodeExact,
  roundExact,
} from '../../../src/core/aggregate/exact-sum.ts'
import type { ValueType } from '../../../src/core/value.ts'
import { exactSum } from '../../oracles/exact-sum.ts'

const ORDER = { eventTime: 0, createdTime: 0, sequenceTime: 0, sequenceOrigin: '', sequenceIndex: 0 }
const INT64_MAX = 2n ** 63n - 1n

function finish(
  name: 'sum' | 'mean' | 'variance' | 'stddev',
  inputType: ValueType,
  inputs: readonly Input[],
) {
  const aggregator = PROPERTIES_BY_FUNCTION[name].create(inputType, PARAMETER_DEFAULTS)
  const state = inputs.reduce<unknown>(
    (before, input) => aggregator.update(before, input, ORDER),
    aggregator.create(),
  )
  return aggregator.finish(aggregator.decode(aggregator.encode(state)))
}

test('a float sum is the float nearest to the exact sum, whatever the order (S20, S22)', () => {
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }),
    fc.double({ noNaN: true, min: -1, max: 1 }),
    fc.constantFrom(0.1, -0.1, 1e16, -1e16, 1, 2 ** -53, 2 ** -54, 5e-324),
  )
  fc.assert(
    fc.property(fc.array(number, { maxLength: 40 }), (numbers) => {
      const sum: ExactSum = []
      for (const one of numbers) addExact(sum, one)
      expect(roundExact(sum)).toBe(exactSum(numbers))
      expect(sum.length).toBeLessThanOrEqual(40)
      const decoded = decodeExact(encodeExact(sum))
      expect(roundExact(decoded)).toBe(exactSum(numbers))
      for (const one of sum) addExact(decoded, -one)
      expect(decoded).toEqual([])
    }),
    { numRuns: 2_000 },
  )
})

test('a float sum loses nothing to cancellation (S20)', () => {
  expect(finish('sum', 'float64', [1e16, 1, -1e16])).toBe(1)
  expect(finish('mean', 'float64', [1e16, 1, -1e16, 1])).toBe(0.5)
  expect(finish('sum', 'float64', Array<number>(10).fill(0.1))).toBe(1)
})

test('what lies far below a half-way case decides it (S20)', () => {
  expect(finish('sum', 'float64', [1, 2 ** -53])).toBe(1)
  expect(finish('sum', 'float64', [1, 2 ** -53, 5e-324])).toBe(1 + 2 ** -52)
  expect(finish('sum', 'float64', [1, 2 ** -53, -5e-324])).toBe(1)
})

test.each([
  [[Number.NaN, 1], Number.NaN],
  [[Number.POSITIVE_INFINITY, 1], Number.POSITIVE_INFINITY],
  [[Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1], Number.NaN],
  [[1e308, 1e308], Number.POSITIVE_INFINITY],
  [[-0, -0], 0],
])('the sum of %j is %d (S15, S20)', (inputs, sum) => {
  expect(finish('sum', 'float64', inputs)).toBe(sum)
  expect(finish('sum', 'float64', inputs.toReversed())).toBe(sum)
})

test('an int64 sum may pass int64 on its way; only its end is judged (S20)', () => {
  expect(finish('sum', 'int64', [INT64_MAX, INT64_MAX, -INT64_MAX])).toBe(INT64_MAX)
  expect(finish('sum', 'int64', [INT64_MAX, 1n, -1n, -INT64_MAX])).toBe(0n)
})

test('an int64 sum keeps every digit on both sides of 2^53 (S14, S20)', () => {
  const near = fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n })
  const integer = fc.oneof(
    near,
    near.map((value) => -value),
    fc.bigInt({ min: -3n, max: 3n }),
  )
  fc.assert(
    fc.property(fc.array(integer, { minLength: 1, maxLength: 8 }), (inputs) => {
      expect(finish('sum', 'int64', inputs)).toBe(inputs.reduce((sum, input) => sum + input, 0n))
    }),
  )
})

test('an int64 sum that overflows at its end is an error, never a wrap (S20)', () => {
  expect(() => finish('sum', 'int64', [INT64_MAX, 1n])).toThrow(
    'Cannot finish sum: 9223372036854775808 does not fit int64',
  )
  expect(() => finish('sum', 'int64', [-INT64_MAX, -2n])).toThrow('does not fit int64')
})

test('an int64 mean whose sum overflows is still a mean (S20)', () => {
  expect(finish('mean', 'int64', [INT64_MAX, INT64_MAX])).toBe(2 ** 63)
})

test('variance is that of the sample and stays exact far from zero (S20)', () => {
  expect(finish('variance', 'float64', [4, 7, 13, 16])).toBe(30)
  expect(finish('variance', 'float64', [1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16])).toBe(30)
  expect(finish('stddev', 'int64', [2n, 4n, 4n, 4n, 5n, 5n, 7n, 9n])).toBeCloseTo(Math.sqrt(32 / 7), 14)
})

test('variance and stddev of fewer than two inputs are null (S20)', () => {
  for (const name of ['variance', 'stddev'] as const) {
    expect(finish(name, 'float64', [])).toBe(null)
    expect(finish(name, 'float64', [5])).toBe(null)
    expect(finish(name, 'float64', [5, 5])).toBe(0)
  }
})

test('variance does not leave the range of float64 on its way to a number within it, whatever the order (S20, S22)', () => {
  // Its square is a quarter of the greatest float.
  const far = -6.703903964971299e153
  for (const place of [0, 1, 2, 3, 4]) {
    const inputs = [0, 0, 0, 0].toSpliced(place, 0, far)
    const expected = far * (far / 5)
    expect(Math.abs((finish('variance', 'float64', inputs) as number) - expected)).toBeLessThan(
      expected * 1e-12,
    )
  }
})

test('variance is NaN where it meets NaN, an infinity or the range of float64 (S20)', () => {
  for (const inputs of [
    [Number.NaN, 1],
    [Number.POSITIVE_INFINITY, 1],
    [1e200, -1e200],
    [1e308, -1e308, 1],
  ]) {
    expect(finish('variance', 'float64', inputs)).toBe(Number.NaN)
    expect(finish('variance', 'float64', inputs.toReversed())).toBe(Number.NaN)
  }
})
