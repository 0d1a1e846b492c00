import { LIMITS } from '../limits.ts'
import { nearestName } from '../nearest-name.ts'
import type { ValueType } from '../value.ts'
import { coerce, foldCall, literalConstant } from './constant-folding.ts'
import { expressionFault } from './expression-fault.ts'
import type { CallSyntax, ExpressionSyntax } from './expression-syntax.ts'
import { elementOf } from './expression-type.ts'
import { parseExpression } from './parse-expression.ts'
import { argumentCounts, fits, resolveCall } from './resolve-call.ts'
import type { SqlFunction } from './sql-function.ts'
import { findFunction, functionNames, overloadId } from './sql-functions.ts'
import { constantValue, type TypedExpression } from './typed-expression.ts'

/** What an expression may read, in the order in which rows hold the values. */
export type ExpressionColumns = readonly { readonly name: string; readonly type: ValueType }[]

/** A checked expression whose result is a value of the store. */
export type CheckedExpression = TypedExpression & { readonly type: ValueType }

/** What is known while one expression is checked. */
interface Scope {
  readonly columns: ExpressionColumns
  /** How many nodes are checked so far: a subject of `case` counts once for each `when`. */
  nodeCount: number
}

/**
 * Parses and checks an expression over columns. With `type`, the result has that type: null, an int64 for a float64
 * and constant text for a time are converted, all else is refused. Throws `invalid_argument` with `position`, from 1,
 * in its details.
 */
export function checkExpression(
  sql: string | ExpressionSyntax,
  columns: ExpressionColumns,
  type?: ValueType,
): CheckedExpression {
  if (typeof sql !== 'string') return checkSyntax(sql, columns, type)
  let known = checkedByColumns.get(columns)
  if (known === undefined) {
    known = new Map()
    checkedByColumns.set(columns, known)
  }
  const key = `${type ?? ''} ${sql}`
  let checked = known.get(key)
  if (checked === undefined) {
    checked = checkSyntax(parseExpression(sql), columns, type)
    known.set(key, checked)
  }
  return checked
}

/** What was found good: an apply checks a set, then compiles the very same one. A schema's array takes it along when it goes. */
const checkedByColumns = new WeakMap<ExpressionColumns, Map<string, CheckedExpression>>()

function checkSyntax(
  syntax: ExpressionSyntax,
  columns: ExpressionColumns,
  type: ValueType | undefined,
): CheckedExpression {
  const expression = check(syntax, { columns, nodeCount: 0 }, 1, true)
  if (type !== undefined && expression.type !== type) {
    if (fits(expression, type)) return coerce(expression, type, syntax.at) as CheckedExpression
    throw expressionFault(0, `its result is ${expression.type}, ${type} is needed: cast it`)
  }
  if (expression.type === 'null' || expression.type === 'list<null>') {
    throw expressionFault(0, 'its result is always null and has no type: cast it, as in null::int64')
  }
  if (expression.type === 'interval') {
    throw expressionFault(0, 'its result is an interval, which can only be added to a time or taken from it')
  }
  return expression as CheckedExpression
}

/** `isAlways` says that every row evaluates this part: then one that always fails is refused at once. */
function check(syntax: ExpressionSyntax, scope: Scope, depth: number, isAlways: boolean): TypedExpression {
  if (depth > LIMITS.expressionDepthMax) {
    throw expressionFault(syntax.at, `it is nested deeper than ${LIMITS.expressionDepthMax} levels`)
  }
  if (++scope.nodeCount > LIMITS.expressionNodesMax) {
    throw expressionFault(syntax.at, `it has more than ${LIMITS.expressionNodesMax} parts`)
  }
  switch (syntax.kind) {
    case 'literal':
      return literalConstant(syntax.type, syntax.value)
    case 'column':
      return checkColumn(syntax.name, syntax.at, scope.columns)
    case 'cast':
      return checkCast(syntax, check(syntax.argument, scope, depth + 1, isAlways), isAlways)
    case 'call': {
      const values = syntax.arguments.map((argument, at) =>
        check(argument, scope, depth + 1, isAlways && !isConditional(syntax.name, at)),
      )
      return checkCall(syntax, values, isAlways)
    }
  }
}

/** Whether an argument is evaluated only if those before it ask for it. */
function isConditional(name: string, at: number): boolean {
  return at > 0 && ['and', 'or', 'case', 'coalesce'].includes(name)
}

/** Names are found as written, or without regard to case if only one column is then meant. */
function checkColumn(name: string, at: number, columns: ExpressionColumns): TypedExpression {
  const exact = columns.findIndex((column) => column.name === name)
  if (exact >= 0) return { kind: 'column', type: columns[exact]!.type, column: exact }
  const similar = columns.flatMap((column, place) =>
    column.name.toLowerCase() === name.toLowerCase() ? [place] : [],
  )
  if (similar.length === 1) return { kind: 'column', type: columns[similar[0]!]!.type, column: similar[0]! }
  if (similar.length > 1)
    throw expressionFault(at, `column "${name}" is any of ${similar.length} but for its case`)
  const names = columns.map((column) => column.name)
  throw expressionFault(at, `there is no column "${name}"${hint(name, names)}`)
}

function checkCast(
  { at, type, isTry }: Extract<ExpressionSyntax, { kind: 'cast' }>,
  value: TypedExpression,
  isAlways: boolean,
): TypedExpression {
  if (value.type === type) return value
  const isList = elementOf(type) !== undefined
  if (value.type === 'null' || (value.type === 'list<null>' && isList)) return coerce(value, type, at)
  const called = findFunction(isTry ? 'try_cast' : 'cast')!
  const overload = called.overloads.find(({ signature }) => signature === `(${value.type}) -> ${type}`)
  if (overload === undefined) throw expressionFault(at, `${value.type} cannot be cast to ${type}`)
  const cast = { kind: 'call', type, function: overloadId(called, overload), arguments: [value] } as const
  return foldCall(cast, at, isAlways)
}

function checkCall(
  { name, at, arguments: syntaxes }: CallSyntax,
  values: readonly TypedExpression[],
  isAlways: boolean,
): TypedExpression {
  const called = findFunction(name)
  if (called === undefined) {
    throw expressionFault(at, `there is no function "${name}"${hint(name, functionNames())}`)
  }
  const resolved = resolveCall(called, values)
  if (resolved === undefined) throw expressionFault(at, mismatch(name, called, values))
  const { overload, parameters, result } = resolved
  const fault = overload.check?.(values.map(knownValue))
  if (fault !== undefined) throw expressionFault(syntaxes[0]?.at ?? at, fault)
  const operands = values.map((value, place) => coerce(value, parameters[place]!, syntaxes[place]!.at))
  const call = {
    kind: 'call',
    type: result,
    function: overloadId(called, overload),
    arguments: operands,
  } as const
  return foldCall(call, at, isAlways)
}

function knownValue(expression: TypedExpression) {
  return expression.kind === 'constant' ? constantValue(expression.type, expression.text) : undefined
}

/** Says what a call is given and what it takes. */
function mismatch(name: string, called: SqlFunction, values: readonly TypedExpression[]): string {
  const { min, max } = argumentCounts(called)
  if (values.length < min || values.length > max) {
    const count = max === Number.POSITIVE_INFINITY ? `${min} or more` : min === max ? min : `${min} to ${max}`
    return `"${name}" takes ${count} argument${max === 1 ? '' : 's'}, ${values.length} given`
  }
  const given = values.map(({ type }) => type)
  if (name === '-' && given.every((type) => type === 'timestamp')) {
    return "the difference of two times has a unit: date_diff('second', a, b) or epoch(b) - epoch(a)"
  }
  const taken = called.overloads.map(({ signature }) => signature.slice(0, signature.indexOf(') ->') + 1))
  const meaning = taken.some((parameters) => parameters.includes('T')) ? ', T being one type throughout' : ''
  return `"${name}" does not take (${given.join(', ')}), it takes ${[...new Set(taken)].join(' or ')}${meaning}`
}

function hint(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known)
  return nearest === undefined ? '' : ` (did you mean "${nearest}"?)`
}
