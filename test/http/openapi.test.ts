import { Validator } from '@seriousme/openapi-schema-validator'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { createApp } from '../../src/http/app.ts'
import {
  describeRoutes,
  exampleBody,
  exampleUrl,
  pathTemplate,
} from '../../src/http/reference/describe-routes.ts'
import {
  EXAMPLE_CLICK,
  EXAMPLE_DEFINITIONS,
  EXAMPLE_ID,
  type RouteDescription,
} from '../../src/http/reference/route-description.ts'
import { applyClicks } from '../platform/clicks.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'
import { apiRoutes } from './api-routes.ts'

const NOW = 1_767_312_000_000_000 // 2026-01-02
const ROUTES = describeRoutes().flatMap(({ routes }) => routes)
const nameOf = (route: RouteDescription) => `${route.method.toUpperCase()} ${pathTemplate(route)}`

async function openStore() {
  const platform = memoryPlatform(NOW)
  await applyClicks(platform, structuredClone(EXAMPLE_DEFINITIONS) as never)
  const app = createApp(() => ({ platform, adminToken: 'test' }))
  const fetch = async (method: string, path: string, body?: string) => {
    const length = body === undefined ? {} : { 'content-length': String(body.length) }
    const headers = { authorization: 'Bearer test', ...length }
    const init = body === undefined ? { method, headers } : { method, headers, body }
    return app.fetch(new Request(`http://store${path}`, init), {})
  }
  return { platform, app, fetch }
}
type Store = Awaited<ReturnType<typeof openStore>>

test('every route is described, and nothing is described that is no route', () => {
  expect(ROUTES.map(nameOf).sort()).toEqual(apiRoutes())
})

test('GET /openapi.json is open without a token and is valid OpenAPI 3.1', async () => {
  const { app } = await openStore()
  const answer = await app.fetch(new Request('http://store/openapi.json'), {})
  expect(answer.status).toBe(200)
  const document = (await answer.json()) as { paths: Record<string, Record<string, unknown>> }
  const { valid, errors } = await new Validator().validate(structuredClone(document))
  expect(errors).toBeUndefined()
  expect(valid).toBe(true)
  const described = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const open = ['GET /health', 'GET /healthz', 'GET /openapi.json']
  expect(described.sort()).toEqual([...apiRoutes(), ...open].sort())
})

test('GET /openapi.json says which scope a route needs and how it refuses', async () => {
  const { fetch } = await openStore()
  const { paths, components } = (await (await fetch('GET', '/openapi.json')).json()) as {
    readonly paths: Readonly<Record<string, { readonly post: Readonly<Record<string, object>> }>>
    readonly components: object
  }
  const apply = paths['/v1/definitions/apply']!.post
  expect(apply.security).toEqual([{ bearer: ['define'] }])
  expect(apply.responses).toHaveProperty('409.$ref', '#/components/responses/failed_precondition')
  expect(apply).toHaveProperty(
    'requestBody.content.application/json.schema.properties.definitions.$ref',
    '#/components/schemas/DefinitionSet',
  )
  expect(components).toHaveProperty('schemas.DefinitionSet.properties.feature_views.items.properties.ttl')
})

test('GET /openapi.json describes each parameter, and leaves no answer open', async () => {
  const { fetch } = await openStore()
  const document = (await (await fetch('GET', '/openapi.json')).json()) as OpenApi
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, ...operation })),
  )
  const silent = operations.flatMap(({ name, parameters = [] }) =>
    parameters.filter(({ description }) => !description).map((one) => `${name}: ${one.name}`),
  )
  expect(silent).toEqual([])
  const open = operations
    .filter(({ name }) => name !== 'get /openapi.json')
    .flatMap(({ name, responses }) =>
      Object.entries(responses)
        .filter(([status]) => status.startsWith('2'))
        .flatMap(([, { content }]) => openPlaces(content['application/json']?.schema, name)),
    )
  expect(open).toEqual([])
})

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

interface Operation {
  readonly parameters?: readonly {
    readonly name: string
    readonly description?: string
  }[]
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, Media>> }>>
}

interface Media {
  readonly schema?: unknown
}

/** Where a schema takes anything at all. */
function openPlaces(schema: unknown, place: string): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  if (Object.keys(schema).length === 0) return [place]
  return Object.entries(schema).flatMap(([key, part]) =>
    key === 'additionalProperties' && part === true ? [place] : openPlaces(part, `${place}/${key}`),
  )
}

test('GET /openapi.json takes no parameter', async () => {
  const { fetch } = await openStore()
  expect((await fetch('GET', '/openapi.json?pretty=1')).status).toBe(400)
})

test.each(ROUTES.map((route) => [nameOf(route), route] as const))(
  'the example of %s gets the promised status and answer',
  async (name, route) => {
    const store = await openStore()
    const id = await PREPARATIONS[name]?.(store)
    const own = (text: string) => (id === undefined ? text : text.replaceAll(EXAMPLE_ID, id))
    const body = exampleBody(route)
    const answer = await store.fetch(route.method.toUpperCase(), own(exampleUrl(route)), body && own(body))
    const text = await answer.text()
    expect([answer.status, text]).toEqual([route.status, text])
    if (Array.isArray(route.answer)) expect(route.answer).toContain(answer.headers.get('content-type'))
    // What a schema does not say is left out of what it reads.
    else expect((route.answer as z.ZodType).parse(JSON.parse(text))).toEqual(JSON.parse(text))
  },
)

interface NumberOfQuery {
  readonly type?: string
  readonly minimum?: number
  readonly maximum?: number
}

test.each(
  ROUTES.flatMap((route) => {
    const { properties = {} } = route.query === undefined ? {} : z.toJSONSchema(route.query, { io: 'input' })
    return Object.entries(properties as Record<string, NumberOfQuery>)
      .filter(([, { type }]) => type === 'integer')
      .map(([name, schema]) => [nameOf(route), name, route, schema] as const)
  }),
)('%s says of a bad %s what was given and what is needed', async (_, name, route, schema) => {
  const { fetch } = await openStore()
  const { minimum, maximum } = schema
  for (const given of ['x', '', '0', '-1', '1.5', '1e400', '9007199254740993', 'NaN']) {
    const [path, query] = exampleUrl(route).split('?')
    const parameters = new URLSearchParams(query)
    parameters.set(name, given)
    const answer = await fetch(route.method.toUpperCase(), `${path}?${parameters}`)
    const { error } = (await answer.json()) as { readonly error: { readonly message: string } }
    expect([answer.status, error.message]).toEqual([
      400,
      `Cannot read parameter "${name}": "${given}" is given, a whole number from ${minimum} to ${maximum} is needed`,
    ])
  }
})

test('every list of the API takes a limit', () => {
  const lists = ROUTES.filter(({ method, answer, query, openQuery, path }) => {
    if (method !== 'get' || Array.isArray(answer) || openQuery || path.includes(':')) return false
    const { properties = {} } = z.toJSONSchema(answer as z.ZodType, { io: 'output' })
    const hasList = Object.values(properties).some((one) => (one as NumberOfQuery).type === 'array')
    return hasList && !Object.hasOwn(query?.shape ?? {}, 'limit')
  })
  expect(lists.map(nameOf)).toEqual([])
})

const FILE = `${JSON.stringify(EXAMPLE_CLICK)}\n`
const LABELS = '{"user":"ann","rate":0.5,"event_time":"2026-01-02T00:00:00Z"}\n'

const land = ({ fetch }: Store) => fetch('PUT', '/v1/sources/clicks/files/january.ndjson', FILE)

const label = ({ fetch }: Store) => fetch('PUT', '/v1/files/labels/clicks.ndjson', LABELS)

async function makeSnapshot({ fetch }: Store): Promise<string> {
  const body = '{"at":"2026-01-01T00:00:00Z"}'
  const answer = await fetch('POST', '/v1/feature-views/last_click/snapshot', body)
  return ((await answer.json()) as { id: string }).id
}

/** What has to be there before an example is run; the id that it asks for, if any. */
const PREPARATIONS: Readonly<Record<string, (store: Store) => Promise<string | undefined>>> = {
  async 'POST /v1/sources/{source}/loads'(store) {
    await land(store)
    return undefined
  },
  async 'GET /v1/loads/{id}'(store) {
    await land(store)
    const answer = await store.fetch('POST', '/v1/sources/clicks/loads')
    return ((await answer.json()) as { loads: { id: string }[] }).loads[0]!.id
  },
  async 'POST /v1/training-datasets'(store) {
    await label(store)
    return undefined
  },
  async 'POST /v1/training-datasets/sql'({ platform }) {
    const bytes = parquetWriteBuffer({
      columnData: [
        { name: 'user', data: ['ann'], type: 'STRING' },
        { name: 'rate', data: [0.5], type: 'DOUBLE' },
        { name: 'event_time', data: [new Date(NOW / 1_000)], type: 'TIMESTAMP' },
      ],
    })
    const body = new Response(bytes).body as ReadableStream<Uint8Array>
    await platform.files.write('labels/clicks.parquet', body, bytes.byteLength)
    return undefined
  },
  async 'GET /v1/files/{path}'(store) {
    await label(store)
    return undefined
  },
  'GET /v1/training-datasets/{id}': makeSnapshot,
  'GET /v1/training-datasets/{id}/sql': makeSnapshot,
  'GET /v1/jobs/{id}': makeSnapshot,
  async 'POST /v1/jobs/{id}/cancel'(store) {
    store.platform.jobs.start = async () => {}
    return makeSnapshot(store)
  },
  async 'DELETE /v1/tokens/{id}'({ fetch }) {
    const answer = await fetch('POST', '/v1/tokens', '{"name":"one","scopes":["read"]}')
    return ((await answer.json()) as { id: string }).id
  },
}
