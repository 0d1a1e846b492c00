import { FeatureStoreError } from '../error.ts'
import { encodeValue, type Value } from '../value.ts'
import { parseTimestampText } from './cast-text.ts'
import { evaluateConstant } from './compile-expression.ts'
import { expressionFault } from './expression-fault.ts'
import type { LiteralType } from './expression-syntax.ts'
import { type ExpressionType, elementOf } from './expression-type.ts'
import { constantValue, type TypedExpression } from './typed-expression.ts'

/** Longer results of constant calls are computed for each row: a snapshot does not carry them. */
const FOLDED_CHARS_MAX = 1_000

/** The constant of a literal. */
export function literalConstant(type: LiteralType, value: Value): TypedExpression {
  return { kind: 'constant', type, text: constantText(type, value) }
}

/** Replaces a call of constants by its result. One that fails is refused if every row would meet it. */
export function foldCall(
  call: Extract<TypedExpression, { kind: 'call' }>,
  at: number,
  isAlways: boolean,
): TypedExpression {
  if (!call.arguments.every(({ kind }) => kind === 'constant')) return call
  try {
    const text = constantText(call.type, evaluateConstant(call))
    return text.length > FOLDED_CHARS_MAX ? call : { kind: 'constant', type: call.type, text }
  } catch (error) {
    if (!(error instanceof FeatureStoreError) || error.code !== 'invalid_argument') throw error
    if (isAlways) throw expressionFault(at, error.message)
    return call
  }
}

/** Brings an expression to a type that it fits (`fits`); `at` is where it stands, for text that is no time. */
export function coerce(expression: TypedExpression, type: ExpressionType, at: number): TypedExpression {
  if (expression.type === type) return expression
  if (expression.kind !== 'constant') {
    return { kind: 'call', type, function: `cast(${expression.type}) -> ${type}`, arguments: [expression] }
  }
  if (expression.type === 'null' || expression.type === 'list<null>') return { ...expression, type }
  const value = constantValue(expression.type, expression.text)
  return { kind: 'constant', type, text: constantText(type, convert(value, type, at)) }
}

function convert(value: Value, type: ExpressionType, at: number): Value {
  if (value === null) return null
  if (type !== 'timestamp') {
    return elementOf(type) === undefined
      ? Number(value)
      : (value as Value[]).map((item) => convert(item, 'float64', at))
  }
  const instant = parseTimestampText(value as string)
  if (instant === undefined) throw expressionFault(at, `'${value}' is not a time, as is needed here`)
  return instant
}

function constantText(type: ExpressionType, value: Value): string {
  if (value === null) return 'null'
  if (type === 'interval' || type === 'list<null>' || type === 'null') return JSON.stringify(value)
  return encodeValue(type, value)
}
