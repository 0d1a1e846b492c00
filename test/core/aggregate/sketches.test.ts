import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  PARAMETER_DEFAULTS,
  PROPERTIES_BY_FUNCTION,
} from '../../../src/core/aggregate/aggregation-function.ts'
import type { Aggregator, Input } from '../../../src/core/aggregate/aggregator.ts'
import { createApproxQuantile, QUANTILE_RELATIVE_ERROR } from '../../../src/core/aggregate/ddsketch.ts'
import {
  createApproxCountDistinct,
  DISTINCT_STANDARD_ERROR,
} from '../../../src/core/aggregate/hyperloglog.ts'

const ORDER = { eventTime: 0, createdTime: 0, sequenceTime: 0, sequenceOrigin: '', sequenceIndex: 0 }

function stateOf<State>(aggregator: Aggregator<State>, inputs: readonly Input[]): State {
  return inputs.reduce<State>((state, input) => aggregator.update(state, input, ORDER), aggregator.create())
}

test('approx_count_distinct has the standard error it states, at every size (S20)', () => {
  const aggregator = createApproxCountDistinct('int64')
  const groups = 40
  for (const size of [10, 100, 1_000, 3_000, 10_000, 50_000]) {
    let squares = 0
    for (let group = 0; group < groups; group++) {
      const inputs = Array.from({ length: size }, (_, at) => BigInt(group * size + at))
      const error = Number(aggregator.finish(stateOf(aggregator, inputs))) / size - 1
      expect(Math.abs(error)).toBeLessThan(5 * DISTINCT_STANDARD_ERROR)
      squares += error * error
    }
    // The standard deviation of a sample of 40 is itself within a third of the true one.
    expect(Math.sqrt(squares / groups), `of ${size}`).toBeLessThan(DISTINCT_STANDARD_ERROR * 1.33)
  }
})

test('approx_count_distinct counts a value once, however often and in whatever order it comes (S20)', () => {
  const aggregator = createApproxCountDistinct('string')
  const names = Array.from({ length: 5_000 }, (_, at) => `user ${at}`)
  const once = aggregator.encode(stateOf(aggregator, names))
  expect(aggregator.encode(stateOf(aggregator, [...names.toReversed(), ...names]))).toBe(once)
  expect(once.length).toBe(4_096)
})

test('approx_count_distinct takes three characters a value while there are few', () => {
  const aggregator = createApproxCountDistinct('int64')
  expect(aggregator.encode(stateOf(aggregator, [1n, 2n, 3n]))).toHaveLength(9)
})

test('approx_quantile is within 1 % of the exact one, over any magnitudes (S20)', () => {
  const number = fc.oneof(
    fc.double({ noNaN: true }).filter((value) => value === 0 || Math.abs(value) >= 2 ** -1022),
    fc
      .double({ min: -100, max: 100, noNaN: true })
      .filter((value) => value === 0 || Math.abs(value) >= 2 ** -1022),
    fc.constantFrom(Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** -1022, 1, 0, -0),
  )
  const quantile = fc.oneof(fc.constantFrom(0, 0.5, 0.99, 1), fc.double({ min: 0, max: 1, noNaN: true }))
  fc.assert(
    fc.property(fc.array(number, { minLength: 1, maxLength: 50 }), quantile, (numbers, q) => {
      const aggregator = createApproxQuantile(q)
      const exact = numbers.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))[
        Math.floor(q * (numbers.length - 1))
      ]!
      const approximate = aggregator.finish(stateOf(aggregator, numbers)) as number
      if (Math.abs(exact) === Number.POSITIVE_INFINITY) expect(approximate).toBe(exact)
      // The last part is for rounding at the edges of bins.
      else {
        const error = Math.abs(approximate - exact)
        expect(error).toBeLessThanOrEqual(Math.abs(exact) * (QUANTILE_RELATIVE_ERROR + 1e-10))
      }
    }),
    { numRuns: 3_000 },
  )
})

test('approx_quantile ranks NaN above infinity (S15, S20)', () => {
  const inputs = [Number.NaN, 1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  const at = (quantile: number) => {
    const aggregator = createApproxQuantile(quantile)
    return aggregator.finish(aggregator.decode(aggregator.encode(stateOf(aggregator, inputs))))
  }
  expect([at(0), at(0.67), at(1)]).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN])
})

test('quantiles of one input share their state', () => {
  expect(createApproxQuantile(0.5).stateId).toBe(createApproxQuantile(0.99).stateId)
})

test('count_distinct is exact up to max_distinct and an error beyond, never a guess (S20)', () => {
  const aggregator = PROPERTIES_BY_FUNCTION.count_distinct.create('float64', {
    ...PARAMETER_DEFAULTS,
    max_distinct: 3,
  })
  const finish = (inputs: readonly Input[]) => aggregator.finish(stateOf(aggregator, inputs))
  expect(finish([0, -0, Number.NaN, Number.NaN, 5])).toBe(3n)
  expect(() => finish([1, 2, 3, 4])).toThrow('more than max_distinct 3 values')
  const merged = aggregator.merge(stateOf(aggregator, [1, 2]), stateOf(aggregator, [3, 4]))
  expect(() => aggregator.finish(merged)).toThrow('more than max_distinct 3 values')
  expect(() => aggregator.finish(aggregator.decode(aggregator.encode(merged)))).toThrow('max_distinct')
})
