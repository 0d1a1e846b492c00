import type { FeatureStoreError } from '../../../src/core/error.ts'

/** The error that an action throws; an action that throws none fails the test. */
export function refusal(action: () => unknown): FeatureStoreError {
  try {
    action()
  } catch (error) {
    return error as FeatureStoreError
  }
  throw new Error('it was not refused')
}
