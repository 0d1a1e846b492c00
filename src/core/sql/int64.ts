import { type FeatureStoreError, invalid } from '../error.ts'

export const INT64_MIN = -(2n ** 63n)
export const INT64_MAX = 2n ** 63n - 1n

/** Whether int64 holds it (S14). */
export function isInt64(value: bigint): boolean {
  return value <= INT64_MAX && value >= INT64_MIN
}

/** The refusal of a computation, written as such: `1 + 2`. */
export function overflow(computation: string): FeatureStoreError {
  return invalid(`Cannot compute ${computation}: the result lies outside int64`)
}
