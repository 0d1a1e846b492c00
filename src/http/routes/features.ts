import { type Context, Hono } from 'hono'
import * as z from 'zod'
import { FeatureStoreError, invalid } from '../../core/error.ts'
import { LIMITS } from '../../core/limits.ts'
import { parseEntities, queryToEntity } from '../../online/parse-entities.ts'
import { type ServedFeatures, serveFeatures } from '../../online/serve-features.ts'
import type { Http } from '../context.ts'
import { batchGetJson, getJson } from '../feature-json.ts'
import { readJson } from '../read-body.ts'
import { refuseQuery } from '../refuse-query.ts'

/** `z.record` would walk and copy every entity; their fields are checked by `parseEntities` anyway. */
const Entity = z.custom<Readonly<Record<string, unknown>>>(
  (json) => typeof json === 'object' && json !== null && !Array.isArray(json),
  'Invalid input: expected an object',
)

const BatchGetRequest = z.strictObject({
  entities: z.array(Entity),
  features: z.array(z.string()).min(1).max(LIMITS.columnsMax).optional(),
  include: z.array(z.enum(['statuses', 'event_times'])).optional(),
  consistency: z.enum(['eventual', 'strong']).default('eventual'),
})

/** Get and BatchGet. */
export function featureRoutes() {
  const routes = new Hono<Http>()

  routes.get('/feature-services/:service/features', async (c) => {
    const query = queryOf(c)
    const served = await serveFeatures(c.get('platform'), c.req.param('service'), {
      parseRows: (service) => parseEntities(service, [queryToEntity(service, query)]),
      features: undefined,
      consistency: 'eventual',
    })
    return jsonText(getJson(served.service, served.rows[0]!), served)
  })

  routes.post('/feature-services/:service/features', refuseQuery, async (c) => {
    const { entities, features, include, consistency } = await readJson(c, BatchGetRequest)
    if (entities.length > LIMITS.batchGetEntitiesMax) {
      throw new FeatureStoreError(
        'limit_exceeded',
        `Cannot read ${entities.length} entities: at most ${LIMITS.batchGetEntitiesMax} go in one BatchGet`,
      )
    }
    const served = await serveFeatures(c.get('platform'), c.req.param('service')!, {
      parseRows: (service) => parseEntities(service, entities),
      features,
      consistency,
    })
    return jsonText(batchGetJson(served.service, served.rows, include ?? ['statuses']), served)
  })

  return routes
}

/** Query parameters, each given once. */
function queryOf(c: Context<Http>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(c.req.queries()).map(([name, values]) => {
      if (values.length > 1)
        throw invalid(`Cannot read parameter "${name}": it is given ${values.length} times`)
      return [name, values[0]!]
    }),
  )
}

function jsonText(text: string, { snapshot }: ServedFeatures): Response {
  const headers = { 'content-type': 'application/json', 'x-generation': String(snapshot.generation) }
  return new Response(text, { headers })
}
