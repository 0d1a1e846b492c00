import type { Value } from '../value.ts'
import { comparatorOf, equalityOf } from './compare-values.ts'
import type { ExpressionType } from './expression-type.ts'
import type { Evaluate, Operand, SqlFunction, StrictFunction } from './sql-function.ts'

/** Comparisons of two values of one type; an int64 beside a float64 is compared as float64. */
export const COMPARISON_FUNCTIONS: readonly SqlFunction[] = [
  {
    names: ['='],
    syntax: 'a = b',
    description:
      'Whether both are equal, also written `==`. NaN equals NaN, -0 equals 0, lists item by item.',
    overloads: [
      { signature: '(T, T) -> bool', evaluateFor: ([type]) => equalityOf(type!) as StrictFunction },
    ],
  },
  {
    names: ['<>'],
    syntax: 'a <> b',
    description: 'Whether both differ, also written `!=`.',
    overloads: [{ signature: '(T, T) -> bool', evaluateFor: ([type]) => inequalityOf(type!) }],
  },
  {
    names: ['<'],
    syntax: 'a < b',
    description:
      'Whether the left is less. False is less than true, NaN the greatest, strings go by code points.',
    overloads: [
      {
        signature: '(T, T) -> bool',
        evaluateFor: ([type]) =>
          isNative(type!)
            ? (a: number, b: number) => a < b
            : type === 'float64'
              ? (a: number, b: number) => a < b || (Number.isNaN(b) && !Number.isNaN(a))
              : ordered(type!, (order) => order < 0),
      },
    ],
  },
  {
    names: ['<='],
    syntax: 'a <= b',
    description: 'Whether the left is not greater.',
    overloads: [
      {
        signature: '(T, T) -> bool',
        evaluateFor: ([type]) =>
          isNative(type!)
            ? (a: number, b: number) => a <= b
            : type === 'float64'
              ? (a: number, b: number) => a <= b || Number.isNaN(b)
              : ordered(type!, (order) => order <= 0),
      },
    ],
  },
  {
    names: ['>'],
    syntax: 'a > b',
    description: 'Whether the left is greater.',
    overloads: [
      {
        signature: '(T, T) -> bool',
        evaluateFor: ([type]) =>
          isNative(type!)
            ? (a: number, b: number) => a > b
            : type === 'float64'
              ? (a: number, b: number) => a > b || (Number.isNaN(a) && !Number.isNaN(b))
              : ordered(type!, (order) => order > 0),
      },
    ],
  },
  {
    names: ['>='],
    syntax: 'a >= b',
    description: 'Whether the left is not less.',
    overloads: [
      {
        signature: '(T, T) -> bool',
        evaluateFor: ([type]) =>
          isNative(type!)
            ? (a: number, b: number) => a >= b
            : type === 'float64'
              ? (a: number, b: number) => a >= b || Number.isNaN(a)
              : ordered(type!, (order) => order >= 0),
      },
    ],
  },
  {
    names: ['between'],
    syntax: 'a [not] between b and c',
    nulls: 'false if either bound excludes it, else null',
    description: 'The same as `a >= b and a <= c`.',
    overloads: [{ signature: '(T, T, T) -> bool', compile: compileBetween }],
  },
  {
    names: ['in'],
    syntax: 'a [not] in (b, …)',
    nulls: 'true if any item equals it, else null if it or any item is null',
    description: 'Whether it equals one of the items.',
    overloads: [{ signature: '(T, T...) -> bool', compile: compileIn }],
  },
  {
    names: ['is distinct from'],
    syntax: 'a is [not] distinct from b',
    nulls: 'two nulls are not distinct, null and a value are',
    description: 'Whether both differ, with null as a value like others.',
    overloads: [{ signature: '(T, T) -> bool', compile: compileDistinct }],
  },
]

/** Types whose order is that of JavaScript's own operators. */
function isNative(type: ExpressionType): boolean {
  return type === 'int64' || type === 'timestamp' || type === 'bool'
}

function inequalityOf(type: ExpressionType): StrictFunction {
  const isEqual = equalityOf(type)
  return (a: Value, b: Value) => !isEqual(a, b)
}

function ordered(type: ExpressionType, holds: (order: number) => boolean): StrictFunction {
  const compare = comparatorOf(type)
  return (a: Value, b: Value) => holds(compare(a, b))
}

function compileBetween([subject, low, high]: readonly Operand[]): Evaluate {
  const [value, from, to] = [subject!.evaluate, low!.evaluate, high!.evaluate]
  const compare = comparatorOf(subject!.type)
  return (row) => {
    const x = value(row)
    const a = from(row)
    if (x !== null && a !== null && compare(x, a) < 0) return false
    const b = to(row)
    if (x === null) return null
    if (b !== null && compare(x, b) > 0) return false
    return a === null || b === null ? null : true
  }
}

function compileIn([subject, ...items]: readonly Operand[]): Evaluate {
  const value = subject!.evaluate
  const constants = items.flatMap(({ constant }) => (constant === undefined ? [] : [constant]))
  const isHashable = ['bool', 'int64', 'float64', 'string', 'timestamp'].includes(subject!.type)
  if (isHashable && constants.length === items.length) {
    // A set finds NaN and takes -0 for 0, as `=` does.
    const found = new Set(constants.filter((constant) => constant !== null))
    const otherwise = constants.includes(null) ? null : false
    return (row) => {
      const x = value(row)
      return x === null ? null : found.has(x) || otherwise
    }
  }
  const isEqual = equalityOf(subject!.type)
  const parts = items.map((item) => item.evaluate)
  return (row) => {
    const x = value(row)
    // All items are evaluated, found or not: whether one fails does not depend on those before it.
    const all = parts.map((part) => part(row))
    if (x === null) return null
    if (all.some((item) => item !== null && isEqual(x, item))) return true
    return all.includes(null) ? null : false
  }
}

function compileDistinct([left, right]: readonly Operand[]): Evaluate {
  const [evaluateLeft, evaluateRight] = [left!.evaluate, right!.evaluate]
  const isEqual = equalityOf(left!.type)
  return (row) => {
    const a = evaluateLeft(row)
    const b = evaluateRight(row)
    return a === null || b === null ? a !== b : !isEqual(a, b)
  }
}
