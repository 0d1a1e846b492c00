import fc from 'fast-check'
import type { Input } from '../../../src/core/aggregate/aggregator.ts'
import type { StampOrder } from '../../../src/core/row.ts'
import { elementType, type ValueType } from '../../../src/core/value.ts'

/** Tricky values of each scalar type; few of them, so that equal ones are common. */
const SCALARS: Readonly<Record<string, fc.Arbitrary<Input>>> = {
  bool: fc.boolean(),
  int64: fc.oneof(fc.bigInt({ min: -3n, max: 3n }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  float64: fc.oneof(
    fc.integer({ min: -3, max: 3 }),
    // A sum that passes float64's range on its way is infinite, which no order could mend: sums.test.ts.
    fc.double({ min: -1e300, max: 1e300 }),
    fc.double({ min: -1e9, max: 1e9, noNaN: true }),
    fc.constantFrom(-0, 0.1, 0.2, Number.NaN, Number.POSITIVE_INFINITY),
  ),
  string: fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('', 'a', '|;~', '"\\', '\ufffd', '\u{1f600}', 'null', '!'),
  ),
  timestamp: fc.integer({ min: -(2 ** 50), max: 2 ** 52 }),
  bytes: fc.uint8Array({ maxLength: 3 }),
}

/** Inputs of a type: never null itself, for nulls are skipped (S19); lists may hold nulls. */
export function inputsOf(type: ValueType): fc.Arbitrary<Input> {
  const element = elementType(type)
  return element === undefined ? SCALARS[type]! : fc.array(fc.option(SCALARS[element]!), { maxLength: 3 })
}

/** Few times and origins, so that ties of every depth are common; `sequenceIndex` tells rows apart. */
export const orders: fc.Arbitrary<Omit<StampOrder, 'sequenceIndex'>> = fc.record({
  eventTime: fc.integer({ min: -5, max: 5 }),
  createdTime: fc.integer({ min: -3, max: 3 }),
  sequenceTime: fc.integer({ min: 0, max: 2 }),
  sequenceOrigin: fc.constantFrom('p', 'q', 'é|"'),
})

export interface OrderedInput {
  readonly input: Input
  readonly order: StampOrder
}

/** Up to 30 inputs, each with an order of its own. */
export function orderedInputsOf(type: ValueType): fc.Arbitrary<OrderedInput[]> {
  return fc
    .array(fc.tuple(inputsOf(type), orders), { maxLength: 30 })
    .map((pairs) =>
      pairs.map(([input, order], sequenceIndex) => ({ input, order: { ...order, sequenceIndex } })),
    )
}
