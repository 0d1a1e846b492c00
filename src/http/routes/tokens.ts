import { Hono } from 'hono'
import * as z from 'zod'
import { createToken, revokeToken } from '../../auth/token.ts'
import { LIMITS } from '../../core/limits.ts'
import { formatInstant, type Instant, parseInstant } from '../../core/time.ts'
import { Name } from '../../definitions/name.ts'
import { cutPage, TOKEN_SCOPES, type TokenRecord } from '../../platform.ts'
import type { Http } from '../context.ts'
import { decodeCursor, nextOf } from '../cursor.ts'
import { numberParameter } from '../number-parameter.ts'
import { readJson } from '../read-body.ts'
import { readQuery } from '../read-query.ts'
import { EXAMPLE_ID, Next, type RouteDescription } from '../reference/route-description.ts'
import { refuseQuery } from '../refuse-query.ts'

const TokenRequest = z.strictObject({
  name: z.string().min(1).max(LIMITS.tokenNameCharsMax),
  scopes: z.array(z.enum(TOKEN_SCOPES)).min(1).max(TOKEN_SCOPES.length),
  names: z.array(Name).min(1).max(LIMITS.tokenNamesMax).optional(),
  expires_at: z.string().optional(),
})

const ListQuery = z.object({
  limit: numberParameter(1, LIMITS.tokensPageMax).default(100).describe('Tokens at most'),
  cursor: z.string().optional().describe('`next` of the page before'),
})

/** Tokens: what may be done with the store, and by whom. */
export function tokenRoutes() {
  const routes = new Hono<Http>()

  routes.post('/tokens', refuseQuery, async (c) => {
    const { name, scopes, names, expires_at } = await readJson(c, TokenRequest)
    const expiresTime = expires_at === undefined ? null : parseInstant(expires_at)
    const request = { name, scopes, names: names ?? null, expiresTime }
    return c.json(await createToken(c.var.platform, request, c.var.caller), 201)
  })

  routes.get('/tokens', async (c) => {
    const { limit, cursor } = readQuery(c, ListQuery)
    const after = cursor === undefined ? undefined : decodeCursor(cursor)
    const found = await c.var.platform.tokens.list({ after, countMax: limit + 1 })
    const cut = cutPage(found, { after, countMax: limit }, ({ createdTime: time, id }) => ({ time, id }))
    return c.json({ tokens: cut.page.map(tokenJson), ...nextOf(cut) })
  })

  routes.delete('/tokens/:id', refuseQuery, async (c) => {
    const token = await revokeToken(c.var.platform, c.req.param('id') ?? '')
    return c.json({ id: token.id, name: token.name })
  })

  return routes
}

/** Without its hash: nobody needs it. */
function tokenJson({ id, name, scopes, names, author, ...times }: TokenRecord) {
  const { createdTime, expiresTime, revokedTime } = times
  return {
    id,
    name,
    scopes,
    names,
    created_at: formatInstant(createdTime),
    created_by: author,
    expires_at: timeJson(expiresTime),
    revoked_at: timeJson(revokedTime),
  }
}

function timeJson(time: Instant | null): string | null {
  return time === null ? null : formatInstant(time)
}

/** What these routes take and answer; schemas of answers are made here, for nothing but the reference reads them. */
export function describeTokenRoutes(): readonly RouteDescription[] {
  const Token = z.object({
    id: z.string(),
    name: z.string(),
    scopes: z.array(z.enum(TOKEN_SCOPES)),
    names: z.array(z.string()).nullable(),
    created_at: z.string(),
    created_by: z.string(),
    expires_at: z.string().nullable(),
    revoked_at: z.string().nullable(),
  })
  return [
    {
      method: 'post',
      path: '/tokens',
      summary: 'Makes a token; it is shown this once',
      body: TokenRequest,
      status: 201,
      answer: z.object({ id: z.string(), token: z.string() }),
      refusals: ['limit_exceeded'],
      example: { body: { name: 'the ranker in production', scopes: ['read'], names: ['ranker'] } },
    },
    {
      method: 'get',
      path: '/tokens',
      summary: 'Tokens that were made, newest first, a page at a time, without what opens them',
      query: ListQuery,
      status: 200,
      answer: z.object({
        tokens: z.array(Token),
        next: Next,
      }),
      example: { query: { limit: '10' } },
    },
    {
      method: 'delete',
      path: '/tokens/:id',
      summary: 'Revokes a token',
      status: 200,
      answer: Token.pick({ id: true, name: true }),
      refusals: ['not_found'],
      example: { path: { id: EXAMPLE_ID } },
    },
  ]
}
