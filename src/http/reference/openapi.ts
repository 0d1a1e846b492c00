import * as z from 'zod'
import { permissionOf } from '../../auth/permission.ts'
import { CATALOG_KINDS } from '../../catalog/catalog.ts'
import { ERROR_CODES, type ErrorCode } from '../../core/error.ts'
import { DefinitionSet } from '../../definitions/definition-set.ts'
import { STATUS_BY_CODE } from '../error-response.ts'
import { describeRoutes, exampleUrl, pathParameters, pathTemplate } from './describe-routes.ts'
import type { RouteDescription } from './route-description.ts'

type JsonObject = Readonly<Record<string, unknown>>

/** Refusals that any route may answer with. */
const COMMON_REFUSALS: readonly ErrorCode[] = [
  'invalid_argument',
  'unauthenticated',
  'permission_denied',
  'unavailable',
  'internal',
]

let document: string | undefined

/** The API as OpenAPI 3.1, made of the schemas that check requests when it is first asked for. */
export function openApiText(): string {
  document ??= JSON.stringify(openApi())
  return document
}

function openApi(): JsonObject {
  const groups = describeRoutes()
  const paths: Record<string, Record<string, unknown>> = {
    '/healthz': { get: OPEN_ROUTES.health },
    '/health': { get: OPEN_ROUTES.health },
    '/openapi.json': { get: OPEN_ROUTES.document },
  }
  for (const { title, routes } of groups) {
    for (const route of routes) {
      const path = pathTemplate(route)
      paths[path] = { ...paths[path], [route.method]: operation(title, route) }
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Featheredge',
      version: '1',
      description: 'An edge-native feature store. Everything below /v1 needs a token.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: [...groups.map(({ title }) => ({ name: title })), { name: 'Open' }],
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'The roles are scopes of the token' },
      },
      schemas: { Error: errorSchema(), DefinitionSet: z.toJSONSchema(DefinitionSet, SCHEMA_OPTIONS) },
      responses: Object.fromEntries(ERROR_CODES.map((code) => [code, errorResponse(code)])),
    },
  }
}

function operation(tag: string, route: RouteDescription): JsonObject {
  const { scope } = permissionOf(
    route.method.toUpperCase(),
    exampleUrl(route).split('?')[0]!.slice('/v1'.length),
  )
  const parameters = [
    ...pathParameters(route).map((name) => ({
      name,
      in: 'path',
      required: true,
      description: PATH_PARAMETERS[name],
      schema: { type: 'string' },
      example: route.example.path?.[name],
    })),
    ...queryParameters(route),
    ...(route.headers ?? []).map(({ name, description, required }) => ({
      name,
      in: 'header',
      description,
      required,
      schema: { type: 'string' },
    })),
  ]
  return {
    operationId: operationId(route),
    tags: [tag],
    summary: route.summary,
    security: [{ bearer: [scope] }],
    parameters,
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: contentOf(route.body, route.example.body),
          },
        }),
    responses: {
      [route.status]: { description: 'Done', content: contentOf(route.answer) },
      ...refusalsOf(route),
    },
  }
}

function queryParameters({ query, openQuery, example }: RouteDescription): JsonObject[] {
  if (openQuery) {
    return [
      {
        name: 'entity',
        in: 'query',
        required: true,
        style: 'form',
        explode: true,
        description: 'Each join key and each request input of the service, by its name',
        schema: { type: 'object', additionalProperties: { type: 'string' } },
        example: example.query,
      },
    ]
  }
  if (query === undefined) return []
  const { properties = {}, required = [] } = jsonSchema(query) as {
    readonly properties?: Record<string, JsonObject>
    readonly required?: readonly string[]
  }
  return Object.entries(properties).map(([name, schema]) => {
    const given = example.query?.[name]
    return {
      name,
      in: 'query',
      required: required.includes(name),
      description: schema.description,
      schema,
      ...(given === undefined ? {} : { example: schema.type === 'integer' ? Number(given) : given }),
    }
  })
}

function contentOf(content: z.ZodType | readonly string[], example?: unknown): JsonObject {
  const withExample = example === undefined ? {} : { example }
  if (content instanceof z.ZodType)
    return { 'application/json': { schema: jsonSchema(content), ...withExample } }
  const [first, ...others] = content
  return {
    [first!]: withExample,
    ...Object.fromEntries(others.map((type) => [type, {}])),
  }
}

/** What stands in a path, by the name that it has there. */
const PATH_PARAMETERS: Readonly<Record<string, string>> = {
  service: 'Name of a feature service',
  source: 'Name of a source',
  entity: 'Name of an entity',
  view: 'Name of a feature view',
  kind: `What is traced: ${CATALOG_KINDS.join(', ')}`,
  name: 'Name of the definition or file; of a feature `<view>.<feature>`, of a training dataset its id',
  id: 'What was answered when it was made, or stands in the list',
  path: 'As answered when the file was put, or as a dataset lists it',
}

/** Codes of one status share a response. */
function refusalsOf({ refusals = [] }: RouteDescription): JsonObject {
  const codes = new Map([...COMMON_REFUSALS, ...refusals].map((code) => [STATUS_BY_CODE[code], code]))
  return Object.fromEntries(
    [...codes].map(([status, code]) => [status, { $ref: `#/components/responses/${code}` }]),
  )
}

function errorResponse(code: ErrorCode): JsonObject {
  return {
    description: `The error's code is ${code}`,
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
  }
}

function errorSchema(): JsonObject {
  const Refusal = z.strictObject({
    error: z.strictObject({
      code: z.enum(ERROR_CODES),
      message: z.string(),
      details: z.record(z.string(), z.unknown()),
      request_id: z.string(),
    }),
  })
  return z.toJSONSchema(Refusal, SCHEMA_OPTIONS) as JsonObject
}

/** What a client may send; what JSON Schema has no word for is left open. */
const SCHEMA_OPTIONS = { io: 'input', unrepresentable: 'any' } as const

/** Schemas that are written once, as the set of definitions or within it, and are pointed to from elsewhere. */
const DEFINITION_PLACES: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [DefinitionSet, ''],
  ...Object.entries(DefinitionSet.shape).map(
    ([kind, list]) => [list.unwrap().element, `/properties/${kind}/items`] as const,
  ),
])

function jsonSchema(schema: z.ZodType): JsonObject {
  return z.toJSONSchema(schema, {
    ...SCHEMA_OPTIONS,
    override({ zodSchema, jsonSchema: made }) {
      const place = DEFINITION_PLACES.get(zodSchema)
      if (place === undefined) return
      for (const key of Object.keys(made)) delete made[key as keyof typeof made]
      made.$ref = `#/components/schemas/DefinitionSet${place}`
    },
  }) as JsonObject
}

/** `get_v1_jobs_id`. */
function operationId(route: RouteDescription): string {
  return `${route.method}${pathTemplate(route)}`.replaceAll(/[^a-z0-9]+/g, '_').replace(/_$/, '')
}

/** Open without a token. */
const OPEN_ROUTES = {
  health: {
    tags: ['Open'],
    summary: 'Whether the Worker answers',
    security: [],
    responses: {
      200: {
        description: 'It does',
        content: {
          'application/json': {
            schema: {
              type: 'object',
              properties: { status: { const: 'ok' } },
              required: ['status'],
            },
          },
        },
      },
    },
  },
  document: {
    tags: ['Open'],
    summary: 'This document',
    security: [],
    responses: {
      200: { description: 'OpenAPI 3.1', content: { 'application/json': { schema: { type: 'object' } } } },
    },
  },
} as const
