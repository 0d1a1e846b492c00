import { decodeValue, type Value } from '../value.ts'
import type { ExpressionType } from './expression-type.ts'

/** A checked expression: plain JSON, so that it can travel in a snapshot and be compiled without the parser. */
export type TypedExpression =
  | ColumnExpression
  | { readonly kind: 'constant'; readonly type: ExpressionType; readonly text: string }
  | {
      readonly kind: 'call'
      readonly type: ExpressionType
      /** Name and signature of the overload, as in docs/expressions.md: `abs(int64) -> int64`. */
      readonly function: string
      readonly arguments: readonly TypedExpression[]
    }

/** The value of a column, by its place in the row. */
export interface ColumnExpression {
  readonly kind: 'column'
  readonly type: ExpressionType
  readonly column: number
}

/** The places of the columns that an expression reads, rising, each once. */
export function expressionColumns(expression: TypedExpression): number[] {
  const columns = new Set<number>()
  const pending = [expression]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.kind === 'column') columns.add(next.column)
    if (next.kind === 'call') pending.push(...next.arguments)
  }
  return [...columns].sort((a, b) => a - b)
}

/** The value of a constant's text: that of `encodeValue`, or `[months,days,micros]` for an interval. */
export function constantValue(type: ExpressionType, text: string): Value {
  if (text === 'null' || type === 'null') return null
  if (type === 'interval' || type === 'list<null>') return JSON.parse(text) as Value
  return decodeValue(type, text)
}
