import type { Context } from 'hono'
import { permissionOf, refusalOf } from '../auth/permission.ts'
import { readGrant } from '../auth/token.ts'
import { FeatureStoreError } from '../core/error.ts'
import type { TokenGrant } from '../platform.ts'
import type { Http } from './context.ts'

const VERSION_PREFIX = '/v1'

/**
 * Lets a request pass that bears the administrator's token, or one that allows it. Without the administrator's
 * configured, none does. The administrator is let in at once, without a promise; whoever gets one has to wait for it.
 */
export function authenticate(c: Context<Http>): Promise<void> | undefined {
  const adminToken = c.get('adminToken')
  if (adminToken === undefined) {
    throw unauthenticated('no token is configured, set the secret ADMIN_TOKEN')
  }
  const header = c.req.header('authorization')
  if (header === undefined) throw unauthenticated('an "Authorization: Bearer <token>" header is needed')
  const token = header.startsWith('Bearer ') ? header.slice('Bearer '.length) : ''
  if (!isEqual(token, adminToken)) return checkToken(c, token)
  c.set('caller', 'admin')
  return undefined
}

/** Throws `unauthenticated` for what is no token, `permission_denied` for what it does not allow (S29, S34). */
async function checkToken(c: Context<Http>, token: string): Promise<void> {
  const grant = await readGrant(c.get('platform'), token)
  if (grant === undefined) throw unauthenticated('the token is not valid')
  // The path by which the route was found: read in any other way, another one might pass for it.
  const { method, path } = c.req
  const permission = permissionOf(method, path.slice(VERSION_PREFIX.length))
  const refusal = refusalOf(grant, permission)
  if (refusal !== undefined) {
    throw new FeatureStoreError('permission_denied', `Cannot ${method} "${path}": ${refusal}`, {
      scope: permission.scope,
    })
  }
  c.set('caller', grant.id)
}

/** Who bears a token: the administrator, whose grant is null, or whom a grant says; undefined for what is no token. */
export async function identify(c: Context<Http>, token: string): Promise<Bearer | undefined> {
  const adminToken = c.get('adminToken')
  if (adminToken !== undefined && isEqual(token, adminToken)) return { id: 'admin', grant: null }
  const grant = adminToken === undefined ? undefined : await readGrant(c.get('platform'), token)
  return grant === undefined ? undefined : { id: grant.id, grant }
}

export interface Bearer {
  readonly id: string
  readonly grant: TokenGrant | null
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
