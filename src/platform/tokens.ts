import type { Instant } from '../core/time.ts'
import type { ListPage } from './list-page.ts'

export const TOKEN_SCOPES = ['admin', 'define', 'write', 'read'] as const
export type TokenScope = (typeof TOKEN_SCOPES)[number]

/** What a token may do, and until when. */
export interface TokenGrant {
  readonly id: string
  readonly name: string
  readonly scopes: readonly TokenScope[]
  /** Of entities, sources, views and services, to which it is limited; null for all. */
  readonly names: readonly string[] | null
  /** The last instant at which it is taken; null for ever. */
  readonly expiresTime: Instant | null
}

export interface TokenRecord extends TokenGrant {
  /** SHA-256 of the token in hex: the token itself is nowhere. */
  readonly hash: string
  readonly createdTime: Instant
  /** Id of the token that made it. */
  readonly author: string
  readonly revokedTime: Instant | null
}

/** Tokens beside the administrator's. Every method but `findGrant` fails with `unavailable` when D1 cannot be reached. */
export interface Tokens {
  /** A new secret on every call: 64 hexadecimal digits out of 256 random bits. */
  createSecret(): string
  /** SHA-256 in hex. */
  digest(text: string): Promise<string>
  /** Enters a token, and has readers find it. */
  insert(token: TokenRecord): Promise<void>
  /** A page of those that were made, revoked ones too, newest first. */
  list(page: ListPage): Promise<readonly TokenRecord[]>
  /** Those of these ids that there are, in no order. */
  findAll(ids: readonly string[]): Promise<readonly TokenRecord[]>
  find(id: string): Promise<TokenRecord | undefined>
  /** Marks a token and takes it from readers, who may go on with it for as long as the store says (S31). */
  revoke(id: string, time: Instant): Promise<void>
  /** What readers find by hash. Never asks D1. */
  findGrant(hash: string): Promise<TokenGrant | undefined>
}
