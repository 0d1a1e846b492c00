import type { Context } from 'hono'
import { type ErrorCode, FeatureStoreError } from '../core/error.ts'
import type { Http } from './context.ts'

/** The status of every code: the one place where it is decided. */
export const STATUS_BY_CODE = {
  invalid_argument: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  already_exists: 409,
  failed_precondition: 409,
  limit_exceeded: 413,
  unavailable: 503,
  internal: 500,
} as const satisfies Record<ErrorCode, number>

/**
 * Answers any error in the contract's form; what is not ours is logged and shown as `internal` only. An error that
 * knows when to try again (`retry_after_s` of its details) says so in the header `retry-after`, too.
 */
export function errorResponse(error: unknown, c: Context<Http>): Response {
  const known = error instanceof FeatureStoreError ? error : undefined
  if (known === undefined || known.code === 'internal') {
    c.var.platform?.log.error('A request failed unexpectedly', {
      request_id: c.var.requestId,
      reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
    })
  }
  const { code, message, details } = known ?? {
    code: 'internal' as const,
    message: 'Cannot answer: something unexpected happened, the log has it under this request id',
    details: {},
  }
  const retryAfter = known?.details.retry_after_s
  if (typeof retryAfter === 'number') c.header('retry-after', String(Math.ceil(retryAfter)))
  else if (code === 'unavailable') {
    // Only what waits for the platform to recover: backpressure is no fault, and would be logged at every push.
    c.var.platform?.log.error('A request could not be served; the platform did not do what it was asked', {
      request_id: c.var.requestId,
      reason: message,
    })
  }
  c.header('x-request-id', c.var.requestId)
  return c.json({ error: { code, message, details, request_id: c.var.requestId } }, STATUS_BY_CODE[code])
}
