import { assert } from '../error.ts'
import type { Value } from '../value.ts'
import { compileStrict } from './compile-strict.ts'
import type { Evaluate, Operand, StrictFunction } from './sql-function.ts'
import { findOverload } from './sql-functions.ts'
import { constantValue, type TypedExpression } from './typed-expression.ts'

/**
 * Makes a function of a checked expression. It throws `invalid_argument` for a row that has no answer (overflow, a
 * cast that fails, a number without logarithm); it knows no names, no clock and no randomness (S25).
 */
export function compileExpression(expression: TypedExpression): Evaluate {
  return compileOperand(expression).evaluate
}

/** The value of an expression that reads no column. Throws `invalid_argument` if it has none. */
export function evaluateConstant(expression: TypedExpression): Value {
  return compileExpression(expression)([])
}

function compileOperand(expression: TypedExpression): Operand {
  const { type } = expression
  switch (expression.kind) {
    case 'column': {
      const { column } = expression
      return { type, column, evaluate: (row) => row[column]! }
    }
    case 'constant': {
      const constant = constantValue(type, expression.text)
      return { type, constant, evaluate: () => constant }
    }
    case 'call':
      return { type, evaluate: compileCall(expression.function, expression.arguments.map(compileOperand)) }
  }
}

function compileCall(id: string, operands: readonly Operand[]): Evaluate {
  const overload = findOverload(id)
  assert(overload !== undefined, `"${id}" is a function`)
  if ('compile' in overload) return overload.compile(operands)
  const evaluate: StrictFunction =
    'evaluate' in overload
      ? overload.evaluate
      : overload.evaluateFor(
          operands.map((operand) => operand.type),
          operands.map((operand) => operand.constant),
        )
  return compileStrict(evaluate, operands)
}
