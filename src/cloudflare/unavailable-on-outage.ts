import { FeatureStoreError } from '../core/error.ts'

type Methods = Readonly<Record<string, (...given: never[]) => Promise<unknown>>>

/** What the platform answers to a call that is wrong by itself: a fault of this program, which waiting does not mend. */
const REFUSALS =
  /SQLITE_(ERROR|CONSTRAINT|MISMATCH|RANGE|TOOBIG|AUTH)|D1_(TYPE|COLUMN_NOTFOUND|EXEC)_?ERROR|Payload Too Large|Bad Request/

/**
 * The same methods, failing with `unavailable` when the platform does not do what it was asked. Our own errors,
 * errors of the language and statements or messages the platform refuses pass as they are.
 */
export function unavailableOnOutage<T extends { [Name in keyof T]: Methods[string] }>(
  store: string,
  methods: T,
): T {
  const wrapped = Object.entries<Methods[string]>(methods).map(([name, method]) => [
    name,
    async (...given: never[]) => {
      try {
        return await method(...given)
      } catch (error) {
        throw isOutage(error) ? unavailable(store, error) : error
      }
    },
  ])
  return Object.fromEntries(wrapped) as T
}

function isOutage(error: unknown): error is Error {
  const cause = rootCause(error)
  // Subclasses of Error are of the language or ours; the platform throws plain ones.
  return cause instanceof Error && cause.constructor === Error && !REFUSALS.test(cause.message)
}

/** Drizzle wraps what D1 throws. */
function rootCause(error: unknown): unknown {
  let cause = error
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause
  return cause
}

function unavailable(store: string, error: Error) {
  const { message } = rootCause(error) as Error
  return new FeatureStoreError('unavailable', `Cannot reach ${store}: ${message}; try again`)
}
