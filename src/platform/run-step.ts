import { FeatureStoreError } from '../core/error.ts'
import type { JobSteps, StepOptions } from './jobs.ts'

/**
 * Runs one step of a job. A fault that no other try can mend travels as the step's outcome and is thrown
 * again here, with its code; any other is left to the engine, which retries the step.
 */
export async function runStep<T extends number | boolean | null>(
  steps: JobSteps,
  name: string,
  work: () => Promise<T>,
  options?: StepOptions,
): Promise<T> {
  const attempt = async () => {
    try {
      return { value: await work() }
    } catch (error) {
      if (!isPermanent(error)) throw error
      return { fault: { code: error.code, message: error.message } }
    }
  }
  const outcome = await steps.step(name, attempt, options)
  if ('fault' in outcome) throw new FeatureStoreError(outcome.fault.code, outcome.fault.message)
  return outcome.value as T
}

/** Whether no other try can mend it. */
export function isPermanent(error: unknown): error is FeatureStoreError {
  return error instanceof FeatureStoreError && error.code !== 'unavailable' && error.code !== 'internal'
}
