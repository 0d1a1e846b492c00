import { beforeEach, expect, test } from 'vitest'
import { permissionOf } from '../../src/auth/permission.ts'
import { GRANT_TTL_US } from '../../src/auth/token.ts'
import { createApp } from '../../src/http/app.ts'
import { applyClicks } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = 1_767_225_600_000_000
const FEATURES = '/v1/feature-services/ranker/features?user=ann&item=1'
const EVENTS = '/v1/sources/clicks/events'

let platform: MemoryPlatform
beforeEach(async () => {
  platform = memoryPlatform(START)
  await applyClicks(platform)
})

async function call(token: string, method: string, path: string, body?: unknown) {
  const app = createApp(() => ({ platform, adminToken: 'test' }))
  const request = new Request(`http://store${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const response = await app.fetch(request, {})
  return { status: response.status, text: await response.text() }
}

async function make(body: object): Promise<{ readonly id: string; readonly token: string }> {
  const { status, text } = await call('test', 'POST', '/v1/tokens', { name: 't', ...body })
  expect(status, text).toBe(201)
  return JSON.parse(text)
}

test('a token does what its scopes say and is refused the rest by name (S29, S34)', async () => {
  const { token } = await make({ scopes: ['read'] })
  expect((await call(token, 'GET', FEATURES)).status).toBe(200)
  expect((await call(token, 'GET', '/v1/search?q=clicks')).status).toBe(200)
  const refused = await call(token, 'POST', EVENTS, { events: [] })
  expect(refused.status).toBe(403)
  expect(JSON.parse(refused.text).error).toMatchObject({
    code: 'permission_denied',
    message: `Cannot POST "${EVENTS}": it needs the scope write, the token has read`,
  })
  expect((await call(token, 'POST', '/v1/definitions/apply', { generation: 1 })).status).toBe(403)
  expect((await call(token, 'GET', '/v1/tokens')).status).toBe(403)
})

test('a token limited to names is refused every other, and what is about more than one (S29)', async () => {
  const { token } = await make({ scopes: ['read', 'write'], names: ['ranker', 'clicks'] })
  expect((await call(token, 'GET', FEATURES)).status).toBe(200)
  expect((await call(token, 'POST', EVENTS, { events: [] })).status).toBe(202)
  expect((await call(token, 'GET', '/v1/feature-services/other/features')).status).toBe(403)
  expect((await call(token, 'GET', '/v1/feature-services')).status).toBe(403)
  expect((await call(token, 'GET', '/v1/definitions')).status).toBe(403)
  expect((await call(token, 'GET', '/v1/lineage/source/clicks')).status).toBe(403)
  expect((await call(token, 'POST', '/v1/training-datasets', {})).status).toBe(403)
})

test('tokens are listed a page at a time, newest first, each page leading on to the next', async () => {
  const made = []
  for (let at = 0; at < 5; at++) made.push((await make({ scopes: ['read'] })).id)
  const read = async (query: string) => JSON.parse((await call('test', 'GET', `/v1/tokens?${query}`)).text)
  const [first, second] = [await read('limit=3'), await read('limit=3')]
  expect(second).toEqual(first)
  const rest = await read(`limit=3&cursor=${encodeURIComponent(first.next)}`)
  const ids = [...first.tokens, ...rest.tokens].map(({ id }: { readonly id: string }) => id)
  expect([ids.sort(), rest.tokens.length, rest.next]).toEqual([made.sort(), 2, undefined])
  expect((await read('cursor=none')).error.message).toContain('Cannot read parameter "cursor"')
  expect((await read('after=1')).error.message).toContain('Cannot take parameter "after"')
})

test.each(['/v1/%74okens', '/v1/tokens/', '/v1//tokens', '/v1/feature-services/%2e%2e/tokens'])(
  'no spelling of a path reaches what its token may not: %s',
  async (path) => {
    const { token } = await make({ scopes: ['read'] })
    const { status, text } = await call(token, 'GET', path)
    expect([403, 404], text).toContain(status)
  },
)

test('a name in other letters of a URL is the same name', async () => {
  const { token } = await make({ scopes: ['read'], names: ['ranker'] })
  expect((await call(token, 'GET', FEATURES.replace('ranker', '%72anker'))).status).toBe(200)
  expect((await call(token, 'GET', FEATURES.replace('ranker', 'r%2561nker'))).status).toBe(403)
})

test('an expired token is none, to the microsecond', async () => {
  const { token } = await make({ scopes: ['read'], expires_at: '2026-01-01T00:00:10Z' })
  platform.time.now = START + 10_000_000
  expect((await call(token, 'GET', FEATURES)).status).toBe(200)
  platform.time.now++
  expect((await call(token, 'GET', FEATURES)).status).toBe(401)
})

test('a revoked token is refused by an isolate that knows it after 30 s at the latest', async () => {
  const { id, token } = await make({ scopes: ['read'] })
  expect((await call(token, 'GET', FEATURES)).status).toBe(200)
  const revoked = await call('test', 'DELETE', `/v1/tokens/${id}`)
  expect(revoked).toMatchObject({ status: 200, text: JSON.stringify({ id, name: 't' }) })
  platform.time.now += GRANT_TTL_US - 1
  expect((await call(token, 'GET', FEATURES)).status).toBe(200)
  platform.time.now++
  expect((await call(token, 'GET', FEATURES)).status).toBe(401)
  expect((await call('test', 'DELETE', `/v1/tokens/${id}`)).status).toBe(200)
})

test('tokens are listed with who made them and never with what opens them', async () => {
  const first = await make({ scopes: ['admin'] })
  platform.time.now++
  const { status } = await call(first.token, 'POST', '/v1/tokens', {
    name: 'second',
    scopes: ['read'],
    names: ['ranker'],
  })
  expect(status).toBe(201)
  const { text } = await call('test', 'GET', '/v1/tokens')
  expect(JSON.parse(text).tokens).toMatchObject([
    {
      name: 'second',
      scopes: ['read'],
      names: ['ranker'],
      created_by: first.id,
      expires_at: null,
      revoked_at: null,
    },
    { id: first.id, name: 't', scopes: ['admin'], names: null, created_by: 'admin' },
  ])
  expect(text).not.toContain(first.token.split('_')[2])
  const stored = JSON.stringify(await platform.tokens.list({ countMax: 100 }))
  expect(stored).not.toContain(first.token)
})

test('reading features under a token asks the store for it once in 30 s', async () => {
  const { token } = await make({ scopes: ['read'] })
  let reads = 0
  const { findGrant } = platform.tokens
  Object.assign(platform.tokens, {
    findGrant: (hash: string) => {
      reads++
      return findGrant(hash)
    },
  })
  for (let at = 0; at < 5; at++) await call(token, 'GET', FEATURES)
  expect(reads).toBe(1)
  platform.time.now += GRANT_TTL_US
  await call(token, 'GET', FEATURES)
  expect(reads).toBe(2)
})

test.each([
  ['fe_', 401],
  [`fe_${'0'.repeat(26)}_${'0'.repeat(64)}`, 401],
  ['', 401],
])('the token "%s" is refused (S34)', async (token, status) => {
  expect((await call(token, 'GET', FEATURES)).status).toBe(status)
  expect((await call(token, 'GET', '/v1/definitions')).status).toBe(status)
})

test.each([
  [{ scopes: [] }, 400],
  [{ scopes: ['root'] }, 400],
  [{ scopes: ['read'], names: ['No Name'] }, 400],
  [{ scopes: ['read'], expires_at: '2020-01-01T00:00:00Z' }, 400],
  [{ scopes: ['read'], expires_at: 'soon' }, 400],
  [{ scopes: ['read'], colour: 'red' }, 400],
])('POST /v1/tokens refuses %j', async (body, status) => {
  expect((await call('test', 'POST', '/v1/tokens', { name: 't', ...body })).status).toBe(status)
})

test('DELETE /v1/tokens of none is not found', async () => {
  expect((await call('test', 'DELETE', '/v1/tokens/none')).status).toBe(404)
})

test('permissionOf() closes what it does not know', () => {
  expect(permissionOf('POST', '/something/new')).toEqual({ scope: 'admin', name: null })
  expect(permissionOf('DELETE', '/definitions')).toEqual({ scope: 'admin', name: null })
  expect(permissionOf('GET', '/feature-views/clicks')).toEqual({ scope: 'read', name: 'clicks' })
})
