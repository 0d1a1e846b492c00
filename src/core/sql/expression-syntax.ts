import type { Value, ValueType } from '../value.ts'

/** The type of a literal before its surroundings are known. */
export type LiteralType = 'bool' | 'int64' | 'float64' | 'string' | 'timestamp' | 'interval' | 'null'

/**
 * What the parser makes of a text. Operators are calls of the function of that name, `case` is nested calls with
 * three arguments. `at` is the offset of the node's first character or of its operator, from 0.
 */
export type ExpressionSyntax =
  | { readonly kind: 'literal'; readonly at: number; readonly type: LiteralType; readonly value: Value }
  | { readonly kind: 'column'; readonly at: number; readonly name: string }
  | CallSyntax
  | {
      readonly kind: 'cast'
      readonly at: number
      readonly type: ValueType
      /** A value that cannot be cast becomes null instead of an error. */
      readonly isTry: boolean
      readonly argument: ExpressionSyntax
    }

/** A function or operator and what it is applied to. */
export interface CallSyntax {
  readonly kind: 'call'
  readonly at: number
  readonly name: string
  readonly arguments: readonly ExpressionSyntax[]
}
