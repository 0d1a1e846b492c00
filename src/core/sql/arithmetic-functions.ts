import { invalid } from '../error.ts'
import { INSTANT_MAX, INSTANT_MIN, type Instant } from '../time.ts'
import { INT64_MIN, isInt64, overflow } from './int64.ts'
import { addInterval, type Interval } from './interval.ts'
import type { SqlFunction } from './sql-function.ts'

/** Arithmetic: int64 is exact and overflow an error, float64 is IEEE 754 (S14, S15). */
export const ARITHMETIC_FUNCTIONS: readonly SqlFunction[] = [
  {
    names: ['+'],
    syntax: 'a + b',
    description: 'Sum; a time moved by an interval; with one operand, that operand.',
    overloads: [
      { signature: '(int64, int64) -> int64', evaluate: addInt64 },
      { signature: '(float64, float64) -> float64', evaluate: (a: number, b: number) => a + b },
      {
        signature: '(timestamp, interval) -> timestamp',
        evaluate: (t: Instant, by: Interval) => move(t, by, 1),
      },
      {
        signature: '(interval, timestamp) -> timestamp',
        evaluate: (by: Interval, t: Instant) => move(t, by, 1),
      },
      { signature: '(int64) -> int64', evaluate: (a: bigint) => a },
      { signature: '(float64) -> float64', evaluate: (a: number) => a },
    ],
  },
  {
    names: ['-'],
    syntax: 'a - b',
    description: 'Difference; a time moved back by an interval; with one operand, its negative.',
    overloads: [
      { signature: '(int64, int64) -> int64', evaluate: subtractInt64 },
      { signature: '(float64, float64) -> float64', evaluate: (a: number, b: number) => a - b },
      {
        signature: '(timestamp, interval) -> timestamp',
        evaluate: (t: Instant, by: Interval) => move(t, by, -1),
      },
      { signature: '(int64) -> int64', evaluate: negateInt64 },
      { signature: '(float64) -> float64', evaluate: (a: number) => -a },
    ],
  },
  {
    names: ['*'],
    syntax: 'a * b',
    description: 'Product.',
    overloads: [
      { signature: '(int64, int64) -> int64', evaluate: multiplyInt64 },
      { signature: '(float64, float64) -> float64', evaluate: (a: number, b: number) => a * b },
    ],
  },
  {
    names: ['/'],
    syntax: 'a / b',
    description: 'Quotient as float64, of int64 too; division by zero gives an infinity or NaN.',
    overloads: [
      { signature: '(int64, int64) -> float64', evaluate: (a: bigint, b: bigint) => Number(a) / Number(b) },
      { signature: '(float64, float64) -> float64', evaluate: (a: number, b: number) => a / b },
    ],
  },
  {
    names: ['//'],
    syntax: 'a // b',
    nulls: 'null if any is null or the divisor is zero',
    description: 'Quotient of int64, cut towards zero; of float64 the same as `/`.',
    overloads: [
      { signature: '(int64, int64) -> int64', evaluate: divideInt64 },
      {
        signature: '(float64, float64) -> float64',
        evaluate: (a: number, b: number) => (b === 0 ? null : a / b),
      },
    ],
  },
  {
    names: ['%', 'mod'],
    syntax: 'a % b',
    nulls: 'null if any is null or an int64 divisor is zero',
    description: 'Remainder with the sign of the left operand.',
    overloads: [
      { signature: '(int64, int64) -> int64', evaluate: remainderInt64 },
      { signature: '(float64, float64) -> float64', evaluate: (a: number, b: number) => a % b },
    ],
  },
  {
    names: ['^', 'power', 'pow'],
    syntax: 'a ^ b',
    description: 'Power as float64, also written `**`. Binds to the left: `2 ^ 3 ^ 2` is 64.',
    overloads: [{ signature: '(float64, float64) -> float64', evaluate: power }],
  },
]

function addInt64(a: bigint, b: bigint): bigint {
  const sum = a + b
  if (!isInt64(sum)) throw overflow(`${a} + ${b}`)
  return sum
}

function subtractInt64(a: bigint, b: bigint): bigint {
  const difference = a - b
  if (!isInt64(difference)) throw overflow(`${a} - ${b}`)
  return difference
}

function multiplyInt64(a: bigint, b: bigint): bigint {
  const product = a * b
  if (!isInt64(product)) throw overflow(`${a} * ${b}`)
  return product
}

function negateInt64(a: bigint): bigint {
  if (a === INT64_MIN) throw overflow(`-(${a})`)
  return -a
}

function divideInt64(a: bigint, b: bigint): bigint | null {
  if (b === 0n) return null
  if (a === INT64_MIN && b === -1n) throw overflow(`${a} // ${b}`)
  return a / b
}

function remainderInt64(a: bigint, b: bigint): bigint | null {
  if (b === 0n) return null
  // DuckDB refuses this one, whose quotient overflows.
  if (a === INT64_MIN && b === -1n) throw overflow(`${a} % ${b}`)
  return a % b
}

/** C's pow: it knows 1 to the power of anything and -1 to that of an infinity. */
function power(a: number, b: number): number {
  if (a === 1 || (a === -1 && (b === Number.POSITIVE_INFINITY || b === Number.NEGATIVE_INFINITY))) return 1
  return a ** b
}

function move(instant: Instant, interval: Interval, sign: 1 | -1): Instant {
  const moved = addInterval(instant, interval, sign)
  if (!(moved >= INSTANT_MIN && moved <= INSTANT_MAX)) {
    throw invalid('Cannot move a time by an interval: the result lies outside 1684-07-28 to 2255-06-05')
  }
  return moved
}
