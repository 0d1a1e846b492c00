import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  describeRoutes,
  exampleBody,
  exampleUrl,
  pathTemplate,
} from '../../src/http/reference/describe-routes.ts'
import {
  EXAMPLE_CLICK,
  EXAMPLE_DEFINITIONS,
  type RouteDescription,
} from '../../src/http/reference/route-description.ts'
import { TOKEN_SCOPES, type TokenScope } from '../../src/platform.ts'
import { type ErrorBody, type Harness, startHarness } from './harness.ts'

/** What needs another scope than `read`; all others need that. */
const SCOPES: Readonly<Record<Exclude<TokenScope, 'read'>, readonly string[]>> = {
  define: [
    'POST /v1/definitions/plan',
    'POST /v1/definitions/apply',
    'POST /v1/feature-views/{view}/rebuild',
  ],
  write: [
    'POST /v1/sources/{source}/events',
    'POST /v1/sources/{source}/loads',
    'PUT /v1/sources/{source}/files/{name}',
    'POST /v1/entities/{entity}/deletions',
    'POST /v1/entities/{entity}/erasures',
    'POST /v1/dead-letters/replay',
    'POST /v1/quarantine/release',
    'POST /v1/jobs/{id}/cancel',
    'PUT /v1/files/labels/{name}',
  ],
  admin: ['GET /v1/tokens', 'POST /v1/tokens', 'DELETE /v1/tokens/{id}'],
}
const ROUTES = describeRoutes().flatMap(({ routes }) => routes)
const nameOf = (route: RouteDescription) => `${route.method.toUpperCase()} ${pathTemplate(route)}`
const scopeOf = (name: string): TokenScope =>
  (Object.entries(SCOPES).find(([, routes]) => routes.includes(name))?.[0] ?? 'read') as TokenScope

let harness: Harness
let tokens: Readonly<Record<TokenScope, string>>

async function createToken(body: object): Promise<{ readonly id: string; readonly token: string }> {
  const made = await harness.call<{ id: string; token: string }>('POST', '/v1/tokens', {
    name: 'one',
    ...body,
  })
  expect(made.status, made.text).toBe(201)
  return made.json
}

/** A request under a token; null sends none. */
function ask(token: string | null, method: string, path: string, body?: unknown) {
  const authorization = token === null ? null : `Bearer ${token}`
  return harness.call<ErrorBody>(method, path, body, { authorization })
}

beforeAll(async () => {
  harness = await startHarness()
  const applied = await harness.call('POST', '/v1/definitions/apply', { definitions: EXAMPLE_DEFINITIONS })
  expect(applied.status, applied.text).toBe(200)
  const made = TOKEN_SCOPES.map(async (scope) => [scope, (await createToken({ scopes: [scope] })).token])
  tokens = Object.fromEntries(await Promise.all(made))
})
afterAll(() => harness.close())

it('every route that this file gives a scope is one', () => {
  const named = Object.values(SCOPES).flat()
  expect(named.filter((name) => !ROUTES.some((route) => nameOf(route) === name))).toEqual([])
})

// What is let in is refused for its parameter, so that nothing is done: whoever is shut out never gets so far.
it.each(ROUTES.map((route) => [nameOf(route), route] as const))(
  '%s is closed without a token, and open to its scope and the administrator alone (S34)',
  async (name, route) => {
    const url = exampleUrl(route)
    const path = `${url}${url.includes('?') ? '&' : '?'}colour=red`
    const method = route.method.toUpperCase()
    const needed = scopeOf(name)
    for (const token of [null, 'wrong', `fe_${'0'.repeat(26)}_${'0'.repeat(64)}`]) {
      expect((await ask(token, method, path, exampleBody(route))).json.error.code).toBe('unauthenticated')
    }
    for (const scope of TOKEN_SCOPES) {
      const answer = await ask(tokens[scope], method, path, exampleBody(route))
      const { code, message } = answer.json.error
      if (scope === needed || scope === 'admin') {
        expect([scope, answer.status, code, message]).toEqual([
          scope,
          400,
          'invalid_argument',
          expect.stringContaining('"colour"'),
        ])
      } else {
        expect([scope, answer.status, code, message]).toEqual([
          scope,
          403,
          'permission_denied',
          expect.stringContaining(`it needs the scope ${needed}, the token has ${scope}`),
        ])
      }
    }
  },
)

it('each scope does what it says', async () => {
  const events = { events: [EXAMPLE_CLICK] }
  const features = '/v1/feature-services/ranker/features?user=ann&rate=1'
  const done = [
    await ask(tokens.read, 'GET', features),
    await ask(tokens.read, 'POST', '/v1/feature-services/ranker/historical-features', { labels: [] }),
    await ask(tokens.read, 'GET', '/v1/search?q=click'),
    await ask(tokens.write, 'POST', '/v1/sources/clicks/events', events),
    await ask(tokens.define, 'POST', '/v1/definitions/plan', { definitions: EXAMPLE_DEFINITIONS }),
    await ask(tokens.define, 'POST', '/v1/definitions/apply', { generation: 1 }),
    await ask(tokens.admin, 'POST', '/v1/tokens', { name: 'another', scopes: ['read'] }),
    await ask(tokens.admin, 'GET', features),
  ]
  expect(done.map(({ status }) => status)).toEqual([200, 200, 200, 202, 200, 200, 201, 200])
})

it('a token limited to names reaches those, and nothing that is about others (S29)', async () => {
  const { token } = await createToken({ scopes: ['read', 'write'], names: ['ranker', 'clicks'] })
  const answers = {
    'GET /v1/feature-services/ranker/features?user=ann&rate=1': 200,
    'GET /v1/feature-services/ranker': 200,
    'GET /v1/sources/clicks': 200,
    'GET /v1/feature-views/last_click': 403,
    'GET /v1/feature-services': 403,
    'GET /v1/search?q=click': 403,
    'GET /v1/lineage/source/clicks': 403,
    'GET /v1/definitions': 403,
    'GET /v1/jobs': 403,
    'GET /v1/training-datasets': 403,
  }
  for (const [request, status] of Object.entries(answers)) {
    const [method, path] = request.split(' ')
    expect([request, (await ask(token, method!, path!)).status]).toEqual([request, status])
  }
  const pushed = await ask(token, 'POST', '/v1/sources/clicks/events', { events: [] })
  expect(pushed.status, pushed.text).toBe(202)
})

it('a revoked token is taken nowhere, and generations name who applied them', async () => {
  const { id, token } = await createToken({ scopes: ['define'], name: 'pipeline' })
  const definitions = { ...EXAMPLE_DEFINITIONS, feature_services: [] }
  const applied = await ask(token, 'POST', '/v1/definitions/apply', { definitions, allow_breaking: true })
  expect(applied.status, applied.text).toBe(200)
  const { json } = await harness.call<{ generations: { author: string }[] }>('GET', '/v1/generations')
  expect(json.generations[0]!.author).toBe(id)
  const early = await createToken({ scopes: ['read'] })
  expect((await harness.call('DELETE', `/v1/tokens/${early.id}`)).status).toBe(200)
  expect((await ask(early.token, 'GET', '/v1/search?q=')).status).toBe(401)
})
