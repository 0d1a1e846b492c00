import type { Value } from '../value.ts'
import type { ExpressionType } from './expression-type.ts'

/** A compiled expression: the value of a row, whose columns are found by their place. */
export type Evaluate = (row: readonly Value[]) => Value

/** A compiled argument; what is known of it lets a function take a shorter way. */
export interface Operand {
  readonly type: ExpressionType
  readonly evaluate: Evaluate
  /** Place of the column that the argument is; absent for anything else. */
  readonly column?: number
  /** The value that the argument has in every row; absent when rows decide. */
  readonly constant?: Value
}

/** A function, operator or special form of the language. The tables of these are its single source. */
export interface SqlFunction {
  /** All names, the main one first. */
  readonly names: readonly string[]
  /** How it is written, where that is not `name(…)`. */
  readonly syntax?: string
  /** What becomes of nulls; absent: a null argument gives null. */
  readonly nulls?: string
  /** One line for docs/expressions.md. */
  readonly description: string
  readonly overloads: readonly Overload[]
}

/**
 * One choice of argument types. `T` stands for one type throughout, `T...` for one or more arguments. An
 * implementation is for values that are not null (`evaluate`, `evaluateFor`), or sees the arguments themselves
 * (`compile`).
 */
export type Overload = {
  readonly signature: string
  /** What is wrong with arguments that are constants; undefined if nothing. */
  readonly check?: (constants: Constants) => string | undefined
} & Implementation

/** The arguments' values where they are constants, and undefined elsewhere. */
export type Constants = readonly (Value | undefined)[]

export type Implementation =
  | { readonly evaluate: StrictFunction }
  | { readonly evaluateFor: (types: readonly ExpressionType[], constants: Constants) => StrictFunction }
  | { readonly compile: (operands: readonly Operand[]) => Evaluate }

/** Called with values of the signature's types only, none of them null. */
export type StrictFunction = (...values: never[]) => Value

/** A signature taken apart; `isRest` says that the last parameter may be repeated. */
export interface Signature {
  readonly parameters: readonly string[]
  readonly isRest: boolean
  readonly result: string
}

const signatureByText = new Map<string, Signature>()

/** Takes `(list<T>, T...) -> bool` apart, each text once: every call in an expression is held against several. */
export function readSignature(text: string): Signature {
  let signature = signatureByText.get(text)
  if (signature === undefined) {
    signature = parseSignature(text)
    signatureByText.set(text, signature)
  }
  return signature
}

function parseSignature(text: string): Signature {
  const [inside, result] = text.slice(1).split(') -> ') as [string, string]
  const parameters = inside === '' ? [] : inside.split(', ')
  const isRest = inside.endsWith('...')
  return { parameters: parameters.map((name) => name.replace('...', '')), isRest, result }
}
