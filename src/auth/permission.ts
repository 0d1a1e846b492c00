import type { TokenGrant, TokenScope } from '../platform.ts'

/** What a request needs its token to allow. */
export interface Permission {
  readonly scope: TokenScope
  /** The definition that its path names; null where it names none, or more than one may be touched. */
  readonly name: string | null
}

type Rule = readonly [methods: string, path: RegExp, scope: TokenScope]

/**
 * The first that fits decides; its group is the name. What none fits needs `admin` (S34): a new route that changes
 * something is closed until it stands here.
 */
const RULES: readonly Rule[] = [
  ['*', /^\/tokens(?:\/|$)/, 'admin'],
  ['GET POST', /^\/feature-services\/([^/]+)\/(?:features|historical-features)$/, 'read'],
  ['POST', /^\/sources\/([^/]+)\/(?:events|changes|loads)$/, 'write'],
  ['PUT', /^\/sources\/([^/]+)\/files\//, 'write'],
  ['POST', /^\/entities\/([^/]+)\/(?:deletions|erasures)$/, 'write'],
  ['POST', /^\/definitions\/(?:plan|apply)$/, 'define'],
  ['POST', /^\/feature-views\/([^/]+)\/rebuild$/, 'define'],
  ['POST', /^\/(?:dead-letters\/replay|quarantine\/release)$/, 'write'],
  ['POST', /^\/jobs\/[^/]+\/cancel$/, 'write'],
  ['PUT', /^\/files\/labels\//, 'write'],
  ['POST', /^\/training-datasets(?:\/sql)?$/, 'read'],
  ['POST', /^\/feature-views\/([^/]+)\/snapshot$/, 'read'],
  ['GET', /^\/(?:entities|sources|feature-views|on-demand-views|feature-services)\/([^/]+)/, 'read'],
  ['GET', /^\/monitoring\/(?:statistics|drift)\/([^/]+)$/, 'read'],
  ['GET', /^\//, 'read'],
]

/** What a request of a method and a path below `/v1` needs. */
export function permissionOf(method: string, path: string): Permission {
  for (const [methods, pattern, scope] of RULES) {
    if (methods !== '*' && !methods.split(' ').includes(method)) continue
    const match = pattern.exec(path)
    if (match !== null) return { scope, name: match[1] === undefined ? null : decode(match[1]) }
  }
  return { scope: 'admin', name: null }
}

/** Why a token does not allow what a request needs; undefined when it does. */
export function refusalOf(grant: TokenGrant, { scope, name }: Permission): string | undefined {
  if (!grant.scopes.includes(scope) && !grant.scopes.includes('admin')) {
    return `it needs the scope ${scope}, the token has ${grant.scopes.join(', ')}`
  }
  if (grant.names === null) return undefined
  if (name === null) return 'the token is limited to names, and this is about more than one of them'
  return grant.names.includes(name) ? undefined : `the token is not for "${name}"`
}

/** The name as a route reads it: `%61` must not pass for another name than `a`. */
function decode(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
