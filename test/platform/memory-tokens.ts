import { createHash } from 'node:crypto'
import type { TokenRecord, Tokens } from '../../src/platform.ts'
import { takePage } from './take-page.ts'

/** Tokens in plain memory; readers see at once what was done. */
export function memoryTokens(): Tokens {
  const records = new Map<string, TokenRecord>()
  let secrets = 0
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  return {
    createSecret: () => sha256(`secret ${++secrets}`),
    digest: async (text) => sha256(text),
    async insert(token) {
      records.set(token.id, structuredClone(token))
    },
    list: async (page) => takePage(records.values(), ({ createdTime: time, id }) => ({ time, id }), page),
    findAll: async (ids) => [...records.values()].filter(({ id }) => ids.includes(id)),
    find: async (id) => records.get(id),
    async revoke(id, revokedTime) {
      const token = records.get(id)
      if (token !== undefined) records.set(id, { ...token, revokedTime })
    },
    async findGrant(hash) {
      const token = [...records.values()].find((one) => one.hash === hash && one.revokedTime === null)
      if (token === undefined) return undefined
      const { id, name, scopes, names, expiresTime } = token
      return { id, name, scopes, names, expiresTime }
    },
  }
}
