import type { Value } from '../value.ts'
import type { Evaluate, Operand, StrictFunction } from './sql-function.ts'

/**
 * Calls a function with the values of its arguments, unless one is null. All arguments are evaluated first, so that
 * one that fails does so whatever stands beside it, as in DuckDB. Columns and constants are read in place: that
 * spares a call each.
 */
export function compileStrict(evaluate: StrictFunction, operands: readonly Operand[]): Evaluate {
  switch (operands.length) {
    case 1:
      return compileUnary(evaluate as (a: Value) => Value, operands[0]!)
    case 2:
      return compileBinary(evaluate as (a: Value, b: Value) => Value, operands[0]!, operands[1]!)
    default:
      return compileMany(evaluate as (...values: readonly Value[]) => Value, operands)
  }
}

function compileUnary(evaluate: (a: Value) => Value, { column, evaluate: argument }: Operand): Evaluate {
  if (column !== undefined) {
    return (row) => {
      const a = row[column]!
      return a === null ? null : evaluate(a)
    }
  }
  return (row) => {
    const a = argument(row)
    return a === null ? null : evaluate(a)
  }
}

function compileBinary(evaluate: (a: Value, b: Value) => Value, left: Operand, right: Operand): Evaluate {
  const { column: leftColumn, evaluate: leftEvaluate } = left
  const { column: rightColumn, constant, evaluate: rightEvaluate } = right
  if (constant !== undefined && constant !== null) {
    if (leftColumn !== undefined) {
      return (row) => {
        const a = row[leftColumn]!
        return a === null ? null : evaluate(a, constant)
      }
    }
    return (row) => {
      const a = leftEvaluate(row)
      return a === null ? null : evaluate(a, constant)
    }
  }
  if (leftColumn !== undefined && rightColumn !== undefined) {
    return (row) => {
      const a = row[leftColumn]!
      const b = row[rightColumn]!
      return a === null || b === null ? null : evaluate(a, b)
    }
  }
  return (row) => {
    const a = leftEvaluate(row)
    const b = rightEvaluate(row)
    return a === null || b === null ? null : evaluate(a, b)
  }
}

function compileMany(
  evaluate: (...values: readonly Value[]) => Value,
  operands: readonly Operand[],
): Evaluate {
  const parts = operands.map((operand) => operand.evaluate)
  return (row) => {
    const values: Value[] = []
    let isNull = false
    for (const part of parts) {
      const value = part(row)
      if (value === null) isNull = true
      values.push(value)
    }
    return isNull ? null : evaluate(...values)
  }
}
