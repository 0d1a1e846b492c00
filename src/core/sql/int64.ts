import { type FeatureStoreError, invalid } from '../error.ts'

export const INT64_MIN = -(2n ** 63n)
export const INT64_MAX = 2n ** 63n - 1n

/** Whether int64 holds it (S14). */
export function isInt64(value: bigint): boolean {
  // V8 compiles this to a machine word's overflow check; two comparisons take longer.
  return BigInt.asIntN(64, value) === value
}

/** The refusal of a computation, written as such: `1 + 2`. */
export function overflow(computation: string): FeatureStoreError {
  return invalid(`Cannot compute ${computation}: the result lies outside int64`)
}
