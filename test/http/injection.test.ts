import { expect, test } from 'vitest'
import * as z from 'zod'
import { createToken } from '../../src/auth/token.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { DefinitionSet } from '../../src/definitions/definition-set.ts'
import { createApp } from '../../src/http/app.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { applyChanges } from '../../src/registry/apply-changes.ts'
import { parseDefinitions } from '../../src/registry/plan-changes.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'
import { ADMIN_TOKEN, askPage } from './ask-page.ts'

const NOW = parseInstant('2026-01-01T00:00:00Z')
const SCRIPT = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`
const SQL = `'${SCRIPT.replaceAll("'", "''")}'`
/** As text, as an expression that is text, and as a condition. */
const FORMS = [SCRIPT, SQL, `${SQL} <> ''`]

/** Every field that a definition has. */
const SET = DefinitionSet.parse({
  entities: [
    { name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 1, tags: { team: 'web' } },
  ],
  sources: [
    {
      name: 'clicks',
      event_time: 'at',
      created_time: 'made',
      event_id: 'id',
      schema: [
        { name: 'at', type: 'timestamp', unit: 'ms' },
        { name: 'made', type: 'timestamp' },
        { name: 'id', type: 'string' },
        { name: 'user', type: 'string' },
        { name: 'page', type: 'string' },
      ],
      landing: { format: 'csv' },
      expectations: [{ name: 'some_page', sql: "page <> 'bad'", on_failure: 'quarantine' }],
      retention: '30d',
      tags: { team: 'web' },
    },
  ],
  feature_views: [
    {
      name: 'last_click',
      entity: 'user',
      source: 'clicks',
      join_keys: { user: 'user' },
      where: 'page is not null',
      features: [{ name: 'page', type: 'string', sql: 'page' }],
      ttl: '7d',
      freshness: '1h',
      publish: '1s',
      block_group: 'main',
      tags: { team: 'web' },
    },
    {
      name: 'activity',
      entity: 'user',
      source: 'clicks',
      aggregations: [{ name: 'pages', function: 'last', sql: 'page', windows: ['1h'], hop: '5m' }],
      tags: { team: 'web' },
    },
    {
      name: 'shouted',
      entity: 'user',
      source: 'clicks',
      features: [{ name: 'shout', type: 'string' }],
      transform: { service: 'VOICE', method: 'shout' },
    },
  ],
  on_demand_views: [
    {
      name: 'greeting',
      inputs: [
        { name: 'word', type: 'string', from: 'request' },
        { name: 'page', type: 'string', from: 'features' },
      ],
      features: [{ name: 'text', type: 'string', sql: 'word || page' }],
      tags: { team: 'web' },
    },
  ],
  feature_services: [
    {
      name: 'ranker',
      features: [
        { view: 'last_click', features: ['page'], prefix: '' },
        { view: 'activity', join_keys: { user: 'user' } },
        { view: 'greeting' },
      ],
      tags: { team: 'web' },
    },
  ],
})

const PAGES = [
  '/',
  '/search?q=',
  `/search?q=${encodeURIComponent(SCRIPT)}&owner=${encodeURIComponent(SCRIPT)}&tag=${encodeURIComponent(SCRIPT)}`,
  '/search?q=alert',
  ...['feature-views', 'on-demand-views', 'feature-services', 'sources', 'entities'].map(
    (kind) => `/${kind}`,
  ),
  '/feature-views/last_click',
  '/feature-views/activity',
  '/feature-views/shouted',
  `/feature-views/${encodeURIComponent(SCRIPT)}`,
  '/on-demand-views/greeting',
  '/feature-services/ranker',
  `/feature-services/ranker?user=${encodeURIComponent(SCRIPT)}&word=${encodeURIComponent(SCRIPT)}`,
  '/sources/clicks',
  '/entities/user',
  '/features/last_click.page',
  '/features/activity.pages_1h',
  '/features/greeting.text',
  '/generations',
  '/generations/1',
  '/generations/2',
  '/jobs',
  `/jobs/${encodeURIComponent(SCRIPT)}`,
  '/training-datasets',
  '/failures',
  `/sign-in?to=${encodeURIComponent(SCRIPT)}`,
  '/docs',
]

async function expectNoScript(platform: MemoryPlatform, paths: readonly string[]): Promise<string> {
  let all = ''
  for (const path of paths) {
    const { text, headers } = await askPage(platform, path)
    expect(text, path).not.toContain('<script>alert')
    expect(text, path).not.toContain('<img')
    const policy = headers.get('content-security-policy')!
    expect(policy, path).toContain("script-src 'self'")
    expect(policy, path).not.toContain('unsafe-inline')
    all += text
  }
  return all
}

async function apply(platform: MemoryPlatform, set: unknown, author = 'test'): Promise<void> {
  platform.workers.set('VOICE', { shout: (rows) => rows.map(({ page }) => ({ shout: page })) })
  await applyChanges(platform, parseDefinitions(set), { allowBreaking: true, author })
}

function isValid(set: unknown): boolean {
  try {
    parseDefinitions(set)
    return true
  } catch (error) {
    expect(error).toMatchObject({ code: 'invalid_argument' })
    return false
  }
}

type Place = readonly (string | number)[]

/** Where texts stand in a document: values, and names that are free. */
function placesOf(value: unknown, place: Place = []): Place[] {
  if (typeof value === 'string') return [place]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, part]) =>
    placesOf(part, [...place, Array.isArray(value) ? Number(key) : key]),
  )
}

/** The document with another text at a place; or, where `isKey`, under another name. */
function replaced(document: unknown, place: Place, text: string, isKey: boolean): unknown {
  const copy = structuredClone(document)
  let part = copy as Record<string | number, unknown>
  for (const step of place.slice(0, -1)) part = part[step] as Record<string | number, unknown>
  const last = place.at(-1)!
  if (isKey) {
    part[text] = part[last]
    delete part[last]
  } else part[last] = text
  return copy
}

/** The place without positions and without what things are called, and `(name)` for what is a name of a map. */
const nameOf = (place: Place, isKey: boolean) =>
  place
    .filter((step) => typeof step === 'string')
    .join('.')
    .replace(/\.(tags\.team|join_keys\.user)$/, (map) => `${map.slice(0, map.lastIndexOf('.'))}.*`) +
  (isKey ? ' (name)' : '')

type JsonSchema = z.core.JSONSchema.JSONSchema

/** Every text that a document of the schema may hold, but for those that are one of a few words, called as by `nameOf`. */
function textsOf(schema: JsonSchema, name = ''): string[] {
  const { anyOf = [], oneOf = [], properties = {}, items, additionalProperties, propertyNames } = schema
  const isText = schema.type === 'string' && schema.enum === undefined && schema.const === undefined
  return [
    ...(isText ? [name] : []),
    ...[...anyOf, ...oneOf].flatMap((one) => textsOf(one as JsonSchema, name)),
    ...Object.entries(properties).flatMap(([field, one]) =>
      textsOf(one as JsonSchema, name === '' ? field : `${name}.${field}`),
    ),
    ...(typeof items === 'object' ? textsOf(items as JsonSchema, name) : []),
    ...(typeof additionalProperties === 'object'
      ? textsOf(additionalProperties as JsonSchema, `${name}.*`)
      : []),
    ...(typeof propertyNames === 'object' ? textsOf(propertyNames as JsonSchema, `${name}.* (name)`) : []),
  ]
}

test('a script in any field of a definition is refused, or shown as the text it is', async () => {
  const taken = new Set<string>()
  const refused = new Set<string>()
  let set: unknown = SET
  // Names of maps last: what stands under another name is found no more.
  const fields = [false, true].flatMap((isKey) => placesOf(SET).map((place) => ({ place, isKey })))
  for (const { place, isKey } of fields) {
    if (isKey && typeof place.at(-1) === 'number') continue
    const form = FORMS.find((text) => isValid(replaced(set, place, text, isKey)))
    if (form !== undefined) set = replaced(set, place, form, isKey)
    ;(form === undefined ? refused : taken).add(nameOf(place, isKey))
  }
  // A text that definitions have and this set has not would go untried.
  const schema = z.toJSONSchema(DefinitionSet, { io: 'input', unrepresentable: 'any' })
  const tried = taken.union(refused)
  expect([...new Set(textsOf(schema))].filter((name) => !tried.has(name))).toEqual([])
  expect(textsOf(schema).length).toBeGreaterThan(60)
  const platform = memoryPlatform(NOW)
  await apply(platform, SET)
  await apply(platform, set)
  const all = await expectNoScript(platform, PAGES)
  expect(all.split('&lt;script&gt;alert').length).toBeGreaterThan(2 * taken.size)
  const kinds = ['entities', 'sources', 'feature_views', 'on_demand_views', 'feature_services']
  expect([...taken].sort()).toEqual(
    [
      ...kinds.flatMap((kind) => [`${kind}.description`, `${kind}.owner`, `${kind}.tags.*`]),
      ...kinds.map((kind) => `${kind}.tags.* (name)`),
      'sources.schema.description',
      'sources.expectations.sql',
      'feature_views.join_keys.*',
      'feature_views.where',
      'feature_views.features.sql',
      'feature_views.features.description',
      'feature_views.aggregations.sql',
      'feature_views.aggregations.description',
      'on_demand_views.features.sql',
      'on_demand_views.features.description',
    ].sort(),
  )
  expect(refused).toContain('feature_views.name')
  expect(refused).toContain('sources.schema.name')
})

test('a script in rows, files, labels and names of tokens and datasets is shown as the text it is', async () => {
  const platform = memoryPlatform(NOW)
  const { id } = await createToken(
    platform,
    { name: SCRIPT, scopes: ['define'], names: null, expiresTime: null },
    'admin',
  )
  await apply(platform, SET, id)
  const row = (user: string, page: string) => ({
    at: NOW / 1_000,
    made: formatInstant(NOW),
    id: user,
    user,
    page,
  })
  await pushEvents(platform, { source: 'clicks', events: [row(SCRIPT, SCRIPT), row('ann', 'bad')] })
  await platform.consume()
  await platform.flush()
  const app = createApp(() => ({ platform, adminToken: ADMIN_TOKEN }))
  const send = async (method: string, path: string, body: string) => {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-length': String(body.length) }
    const answer = await app.fetch(new Request(`http://store${path}`, { method, headers, body }), {})
    return (await answer.json()) as { id: string; loads: { id: string }[] }
  }
  const file = encodeURIComponent(SCRIPT.replaceAll('/', ''))
  await send('PUT', `/v1/sources/clicks/files/${file}.csv`, `at,made,id,user,page,${SCRIPT}\n${SCRIPT},,,,\n`)
  const { loads } = await send('POST', '/v1/sources/clicks/loads', '{"max_bad_rows":1}')
  const path = `labels/${SCRIPT.replaceAll('/', '')}.ndjson`
  const label = JSON.stringify({ user: SCRIPT, word: SCRIPT, event_time: formatInstant(NOW), [SCRIPT]: 1 })
  await send('PUT', `/v1/files/labels/${file}.ndjson`, `${label}\n`)
  const made = await send(
    'POST',
    '/v1/training-datasets',
    JSON.stringify({ name: SCRIPT.slice(0, 60), feature_service: 'ranker', labels: { path } }),
  )
  const work = [`/training-datasets/${made.id}`, `/jobs/${made.id}`, `/jobs/${loads[0]!.id}`]
  const all = await expectNoScript(platform, [...PAGES, ...work])
  // It has been shown, and in all of these places.
  for (const page of [
    '/feature-views/last_click',
    '/generations',
    '/sources/clicks',
    '/training-datasets',
    ...work,
  ])
    expect((await askPage(platform, page)).text, page).toContain('&lt;script&gt;alert')
  expect(all.split('&lt;script&gt;').length).toBeGreaterThan(20)
})
