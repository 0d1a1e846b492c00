import { FeatureStoreError } from '../core/error.ts'
import { COMMIT_COLUMN, STAMP_COLUMNS } from '../core/log-columns.ts'
import { nearestName } from '../core/nearest-name.ts'
import { checkExpression, type ExpressionColumns } from '../core/sql/check-expression.ts'
import type { ValueType } from '../core/value.ts'

/** What is wrong with an expression over columns whose result has to be of a type; empty when nothing is. */
export function expressionProblems(
  subject: string,
  sql: string,
  { schema, type }: { readonly schema: ExpressionColumns; readonly type: ValueType },
): string[] {
  try {
    checkExpression(sql, schema, type)
    return []
  } catch (error) {
    if (!(error instanceof FeatureStoreError)) throw error
    return [`${subject}: ${error.message}`]
  }
}

export function nameOf({ name }: { readonly name: string }): string {
  return name
}

/** The names that stand more than once, each once. */
export function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, at) => names.indexOf(name) !== at))]
}

const RESERVED: ReadonlySet<string> = new Set([...STAMP_COLUMNS, COMMIT_COLUMN])

/** The names that the log keeps for itself, in whatever case. */
export function reserved(names: readonly string[]): string[] {
  return names.filter((name) => RESERVED.has(name.toLowerCase()))
}

/** Points to the known name that was most likely meant; empty when none is near. */
export function hint(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known)
  return nearest === undefined ? '' : ` (did you mean "${nearest}"?)`
}
