import type { Context } from 'hono'
import { invalid } from '../core/error.ts'
import { LIMITS } from '../core/limits.ts'
import type { Http } from './context.ts'

/** The request's `Idempotency-Key`, if it has one. Throws `invalid_argument` for an empty or too long one. */
export function readIdempotencyKey(c: Context<Http>): string | undefined {
  const key = c.req.header('idempotency-key')
  if (key !== undefined && (key === '' || key.length > LIMITS.idempotencyKeyCharsMax)) {
    throw invalid(`Cannot take Idempotency-Key: 1 to ${LIMITS.idempotencyKeyCharsMax} characters are needed`)
  }
  return key
}
