import { ARITHMETIC_FUNCTIONS } from './arithmetic-functions.ts'
import { CAST_FUNCTIONS } from './cast-functions.ts'
import { COMPARISON_FUNCTIONS } from './comparison-functions.ts'
import { FEATURE_FUNCTIONS } from './feature-functions.ts'
import { LIST_FUNCTIONS } from './list-functions.ts'
import { LOGIC_FUNCTIONS } from './logic-functions.ts'
import { MATH_FUNCTIONS } from './math-functions.ts'
import type { Overload, SqlFunction } from './sql-function.ts'
import { STRING_FUNCTIONS } from './string-functions.ts'
import { TIME_FUNCTIONS } from './time-functions.ts'

/** Every function and operator of the language, in the order of docs/expressions.md. */
export const SQL_FUNCTIONS: readonly SqlFunction[] = [
  ...LOGIC_FUNCTIONS,
  ...COMPARISON_FUNCTIONS,
  ...ARITHMETIC_FUNCTIONS,
  ...CAST_FUNCTIONS,
  ...MATH_FUNCTIONS,
  ...STRING_FUNCTIONS,
  ...TIME_FUNCTIONS,
  ...LIST_FUNCTIONS,
  ...FEATURE_FUNCTIONS,
]

const FUNCTIONS_BY_NAME = new Map(SQL_FUNCTIONS.flatMap((each) => each.names.map((name) => [name, each])))
const OVERLOADS_BY_ID = new Map(
  SQL_FUNCTIONS.flatMap((each) => each.overloads.map((overload) => [overloadId(each, overload), overload])),
)

/** The function or operator of a name in lower case. */
export function findFunction(name: string): SqlFunction | undefined {
  return FUNCTIONS_BY_NAME.get(name)
}

/** The names under which functions can be called, without the operators. */
export function functionNames(): string[] {
  return [...FUNCTIONS_BY_NAME.keys()].filter((name) => /^\w+$/.test(name))
}

/** What a typed expression says of the overload it calls; it stays the same when tables grow. */
export function overloadId(each: SqlFunction, overload: Overload): string {
  return `${each.names[0]}${overload.signature}`
}

/** The overload of an id. */
export function findOverload(id: string): Overload | undefined {
  return OVERLOADS_BY_ID.get(id)
}
