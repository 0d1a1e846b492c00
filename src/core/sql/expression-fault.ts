import { type FeatureStoreError, invalid } from '../error.ts'

/** The refusal of an expression: `at` counts from 0, the message and `details.position` from 1. */
export function expressionFault(at: number, what: string): FeatureStoreError {
  const position = at + 1
  return invalid(`Cannot read expression at character ${position}: ${what}`, { position })
}
