import { FeatureStoreError } from '../core/error.ts'
import type { Instant } from '../core/time.ts'
import type { Platform, TokenGrant, TokenRecord, TokenScope } from '../platform.ts'

/** How long an isolate goes on with what it knows of a token. */
export const GRANT_TTL_US = 30_000_000

/** Tokens an isolate remembers; past that it forgets those it took up first. */
const GRANTS_MAX = 1_000

/** `fe_<id>_<secret>`: what is no token is told from one without asking anybody. */
const TOKEN = /^fe_[0-9a-z]{26}_[0-9a-f]{64}$/

export interface TokenRequest {
  readonly name: string
  readonly scopes: readonly TokenScope[]
  readonly names: readonly string[] | null
  readonly expiresTime: Instant | null
}

/** Makes a token; its text is answered this once and kept nowhere. */
export async function createToken(
  { tokens, nextId, clock }: Platform,
  { name, scopes, names, expiresTime }: TokenRequest,
  author: string,
): Promise<{ readonly id: string; readonly token: string }> {
  const now = clock.now()
  if (expiresTime !== null && expiresTime <= now) {
    throw new FeatureStoreError(
      'invalid_argument',
      `Cannot make token "${name}": it would have expired already`,
    )
  }
  const id = nextId().toLowerCase()
  const token = `fe_${id}_${tokens.createSecret()}`
  await tokens.insert({
    id,
    name,
    scopes,
    names,
    expiresTime,
    hash: await tokens.digest(token),
    createdTime: now,
    author,
    revokedTime: null,
  })
  return { id, token }
}

/** Ends a token; once more is no fault. Throws `not_found`. */
export async function revokeToken({ tokens, clock }: Platform, id: string): Promise<TokenRecord> {
  const token = await tokens.find(id)
  if (token === undefined) {
    throw new FeatureStoreError('not_found', `Cannot revoke token "${id}": there is none of that id`)
  }
  await tokens.revoke(id, token.revokedTime ?? clock.now())
  return token
}

/**
 * What a token allows; undefined when it is none, or none any more. Asks the store at most once in 30 s for each token
 * and isolate, and D1 never (S34).
 */
export async function readGrant(platform: Platform, token: string): Promise<TokenGrant | undefined> {
  if (!TOKEN.test(token)) return undefined
  const { memory, tokens, clock } = platform
  const now = clock.now()
  let known = memory.grants.get(token)
  if (known === undefined || now - known.readTime >= GRANT_TTL_US) {
    known = { grant: await tokens.findGrant(await tokens.digest(token)), readTime: now }
    memory.grants.delete(token)
    // Only what is a token is remembered: guesses must not drive out the others.
    if (known.grant !== undefined) memory.grants.set(token, known)
    if (memory.grants.size > GRANTS_MAX) memory.grants.delete(memory.grants.keys().next().value!)
  }
  const { grant } = known
  return grant === undefined || (grant.expiresTime !== null && now > grant.expiresTime) ? undefined : grant
}
