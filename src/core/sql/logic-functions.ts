import type { Value } from '../value.ts'
import { comparatorOf, equalityOf } from './compare-values.ts'
import type { Evaluate, Operand, SqlFunction } from './sql-function.ts'

/** Three-valued logic, tests for null, and the choice between values. */
export const LOGIC_FUNCTIONS: readonly SqlFunction[] = [
  {
    names: ['and'],
    syntax: 'a and b',
    nulls: 'false if any operand is false, else null',
    description: 'True if both are. Operands after the first false one are not evaluated.',
    overloads: [
      { signature: '(bool, bool...) -> bool', compile: (operands) => untilDecided(operands, false) },
    ],
  },
  {
    names: ['or'],
    syntax: 'a or b',
    nulls: 'true if any operand is true, else null',
    description: 'True if either is. Operands after the first true one are not evaluated.',
    overloads: [
      { signature: '(bool, bool...) -> bool', compile: (operands) => untilDecided(operands, true) },
    ],
  },
  {
    names: ['not'],
    syntax: 'not a',
    description: 'True for false and false for true.',
    overloads: [{ signature: '(bool) -> bool', evaluate: (a: boolean) => !a }],
  },
  {
    names: ['is null'],
    syntax: 'a is [not] null',
    nulls: 'true for null',
    description: 'Whether there is no value. NaN and the empty string are values.',
    overloads: [{ signature: '(T) -> bool', compile: ([a]) => test(a!, (value) => value === null) }],
  },
  {
    names: ['is true'],
    syntax: 'a is [not] true',
    nulls: 'false for null',
    description: 'Whether it is true, and not false or null.',
    overloads: [{ signature: '(bool) -> bool', compile: ([a]) => test(a!, (value) => value === true) }],
  },
  {
    names: ['is false'],
    syntax: 'a is [not] false',
    nulls: 'false for null',
    description: 'Whether it is false, and not true or null.',
    overloads: [{ signature: '(bool) -> bool', compile: ([a]) => test(a!, (value) => value === false) }],
  },
  {
    names: ['case'],
    syntax: 'case [a] when b then c … [else d] end',
    nulls: 'a null condition counts as false; without else the rest is null',
    description: 'The result of the first condition that holds. Only that result is evaluated.',
    overloads: [{ signature: '(bool, T, T) -> T', compile: compileCase }],
  },
  {
    names: ['coalesce'],
    nulls: 'null if all are null',
    description: 'The first value that is not null. Arguments after it are not evaluated.',
    overloads: [{ signature: '(T...) -> T', compile: compileCoalesce }],
  },
  {
    names: ['nullif'],
    nulls: 'null if the first is null',
    description: 'Null if both are equal, else the first.',
    overloads: [{ signature: '(T, T) -> T', compile: compileNullIf }],
  },
  {
    names: ['greatest'],
    nulls: 'nulls are skipped; null if all are null',
    description: 'The greatest value, the first of equal ones. NaN is greater than all numbers.',
    overloads: [{ signature: '(T...) -> T', compile: (operands) => compileExtreme(operands, 1) }],
  },
  {
    names: ['least'],
    nulls: 'nulls are skipped; null if all are null',
    description: 'The least value, the first of equal ones.',
    overloads: [{ signature: '(T...) -> T', compile: (operands) => compileExtreme(operands, -1) }],
  },
]

/** `and` is decided by the first false, `or` by the first true; otherwise one null makes the answer null. */
function untilDecided(operands: readonly Operand[], decision: boolean): Evaluate {
  const parts = operands.map((operand) => operand.evaluate)
  const [left, right] = parts as [Evaluate, Evaluate]
  if (parts.length === 2) {
    return (row) => {
      const a = left(row)
      if (a === decision) return decision
      const b = right(row)
      if (b === decision) return decision
      return a === null || b === null ? null : !decision
    }
  }
  return (row) => {
    let isNull = false
    for (const part of parts) {
      const value = part(row)
      if (value === decision) return decision
      if (value === null) isNull = true
    }
    return isNull ? null : !decision
  }
}

function test(operand: Operand, holds: (value: Value) => boolean): Evaluate {
  const { evaluate } = operand
  return (row) => holds(evaluate(row))
}

function compileCase([condition, result, rest]: readonly Operand[]): Evaluate {
  const [isTrue, then, otherwise] = [condition!.evaluate, result!.evaluate, rest!.evaluate]
  return (row) => (isTrue(row) === true ? then(row) : otherwise(row))
}

function compileCoalesce(operands: readonly Operand[]): Evaluate {
  const parts = operands.map((operand) => operand.evaluate)
  const last = parts.pop()!
  return (row) => {
    for (const part of parts) {
      const value = part(row)
      if (value !== null) return value
    }
    return last(row)
  }
}

function compileNullIf([left, right]: readonly Operand[]): Evaluate {
  const [evaluateLeft, evaluateRight] = [left!.evaluate, right!.evaluate]
  const isEqual = equalityOf(left!.type)
  return (row) => {
    const a = evaluateLeft(row)
    const b = evaluateRight(row)
    return a !== null && b !== null && isEqual(a, b) ? null : a
  }
}

function compileExtreme(operands: readonly Operand[], sign: 1 | -1): Evaluate {
  const parts = operands.map((operand) => operand.evaluate)
  const compare = comparatorOf(operands[0]!.type)
  return (row) => {
    let extreme: Value = null
    for (const part of parts) {
      const value = part(row)
      if (value !== null && (extreme === null || compare(value, extreme) * sign > 0)) extreme = value
    }
    return extreme
  }
}
