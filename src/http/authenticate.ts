import type { Context } from 'hono'
import { FeatureStoreError } from '../core/error.ts'
import type { Http } from './context.ts'

/** Lets a request pass that bears the administrator's token; without one configured, none does. */
export function authenticate(c: Context<Http>): void {
  const adminToken = c.get('adminToken')
  if (adminToken === undefined) {
    throw unauthenticated('no token is configured, set the secret ADMIN_TOKEN')
  }
  const header = c.req.header('authorization')
  if (header === undefined) throw unauthenticated('an "Authorization: Bearer <token>" header is needed')
  if (!header.startsWith('Bearer ') || !isEqual(header.slice('Bearer '.length), adminToken)) {
    throw unauthenticated('the token is not valid')
  }
  c.set('caller', 'admin')
}

function unauthenticated(why: string) {
  return new FeatureStoreError('unauthenticated', `Cannot authenticate: ${why}`)
}

/** Compares in time that depends on the given text alone, so that the token cannot be guessed character by character. */
function isEqual(given: string, token: string): boolean {
  let difference = given.length ^ token.length
  for (let at = 0; at < given.length; at++) {
    difference |= given.charCodeAt(at) ^ token.charCodeAt(at % token.length)
  }
  return difference === 0
}
