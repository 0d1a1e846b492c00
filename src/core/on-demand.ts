import { FeatureStoreError } from './error.ts'
import type { Evaluate } from './sql/sql-function.ts'
import { encodeValue, type Value, type ValueType } from './value.ts'

/** A value that an expression may read; undefined where none could be given: its status is `error`. */
export type ComputedValue = Value | undefined

/** A feature made at request time, ready to run: the same function online and in history (S22, S25). */
export interface OnDemandFeature {
  readonly type: ValueType
  /** Over the inputs of its view. */
  readonly evaluate: Evaluate
  /** The inputs that it reads: position in its view, and slot in the row where the value stands. */
  readonly inputs: readonly { readonly column: number; readonly slot: number }[]
}

/**
 * Computes features one after another and appends each to the row, so that later ones can read it. A feature fails by
 * itself (S28): when its expression has no answer for the row, or reads a value that could not be given.
 */
export function computeFeatures(features: readonly OnDemandFeature[], row: ComputedValue[]): void {
  for (const feature of features) row.push(computeFeature(feature, row))
}

function computeFeature({ evaluate, inputs }: OnDemandFeature, row: readonly ComputedValue[]): ComputedValue {
  const values: Value[] = []
  for (const { column, slot } of inputs) {
    const value = row[slot]
    if (value === undefined) return undefined
    values[column] = value
  }
  try {
    return evaluate(values)
  } catch (error) {
    if (!(error instanceof FeatureStoreError)) throw error
    return undefined
  }
}

/** JSON text of a computed value; null where there is none. */
export function encodeComputed(type: ValueType, value: ComputedValue): string {
  return encodeValue(type, value ?? null)
}

export function computedStatus(value: ComputedValue): 'present' | 'null' | 'error' {
  if (value === undefined) return 'error'
  return value === null ? 'null' : 'present'
}
