import { commonType, type ExpressionType, elementOf, isImplicit, listOf } from './expression-type.ts'
import { type Overload, readSignature, type SqlFunction } from './sql-function.ts'
import type { TypedExpression } from './typed-expression.ts'

/** The overload that a call means, with the types its arguments have to be brought to. */
export interface ResolvedCall {
  readonly overload: Overload
  readonly parameters: readonly ExpressionType[]
  readonly result: ExpressionType
}

/** The overload that needs the fewest conversions, the first of equal ones; undefined if none fits. */
export function resolveCall(
  called: SqlFunction,
  values: readonly TypedExpression[],
): ResolvedCall | undefined {
  let best: ResolvedCall | undefined
  let costMin = Number.POSITIVE_INFINITY
  for (const overload of called.overloads) {
    const resolved = matchOverload(overload, values)
    if (resolved === undefined) continue
    const cost = values.filter(({ type }, at) => type !== 'null' && type !== resolved.parameters[at]).length
    if (cost < costMin) {
      costMin = cost
      best = resolved
    }
  }
  return best
}

/** Whether an expression stands for a value of a type without being asked: a string does for a time if constant. */
export function fits(value: TypedExpression, type: ExpressionType): boolean {
  return isImplicit(value.type, type) || (isTextConstant(value) && type === 'timestamp')
}

/** The numbers of arguments that a function can have; `max` is infinite for a repeated last one. */
export function argumentCounts(called: SqlFunction): { readonly min: number; readonly max: number } {
  const signatures = called.overloads.map((overload) => readSignature(overload.signature))
  return {
    min: Math.min(...signatures.map(({ parameters }) => parameters.length)),
    max: Math.max(
      ...signatures.map(({ parameters, isRest }) => (isRest ? Number.POSITIVE_INFINITY : parameters.length)),
    ),
  }
}

function matchOverload(overload: Overload, values: readonly TypedExpression[]): ResolvedCall | undefined {
  const { parameters, isRest, result } = readSignature(overload.signature)
  if (values.length < parameters.length || (values.length > parameters.length && !isRest)) return undefined
  const patterns = values.map((_, at) => parameters[Math.min(at, parameters.length - 1)]!)
  const bound = bindVariable(patterns, values)
  const types = patterns.map((pattern) => substitute(pattern, bound))
  const resultType = substitute(result, bound)
  if (resultType === undefined) return undefined
  const targets: ExpressionType[] = []
  for (let at = 0; at < values.length; at++) {
    const type = types[at]
    if (type === undefined || !fits(values[at]!, type)) return undefined
    targets.push(type)
  }
  return { overload, parameters: targets, result: resultType }
}

/** The one type that `T` can stand for, undefined if there is none or the signature has no `T`. */
function bindVariable(
  patterns: readonly string[],
  values: readonly TypedExpression[],
): ExpressionType | undefined {
  let bound: ExpressionType = 'null'
  if (!patterns.some(isVariable)) return bound
  // Constant strings come last: beside a time they are one, too.
  const order = [...values.keys()].sort(
    (a, b) => Number(isTextConstant(values[a]!)) - Number(isTextConstant(values[b]!)),
  )
  for (const at of order) {
    const pattern = patterns[at]!
    if (!isVariable(pattern)) continue
    const value = values[at]!
    const type = pattern === 'T' ? value.type : value.type === 'null' ? 'null' : elementOf(value.type)
    if (type === undefined || type === 'interval') return undefined
    if (bound === 'timestamp' && isTextConstant(value)) continue
    const common = commonType(bound, type)
    if (common === undefined) return undefined
    bound = common
  }
  return bound
}

function isVariable(pattern: string): boolean {
  return pattern === 'T' || pattern === 'list<T>'
}

function substitute(pattern: string, bound: ExpressionType | undefined): ExpressionType | undefined {
  if (pattern === 'T') return bound
  if (pattern === 'list<T>') return bound === undefined ? undefined : listOf(bound)
  return pattern as ExpressionType
}

function isTextConstant(value: TypedExpression): boolean {
  return value.kind === 'constant' && value.type === 'string'
}
