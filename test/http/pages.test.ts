import { beforeEach, expect, test } from 'vitest'
import { manyViews } from '../../bench/many-views.ts'
import { createToken } from '../../src/auth/token.ts'
import { applyChanges } from '../../src/registry/apply-changes.ts'
import { parseDefinitions } from '../../src/registry/plan-changes.ts'
import { applyClicks } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'
import { ADMIN_TOKEN, type Asked, askPage, ORIGIN } from './ask-page.ts'

let platform: MemoryPlatform

beforeEach(async () => {
  platform = memoryPlatform(Date.parse('2026-01-01T00:00:00Z') * 1_000)
  await applyClicks(platform)
})

const ask = (path: string, asked: Asked = {}) => askPage(platform, path, asked)

const formTokenOf = (html: string) => /name="form_token" value="([^"]+)"/.exec(html)![1]!

test.each([
  '/',
  '/search?q=price',
  '/feature-views',
  '/feature-views/last_click',
  '/feature-services/ranker',
  '/sources/clicks',
  '/entities/user',
  '/features/last_click.price',
  '/jobs',
  '/training-datasets',
  '/failures',
  '/generations',
  '/generations/1',
])('%s asks who has not signed in to do so, and leads back', async (path) => {
  const refused = await ask(path, { token: null })
  expect(refused.status).toBe(302)
  expect(refused.headers.get('location')).toBe(`/sign-in?to=${encodeURIComponent(path)}`)
  expect((await ask(path, { token: 'wrong' })).status).toBe(302)
  expect((await ask(path)).status).toBe(200)
})

test('signing in keeps the token where neither scripts nor other sites can use it', async () => {
  const { status, headers } = await ask('/sign-in', {
    method: 'POST',
    token: null,
    fields: { token: ADMIN_TOKEN, to: '/jobs' },
  })
  expect([status, headers.get('location')]).toEqual([303, '/jobs'])
  const cookie = headers.get('set-cookie')!
  expect(cookie).toContain('HttpOnly')
  expect(cookie).toContain('SameSite=Strict')
  const wrong = await ask('/sign-in', { method: 'POST', token: null, fields: { token: 'guess' } })
  expect([wrong.status, wrong.headers.get('set-cookie')]).toEqual([401, null])
  expect(wrong.text).toContain('not valid')
})

test.each(['//evil.example', 'https://evil.example', '/\\evil.example', '/\n/evil'])(
  'signing in never leads elsewhere: %j',
  async (to) => {
    const { headers } = await ask('/sign-in', {
      method: 'POST',
      token: null,
      fields: { token: ADMIN_TOKEN, to },
    })
    expect(headers.get('location')).toBe('/')
  },
)

test('the session opens pages alone: the API asks for its own header', async () => {
  expect((await ask('/v1/definitions')).status).toBe(401)
})

test.each([
  ['/failures/replay', { id: 'x' }],
  ['/failures/release', { id: 'x', source: 'clicks' }],
  ['/jobs/x/cancel', {}],
  ['/sign-out', {}],
])('%s is refused from another site, and without what our own pages send', async (path, fields) => {
  const own = { form_token: formTokenOf((await ask('/failures')).text), ...fields }
  const post = (asked: Asked) => ask(path, { method: 'POST', ...asked })
  expect((await post({ fields: own, headers: { origin: 'https://evil.example' } })).status).toBe(403)
  expect((await post({ fields: own, headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403)
  expect((await post({ fields })).status).toBe(403)
  const taken = await post({ fields: own, headers: { origin: ORIGIN, 'sec-fetch-site': 'same-origin' } })
  expect(taken.status).not.toBe(403)
})

test('a token of limited scope opens what it may read, and no more (S29)', async () => {
  const { token } = await createToken(
    platform,
    {
      name: 'reader',
      scopes: ['read'],
      names: ['last_click'],
      expiresTime: null,
    },
    'test',
  )
  expect((await ask('/feature-views/last_click', { token })).status).toBe(200)
  const refused = await ask('/feature-views/last_sale', { token })
  expect(refused.status).toBe(403)
  expect(refused.text).toContain('last_sale')
  expect((await ask('/search?q=', { token })).status).toBe(403)
})

test('search shows what it has found, and nothing where there is nothing', async () => {
  const { text } = await ask('/search?q=last_click')
  expect(text).toContain('href="/feature-views/last_click"')
  expect(text).not.toMatch(/null|undefined/)
})

test('/docs is open, and shows every route with a request that works', async () => {
  const { status, text, headers } = await ask('/docs', { token: null })
  expect(status).toBe(200)
  for (const route of [
    'GET /v1/feature-services/{service}/features',
    'POST /v1/sources/{source}/events',
    'GET /v1/jobs',
  ])
    expect(text).toContain(route)
  expect(text).toContain(`${ORIGIN}/v1/sources/clicks/events`)
  expect(headers.get('content-security-policy')).not.toContain('unsafe-inline')
})

test('a page of something that is not there says so, and names what is near', async () => {
  const { status, text } = await ask('/feature-views/last_clik')
  expect(status).toBe(404)
  expect(text).toContain('did you mean &quot;last_click&quot;')
  for (const path of [
    '/jobs/none',
    '/training-datasets/none',
    '/generations/99',
    '/generations/x',
    '/features/none.x',
  ])
    expect((await ask(path)).status, path).toBe(404)
})

test('pages of what is very wide stay below 100 kB: 2,000 features come a page at a time', async () => {
  const set = manyViews(40, 50)
  const entries = set.feature_views!.map(({ name }) => ({ view: name, prefix: `${name}_` }))
  await applyChanges(
    platform,
    parseDefinitions({ ...set, feature_services: [{ name: 'wide', features: entries }] }),
    {
      allowBreaking: true,
      author: 'test',
    },
  )
  const path = '/feature-services/wide'
  const first = await ask(path)
  expect([first.status, first.text.length < 100_000]).toEqual([200, true])
  expect(first.text).toContain(`<a href="${path}?features-page=2">After</a>`)
  expect(first.text).toContain('1 to 100 of 2,000')
  const last = await ask(`${path}?features-page=20`)
  expect(last.text).toContain('href="/features/view_39.feature_49"')
  expect(last.text).not.toContain('>After</a>')
  const inputs = new URLSearchParams(Object.fromEntries(set.entities!.map((_, at) => [`key_${at}`, 'x'])))
  const asked = await ask(`${path}?${inputs}`)
  expect([asked.status, asked.text.length < 100_000]).toEqual([200, true])
  expect(asked.text).toContain('The first 100 of 2,000.')
  const refused = await ask(`${path}?features-page=x`)
  expect([refused.status, refused.text.includes('a whole number from 1 to 1000000 is needed')]).toEqual([
    400,
    true,
  ])
})

test('a list of many definitions comes a page at a time, in less than 100 kB', async () => {
  const entities = Array.from({ length: 1_000 }, (_, at) => ({
    name: `entity_${at}`,
    join_keys: [{ name: 'id', type: 'string' }],
    description: `What is known of the ${at}th kind of thing`,
    owner: 'the team that knows it',
    tags: { team: 'ops', tier: 'gold' },
  }))
  await applyChanges(platform, parseDefinitions({ entities }), { allowBreaking: true, author: 'test' })
  const names = (html: string) =>
    [...html.matchAll(/href="\/entities\/(entity_\d+)"/g)].map(([, name]) => name)
  const first = await ask('/entities')
  expect(first.text.length).toBeLessThan(100_000)
  expect([names(first.text).length, names(first.text)[0]]).toEqual([100, 'entity_0'])
  expect(first.text).toContain('1 to 100 of 1,000')
  expect(first.text).toContain('<a href="/entities?page=2">After</a>')
  expect(first.text).not.toContain('>Before</a>')
  const last = await ask('/entities?page=10')
  expect(names(last.text).at(-1)).toBe('entity_999')
  expect(last.text).toContain('<a href="/entities?page=9">Before</a>')
  expect(last.text).not.toContain('>After</a>')
  expect((await ask('/entities?page=11')).text).toContain('There are no more.')
  expect((await ask('/entities?page=0')).status).toBe(400)
  expect((await ask('/entities?side=1')).status).toBe(400)
  const generation = '/generations/2'
  const created = await ask(generation)
  expect(created.text.length).toBeLessThan(100_000)
  expect(created.text).toContain('1 to 100 of 1,00')
  expect(created.text).toContain(`<a href="${generation}?page=2">After</a>`)
  expect((await ask(`${generation}?page=99`)).text).toContain('There are no more.')
  expect((await ask(`${generation}?page=x`)).text).toContain('a whole number from 1 to 1000000 is needed')
  expect((await ask(`${generation}?side=1`)).status).toBe(400)
  const [long, longer] = [{ sql: 'x'.repeat(5_000) }, { sql: 'y'.repeat(5_000) }].map(({ sql }) => ({
    entities: entities.map((entity) => ({ ...entity, description: sql })),
  }))
  for (const set of [long, longer]) {
    await applyChanges(platform, parseDefinitions(set), { allowBreaking: true, author: 'test' })
  }
  const changed = await ask('/generations/4')
  expect(changed.text).toContain(`${'y'.repeat(199)}…</ins>`)
  expect(changed.text.length).toBeLessThan(100_000)
})
