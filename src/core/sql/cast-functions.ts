import { castBetween, castPairs } from './cast-value.ts'
import type { SqlFunction, StrictFunction } from './sql-function.ts'

/** The conversions between types that a user asks for, and that of int64 to float64 which also happens unasked. */
export const CAST_FUNCTIONS: readonly SqlFunction[] = [
  {
    names: ['cast'],
    syntax: 'cast(a as type), a::type',
    description: 'The value in another type; an error if it has none there.',
    overloads: overloads(false),
  },
  {
    names: ['try_cast'],
    syntax: 'try_cast(a as type)',
    nulls: 'null if it is null or has no value in that type',
    description: 'The value in another type; items of a list that have none become null.',
    overloads: overloads(true),
  },
]

function overloads(isTry: boolean) {
  return castPairs().map(({ from, to }) => ({
    signature: `(${from}) -> ${to}`,
    evaluate: castBetween(from, to, isTry) as StrictFunction,
  }))
}
