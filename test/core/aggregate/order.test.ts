import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  PARAMETER_DEFAULTS,
  PROPERTIES_BY_FUNCTION,
} from '../../../src/core/aggregate/aggregation-function.ts'
import type { Input } from '../../../src/core/aggregate/aggregator.ts'
import { compareValues } from '../../../src/core/aggregate/compare-values.ts'
import { compareStamps } from '../../../src/core/row.ts'
import type { ValueType } from '../../../src/core/value.ts'
import { inputsOf, type OrderedInput, orderedInputsOf } from './inputs.ts'

test('strings are ordered by code points, not by UTF-16 units (S20)', () => {
  const string = fc.string({ unit: 'binary', maxLength: 4 })
  fc.assert(
    fc.property(string, string, (a, b) => {
      expect(Math.sign(compareValues(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
    }),
    { numRuns: 2_000 },
  )
  expect(compareValues('\u{1f600}', '\uffff')).toBeGreaterThan(0)
})

test('NaN is greatest and -0 stands below 0 (S15, S20)', () => {
  const sorted = [Number.NaN, Number.POSITIVE_INFINITY, 0, -0, -1].sort(compareValues)
  expect(sorted).toEqual([-1, -0, 0, Number.POSITIVE_INFINITY, Number.NaN])
})

test.each<ValueType>(['bool', 'int64', 'float64', 'string', 'timestamp'])(
  'only the same %s is equal, and the order is total',
  (type) => {
    fc.assert(
      fc.property(inputsOf(type), inputsOf(type), inputsOf(type), (a, b, c) => {
        expect(compareValues(a, b) === 0).toBe(Object.is(a, b))
        expect(Math.sign(compareValues(a, b))).toBe(0 - Math.sign(compareValues(b, a)))
        if (compareValues(a, b) <= 0 && compareValues(b, c) <= 0) {
          expect(compareValues(a, c)).toBeLessThanOrEqual(0)
        }
      }),
    )
  },
)

test('first, last, first_n and last_n stand in the order of S6, not of arrival (S6, S20)', () => {
  const finish = (name: 'first' | 'last' | 'first_n' | 'last_n', given: readonly OrderedInput[]) => {
    const aggregator = PROPERTIES_BY_FUNCTION[name].create('int64', { ...PARAMETER_DEFAULTS, n: 4 })
    const state = given.reduce<unknown>(
      (before, { input, order }) => aggregator.update(before, input, order),
      aggregator.create(),
    )
    return aggregator.finish(state)
  }
  const shuffled = orderedInputsOf('int64')
    .filter((given) => given.length > 0)
    .chain((given) => fc.shuffledSubarray(given, { minLength: given.length }))
  fc.assert(
    fc.property(shuffled, (given) => {
      const sorted: Input[] = given
        .toSorted((a, b) => compareStamps(a.order, b.order))
        .map(({ input }) => input)
      expect(finish('first', given)).toBe(sorted[0])
      expect(finish('last', given)).toBe(sorted.at(-1))
      expect(finish('first_n', given)).toEqual(sorted.slice(0, 4))
      expect(finish('last_n', given)).toEqual(sorted.toReversed().slice(0, 4))
    }),
  )
})

test('a row met twice stands once in first_n and last_n', () => {
  const aggregator = PROPERTIES_BY_FUNCTION.last_n.create('int64', PARAMETER_DEFAULTS)
  const order = { eventTime: 1, createdTime: 1, sequenceTime: 1, sequenceOrigin: 'p', sequenceIndex: 0 }
  const state = () => aggregator.update(aggregator.create(), 7n, order)
  expect(aggregator.finish(aggregator.merge(state(), state()))).toEqual([7n])
})
