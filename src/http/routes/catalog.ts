import { Hono } from 'hono'
import * as z from 'zod'
import { CATALOG_KINDS, type DefinitionKind } from '../../catalog/catalog.ts'
import { describe, summarize } from '../../catalog/describe.ts'
import { lineage } from '../../catalog/lineage.ts'
import { readCatalog } from '../../catalog/read-catalog.ts'
import { search } from '../../catalog/search.ts'
import { invalid } from '../../core/error.ts'
import { LIMITS } from '../../core/limits.ts'
import { Type } from '../../definitions/name.ts'
import type { Http } from '../context.ts'
import { readQuery } from '../read-query.ts'
import { refuseQuery } from '../refuse-query.ts'

const SearchQuery = z.object({
  q: z.string().max(LIMITS.searchCharsMax),
  kind: z.enum(CATALOG_KINDS).optional(),
  entity: z.string().optional(),
  owner: z.string().optional(),
  /** A tag's name, or `name:value`. */
  tag: z.string().optional(),
  /** Of features. */
  type: Type.optional(),
  limit: z.coerce.number().int().min(1).max(LIMITS.searchResultsMax).default(50),
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
      platform.training.list(LIMITS.lineageDatasetsMax),
    ])
    const nodes = datasets.map(({ id, name: title, request }) => ({ id, name: title, of: request.of }))
    return c.json({ generation: catalog.generation, ...lineage(catalog, nodes, { kind: known, name }) })
  })

  for (const [collection, kind] of Object.entries(COLLECTIONS)) {
    const member = collection.replaceAll('-', '_')
    routes.get(`/${collection}`, refuseQuery, async (c) => {
      const catalog = await readCatalog(c.var.platform)
      return c.json({ generation: catalog.generation, [member]: summarize(catalog, kind) })
    })
    routes.get(`/${collection}/:name`, refuseQuery, async (c) => {
      const catalog = await readCatalog(c.var.platform)
      return c.json({ generation: catalog.generation, ...describe(catalog, kind, c.req.param('name')!) })
    })
  }

  return routes
}
