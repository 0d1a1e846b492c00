/** The closed list of ways a request can fail; `http/error-response.ts` maps each to a status. */
export const ERROR_CODES = [
  'invalid_argument',
  'unauthenticated',
  'permission_denied',
  'not_found',
  'already_exists',
  'failed_precondition',
  'limit_exceeded',
  'unavailable',
  'internal',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

/**
 * The one error that leaves the store's own code.
 * Messages read "Cannot <action> <quoted thing>: <what is>, <what is needed>".
 */
export class FeatureStoreError extends Error {
  readonly code: ErrorCode
  /** Facts for the caller's program: names, rows, columns. Always JSON. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.name = 'FeatureStoreError'
    this.code = code
    this.details = details
  }
}

/** Shorthand for the commonest refusal. */
export function invalid(message: string, details?: Readonly<Record<string, unknown>>): FeatureStoreError {
  return new FeatureStoreError('invalid_argument', message, details)
}

/** States what cannot happen unless this program is wrong. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new FeatureStoreError('internal', `Assertion failed: ${what}`)
}
