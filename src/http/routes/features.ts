import { type Context, Hono } from 'hono'
import * as z from 'zod'
import { FeatureStoreError } from '../../core/error.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Instant } from '../../core/time.ts'
import { parseEntities, queryToEntity } from '../../online/parse-entities.ts'
import { type ServedFeatures, serveFeatures } from '../../online/serve-features.ts'
import type { Http } from '../context.ts'
import { batchGetJson, getJson } from '../feature-json.ts'
import { readJson } from '../read-body.ts'
import { readParameters } from '../read-query.ts'
import { refuseQuery } from '../refuse-query.ts'
import { serverTiming } from '../server-timing.ts'

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
    const startUs = c.get('platform').clock.now()
    const query = readParameters(c)
    const served = await serveFeatures(c.get('platform'), c.req.param('service'), {
      parseRows: (service) => parseEntities(service, [queryToEntity(service, query)]),
      features: undefined,
      consistency: 'eventual',
    })
    return answer(c, served, { text: getJson(served.service, served.rows[0]!), startUs })
  })

  routes.post('/feature-services/:service/features', refuseQuery, async (c) => {
    const startUs = c.get('platform').clock.now()
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
    const text = batchGetJson(served.service, served.rows, include ?? ['statuses'])
    return answer(c, served, { text, startUs })
  })

  return routes
}

function answer(
  c: Context<Http>,
  { snapshot, cost }: ServedFeatures,
  { text, startUs }: { readonly text: string; readonly startUs: Instant },
): Response {
  // One Response from one plain object: Hono's `c.body` sets several headers one by one, each a call into the runtime.
  return new Response(text, {
    headers: {
      'content-type': 'application/json',
      'x-generation': String(snapshot.generation),
      'server-timing': serverTiming(cost, c.get('platform').clock.now() - startUs),
    },
  })
}
