import { FeatureStoreError } from '../error.ts'
import type { Value, ValueType } from '../value.ts'
import { createVectorValues, type Vector, vectorValue } from '../vector.ts'
import { compileExpression } from './compile-expression.ts'
import { expressionColumns, type TypedExpression } from './typed-expression.ts'

/** Rows of a batch: its columns, and which of their rows are meant. */
export interface BatchRows {
  readonly columns: readonly Vector[]
  readonly rows: Int32Array
}

/**
 * The values of an expression in these rows, each at its row; what stands at any other row means nothing. A row on which
 * it fails is null and noted: `compileExpression` of that row alone says why. A column is answered as it is.
 */
export function evaluateRows(
  type: ValueType,
  expression: TypedExpression,
  { columns, rows }: BatchRows,
): { readonly vector: Vector; readonly failed: readonly number[] } {
  if (expression.kind === 'column') return { vector: columns[expression.column]!, failed: [] }
  const rowCount = columns[0]!.values.length
  const values = createVectorValues(type, rowCount)
  const failed: number[] = []
  let nulls: Uint8Array | undefined
  forEachValue(expression, { columns, rows }, (row, value) => {
    if (value === undefined) failed.push(row)
    if (value === undefined || value === null) {
      nulls ??= new Uint8Array(rowCount)
      nulls[row] = 1
    } else values[row] = value
  })
  return { vector: { values, nulls }, failed }
}

/** What a condition comes to. */
export const CONDITION = { null: 0, false: 1, true: 2, failed: 3 } as const

/** By row: what a condition comes to (`CONDITION`) in these rows; 0 in any other. */
export function testRows(expression: TypedExpression, { columns, rows }: BatchRows): Uint8Array {
  const outcomes = new Uint8Array(columns[0]!.values.length)
  forEachValue(expression, { columns, rows }, (row, value) => {
    if (value === null) return
    outcomes[row] = value === undefined ? CONDITION.failed : value === true ? CONDITION.true : CONDITION.false
  })
  return outcomes
}

/** One row for all: an expression keeps nothing of the row it is given (S25). `undefined` where it fails. */
function forEachValue(
  expression: TypedExpression,
  { columns, rows }: BatchRows,
  take: (row: number, value: Value | undefined) => void,
): void {
  const evaluate = compileExpression(expression)
  const reads = expressionColumns(expression)
  const values = new Array<Value>(columns.length).fill(null)
  for (const row of rows) {
    for (const column of reads) values[column] = vectorValue(columns[column]!, row)
    let value: Value | undefined
    try {
      value = evaluate(values)
    } catch (error) {
      if (!(error instanceof FeatureStoreError)) throw error
    }
    take(row, value)
  }
}
