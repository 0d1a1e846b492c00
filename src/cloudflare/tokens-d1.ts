import { desc, eq, inArray, sql } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import type { ListPage, TokenGrant, TokenRecord, Tokens } from '../platform.ts'
import { isOlder } from './is-older.ts'
import { tokens } from './registry-schema.ts'
import { unavailableOnOutage } from './unavailable-on-outage.ts'

/** KV's least. */
const CACHE_TTL_S = 30

/** Tokens in D1, and by their hash in KV, where requests look. */
export function tokensD1(db: DrizzleD1Database, kv: KVNamespace): Tokens {
  async function find(id: string): Promise<TokenRecord | undefined> {
    const [row] = await db.select().from(tokens).where(eq(tokens.id, id))
    return row
  }
  const records = unavailableOnOutage('the tokens in D1', {
    find,
    async insert(token: TokenRecord) {
      await db.insert(tokens).values(token)
      const { id, name, scopes, names, expiresTime, hash } = token
      const grant: TokenGrant = { id, name, scopes, names, expiresTime }
      await kv.put(grantKey(hash), JSON.stringify(grant))
    },
    async list({ after, countMax }: ListPage) {
      return db
        .select()
        .from(tokens)
        .where(isOlder(tokens.createdTime, tokens.id, after))
        .orderBy(desc(tokens.createdTime), desc(tokens.id))
        .limit(countMax)
    },
    async findAll(ids: readonly string[]) {
      // One value is bound, however many ids there are.
      const given = sql`(SELECT value FROM json_each(${JSON.stringify(ids)}))`
      return db.select().from(tokens).where(inArray(tokens.id, given))
    },
    async revoke(id: string, revokedTime: number) {
      await db.update(tokens).set({ revokedTime }).where(eq(tokens.id, id))
      const token = await find(id)
      if (token !== undefined) await kv.delete(grantKey(token.hash))
    },
  })
  return {
    ...records,
    createSecret: () => hex(crypto.getRandomValues(new Uint8Array(32))),
    async digest(text) {
      return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))))
    },
    async findGrant(hash) {
      return (await kv.get<TokenGrant>(grantKey(hash), { type: 'json', cacheTtl: CACHE_TTL_S })) ?? undefined
    },
  }
}

function grantKey(hash: string): string {
  return `tokens/${hash}`
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
