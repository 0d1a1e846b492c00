import { elementType, VALUE_TYPES, type ValueType } from '../value.ts'

/**
 * Types of expressions: those of values, and three that only constants have. `null` fits everywhere, `list<null>`
 * is the type of `[]` and `[null]`, an interval can be added to a time.
 */
export type ExpressionType = ValueType | 'null' | 'list<null>' | 'interval'

/** DuckDB's names of the types, besides the store's own. Its 32-bit types are not offered: nothing here is 32 bits. */
const ALIASES: Readonly<Record<string, ValueType>> = {
  boolean: 'bool',
  logical: 'bool',
  bigint: 'int64',
  int8: 'int64',
  long: 'int64',
  double: 'float64',
  'double precision': 'float64',
  float8: 'float64',
  varchar: 'string',
  text: 'string',
  char: 'string',
  bpchar: 'string',
  datetime: 'timestamp',
  blob: 'bytes',
  bytea: 'bytes',
  binary: 'bytes',
  varbinary: 'bytes',
}

/** The type that a name in lower case stands for. */
export function typeOfName(name: string): ValueType | undefined {
  return (
    VALUE_TYPES.find((type) => type === name) ?? (Object.hasOwn(ALIASES, name) ? ALIASES[name] : undefined)
  )
}

/** Every name that `typeOfName` knows. */
export function typeNames(): string[] {
  return [...VALUE_TYPES, ...Object.keys(ALIASES)]
}

/** The list type of an element type; undefined when there is no such list. */
export function listOf(element: ExpressionType): ExpressionType | undefined {
  if (element === 'null') return 'list<null>'
  return VALUE_TYPES.find((type) => type === `list<${element}>`)
}

/** The element type of a list type, `list<null>` included. */
export function elementOf(type: ExpressionType): ExpressionType | undefined {
  if (type === 'list<null>') return 'null'
  return type === 'null' || type === 'interval' ? undefined : elementType(type)
}

/** Whether a value of one type stands for one of another without being asked: nothing is lost but digits past 2^53. */
export function isImplicit(from: ExpressionType, to: ExpressionType): boolean {
  if (from === to || from === 'null') return true
  if (from === 'int64') return to === 'float64'
  if (from === 'list<int64>') return to === 'list<float64>'
  return from === 'list<null>' && elementOf(to) !== undefined
}

/** The type that both fit, if there is one. */
export function commonType(a: ExpressionType, b: ExpressionType): ExpressionType | undefined {
  if (isImplicit(a, b)) return b
  return isImplicit(b, a) ? a : undefined
}
