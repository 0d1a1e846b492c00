import { Hono } from 'hono'
import * as z from 'zod'
import { CATALOG_KINDS, type DefinitionKind, datasetNode, definitionsOf } from '../../catalog/catalog.ts'
import { describe, summarize } from '../../catalog/describe.ts'
import { lineage } from '../../catalog/lineage.ts'
import { readCatalog } from '../../catalog/read-catalog.ts'
import { SEARCH_KINDS, search } from '../../catalog/search.ts'
import { SEARCH_FIELDS } from '../../catalog/search-items.ts'
import { AGGREGATION_FUNCTIONS } from '../../core/aggregate/aggregation-function.ts'
import { invalid } from '../../core/error.ts'
import { LIMITS } from '../../core/limits.ts'
import { Entity } from '../../definitions/entity.ts'
import { FeatureService } from '../../definitions/feature-service.ts'
import { FeatureView } from '../../definitions/feature-view.ts'
import { Type } from '../../definitions/name.ts'
import { OnDemandView } from '../../definitions/on-demand-view.ts'
import { Source } from '../../definitions/source.ts'
import type { Http } from '../context.ts'
import { foreignCursor } from '../cursor.ts'
import { numberParameter } from '../number-parameter.ts'
import { readQuery } from '../read-query.ts'
import { Next, ObjectName, type RouteDescription } from '../reference/route-description.ts'
import { refuseQuery } from '../refuse-query.ts'

const SearchQuery = z.object({
  q: z
    .string()
    .max(LIMITS.searchCharsMax, `at most ${LIMITS.searchCharsMax} characters are taken`)
    .describe('Words that all have to be found; without any, all is found'),
  kind: z.enum(SEARCH_KINDS).optional().describe('Only things of this kind'),
  entity: z.string().optional().describe('Only what belongs to this entity'),
  owner: z.string().optional().describe('Only what this owner has'),
  tag: z.string().optional().describe('Only what has this tag: its name, or `name:value`'),
  type: Type.optional().describe('Only features of this type'),
  limit: numberParameter(1, LIMITS.searchResultsMax).default(50).describe('Results at most'),
})

const ListQuery = z.object({
  limit: numberParameter(1, LIMITS.definitionsPageMax).default(100).describe('Definitions at most'),
  cursor: z.string().optional().describe('`next` of the page before'),
})

/** How each kind of definition is called in paths and answers. */
const COLLECTIONS = {
  entities: 'entity',
  sources: 'source',
  'feature-views': 'feature_view',
  'on-demand-views': 'on_demand_view',
  'feature-services': 'feature_service',
} as const satisfies Readonly<Record<string, DefinitionKind>>

/** The catalog: finding definitions, reading them, tracing them. */
export function catalogRoutes() {
  const routes = new Hono<Http>()

  routes.get('/search', async (c) => {
    const { q, limit, ...filter } = readQuery(c, SearchQuery)
    const catalog = await readCatalog(c.var.platform)
    const found = search(catalog, { text: q, countMax: limit, ...filter })
    return c.json({ generation: catalog.generation, ...found })
  })

  routes.get('/lineage/:kind/:name', refuseQuery, async (c) => {
    const { kind, name } = c.req.param() as { kind: string; name: string }
    const known = CATALOG_KINDS.find((one) => one === kind)
    if (known === undefined) {
      throw invalid(
        `Cannot trace "${kind}": it is no kind of lineage, one of ${CATALOG_KINDS.join(', ')} is needed`,
      )
    }
    const { platform } = c.var
    const [catalog, datasets] = await Promise.all([
      readCatalog(platform),
      platform.training.list({ countMax: LIMITS.lineageDatasetsMax }),
    ])
    const traced = lineage(catalog, datasets.map(datasetNode), { kind: known, name })
    return c.json({ generation: catalog.generation, ...traced })
  })

  for (const [collection, kind] of Object.entries(COLLECTIONS)) {
    const member = collection.replaceAll('-', '_')
    routes.get(`/${collection}`, async (c) => {
      const { limit, cursor } = readQuery(c, ListQuery)
      const catalog = await readCatalog(c.var.platform)
      const { page, next } = pageOf([...definitionsOf(catalog, kind).keys()], limit, cursor)
      return c.json({
        generation: catalog.generation,
        [member]: summarize(catalog, kind, page),
        ...(next === undefined ? {} : { next }),
      })
    })
    routes.get(`/${collection}/:name`, refuseQuery, async (c) => {
      const catalog = await readCatalog(c.var.platform)
      return c.json({ generation: catalog.generation, ...describe(catalog, kind, c.req.param('name')!) })
    })
  }

  return routes
}

/** Some names after the one that the page before ended with, and that of the next page; undefined where there is none. */
function pageOf(names: readonly string[], limit: number, cursor: string | undefined) {
  const at = cursor === undefined ? -1 : names.indexOf(cursor)
  if (cursor !== undefined && at < 0) throw foreignCursor()
  const page = names.slice(at + 1, at + 1 + limit)
  return { page, next: at + 1 + limit < names.length ? page.at(-1) : undefined }
}

/** What these routes take and answer; schemas of answers are made here, for nothing but the reference reads them. */
export function describeCatalogRoutes(): readonly RouteDescription[] {
  const Generation = z.object({ generation: z.int() })

  const Summary = ObjectName.extend({
    description: z.string(),
    owner: z.string(),
    tags: z.record(z.string(), z.string()),
    version: z.int().optional(),
    feature_count: z.int().optional(),
    used_by_count: z.int(),
  })

  const Feature = z.object({
    name: z.string(),
    type: Type,
    sql: z.string().optional(),
    description: z.string(),
    function: z.enum(AGGREGATION_FUNCTIONS).optional(),
    window: z.string().optional(),
    view: z.string().optional().describe('Of a feature of a service: where it comes from'),
    feature: z.string().optional(),
  })

  const Description = Generation.extend({
    ...Summary.omit({ feature_count: true, used_by_count: true }).shape,
    versions: z.array(z.object({ version: z.int(), state: z.enum(['served', 'filling']) })).optional(),
    definition: z.union([Entity, Source, FeatureView, OnDemandView, FeatureService]),
    features: z.array(Feature).optional(),
    inputs: z.array(z.object({ name: z.string(), type: Type })).optional(),
    uses: z.array(ObjectName),
    used_by: z.array(ObjectName),
  })

  /** The name of one definition of each collection. */
  const EXAMPLES: Readonly<Record<keyof typeof COLLECTIONS, string>> = {
    entities: 'user',
    sources: 'clicks',
    'feature-views': 'last_click',
    'on-demand-views': 'offer',
    'feature-services': 'ranker',
  }
  const collections = Object.entries(COLLECTIONS).flatMap(([collection, kind]): RouteDescription[] => [
    {
      method: 'get',
      path: `/${collection}`,
      summary: `The ${collection.replaceAll('-', ' ')}, a page at a time`,
      query: ListQuery,
      status: 200,
      answer: Generation.extend({
        [collection.replaceAll('-', '_')]: z.array(Summary),
        next: Next,
      }),
      example: { query: { limit: '10' } },
    },
    {
      method: 'get',
      path: `/${collection}/:name`,
      summary: `One ${kind.replaceAll('_', ' ')}, and what it takes part in`,
      status: 200,
      answer: Description,
      refusals: ['not_found'],
      example: { path: { name: EXAMPLES[collection as keyof typeof COLLECTIONS] } },
    },
  ])
  return [
    {
      method: 'get',
      path: '/search',
      summary: 'What is defined and holds these words, best first',
      query: SearchQuery,
      status: 200,
      answer: Generation.extend({
        total: z.int(),
        results: z.array(
          z.object({
            kind: z.enum(SEARCH_KINDS),
            name: z.string(),
            view: z.string().nullable(),
            type: Type.nullable(),
            description: z.string(),
            owner: z.string(),
            tags: z.record(z.string(), z.string()),
            matched: z.array(z.enum(SEARCH_FIELDS)),
          }),
        ),
      }),
      example: { query: { q: 'click', kind: 'feature_view' } },
    },
    {
      method: 'get',
      path: '/lineage/:kind/:name',
      summary: 'What a thing is made from, and what is made from it',
      status: 200,
      answer: Generation.extend({
        ...ObjectName.shape,
        nodes: z.array(
          ObjectName.extend({
            id: z.string(),
            description: z.string(),
            versions: z.array(z.string()).optional(),
          }),
        ),
        edges: z.array(
          z.object({
            from: z.string(),
            to: z.string(),
            columns: z.array(z.string()).optional(),
            features: z.array(z.string()).optional(),
          }),
        ),
        upstream: z.array(z.string()),
        downstream: z.array(z.string()),
      }),
      refusals: ['not_found'],
      example: { path: { kind: 'feature_service', name: 'ranker' } },
    },
    ...collections,
  ]
}
