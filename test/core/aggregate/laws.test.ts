// The laws by which states may be merged in any grouping and order (S20), for every function and input type.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  AGGREGATION_FUNCTIONS,
  PARAMETER_DEFAULTS,
  PROPERTIES_BY_FUNCTION,
} from '../../../src/core/aggregate/aggregation-function.ts'
import type { Aggregator } from '../../../src/core/aggregate/aggregator.ts'
import { encodeValue } from '../../../src/core/value.ts'
import { type OrderedInput, orderedInputsOf } from './inputs.ts'

const PARAMETERS = { ...PARAMETER_DEFAULTS, n: 3, max_distinct: 4 }
const cases = AGGREGATION_FUNCTIONS.flatMap((name) =>
  PROPERTIES_BY_FUNCTION[name].inputTypes.map((inputType) => ({ name, inputType })),
)

describe.each(cases)('$name of $inputType', ({ name, inputType }) => {
  const aggregator = PROPERTIES_BY_FUNCTION[name].create(inputType, PARAMETERS)
  const inputs = orderedInputsOf(inputType)
  const stateOf = (given: readonly OrderedInput[]) =>
    given.reduce((state, { input, order }) => aggregator.update(state, input, order), aggregator.create())
  const expectSame = (left: unknown, right: unknown, given: readonly OrderedInput[]) => {
    const [one, other] = [outcome(aggregator, left), outcome(aggregator, right)]
    if (aggregator.stateId !== 'moments') {
      expect(aggregator.encode(left)).toBe(aggregator.encode(right))
      expect(one).toBe(other)
      return
    }
    if (one === other) return
    const power = name === 'stddev' ? 2 : 1
    expectSameMoments(given, Number(one) ** power, Number(other) ** power)
  }

  test('merge is associative (S20)', () => {
    fc.assert(
      fc.property(inputs, inputs, inputs, (a, b, c) => {
        const left = aggregator.merge(aggregator.merge(stateOf(a), stateOf(b)), stateOf(c))
        const right = aggregator.merge(stateOf(a), aggregator.merge(stateOf(b), stateOf(c)))
        expectSame(left, right, [...a, ...b, ...c])
      }),
    )
  })

  test('merge is commutative, and inputs may come in any order (S20)', () => {
    fc.assert(
      fc.property(renumbered(inputs), fc.nat(30), (given, cut) => {
        const [a, b] = [given.slice(0, cut), given.slice(cut)]
        const left = aggregator.merge(stateOf(a), stateOf(b))
        expectSame(left, aggregator.merge(stateOf(b), stateOf(a)), given)
        expectSame(left, stateOf(given.toReversed()), given)
      }),
    )
  })

  test('the state of no input is the identity of merge (S20)', () => {
    fc.assert(
      fc.property(inputs, (given) => {
        expectSame(aggregator.merge(aggregator.create(), stateOf(given)), stateOf(given), given)
        expectSame(aggregator.merge(stateOf(given), aggregator.create()), stateOf(given), given)
      }),
    )
  })

  test('update is merge with the state of one input, exactly (S20)', () => {
    fc.assert(
      fc.property(renumbered(inputs), (given) => {
        const merged = given.reduce(
          (state, one) => aggregator.merge(state, stateOf([one])),
          aggregator.create(),
        )
        expect(aggregator.encode(merged)).toBe(aggregator.encode(stateOf(given)))
      }),
    )
  })

  test('encode and decode are exact inverses in ASCII without separators', () => {
    fc.assert(
      fc.property(inputs, (given) => {
        const text = aggregator.encode(stateOf(given))
        expect(text).toMatch(/^[\x20-\x7e]*$/)
        expect(text).not.toMatch(/[|;]/)
        const decoded = aggregator.decode(text)
        expect(aggregator.encode(decoded)).toBe(text)
        expectSame(decoded, stateOf(given), given)
      }),
    )
  })

  test('what is merged, finished or encoded is left as it was', () => {
    fc.assert(
      fc.property(inputs, inputs, (a, b) => {
        const read = stateOf(b)
        let merged = aggregator.merge(aggregator.create(), read)
        for (const { input, order } of a) merged = aggregator.update(merged, input, order)
        outcome(aggregator, read)
        aggregator.encode(read)
        expect(read).toStrictEqual(stateOf(b))
      }),
    )
  })
})

/** Inputs whose order keeps its own index wherever they stand. */
function renumbered(inputs: fc.Arbitrary<OrderedInput[]>): fc.Arbitrary<OrderedInput[]> {
  return inputs.chain((given) => fc.shuffledSubarray(given, { minLength: given.length }))
}

function outcome(aggregator: Aggregator, state: unknown): string {
  try {
    return encodeValue(aggregator.outputType, aggregator.finish(state))
  } catch (error) {
    return String(error)
  }
}

/** Variance and stddev agree to 1e-12 of the sum of squares (S22); stddev is compared as the variance it is the root of. */
function expectSameMoments(given: readonly OrderedInput[], one: number, other: number): void {
  const squares = given.reduce((sum, { input }) => sum + Number(input) ** 2, 0)
  // Squares of the very smallest floats are whole multiples of the least: each step may round one of them away.
  const tolerance = Math.max(squares * 1e-12, given.length * 4 * Number.MIN_VALUE)
  if (Number.isFinite(squares)) expect(Math.abs(one - other)).toBeLessThanOrEqual(tolerance)
}
