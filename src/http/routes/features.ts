import { type Context, Hono } from 'hono'
import * as z from 'zod'
import { FeatureStoreError } from '../../core/error.ts'
import { LIMITS } from '../../core/limits.ts'
import { parseEntities, queryToEntity } from '../../online/parse-entities.ts'
import { projectService } from '../../online/project-service.ts'
import { readFeatures } from '../../online/read-features.ts'
import { resolveService } from '../../registry/resolve-name.ts'
import type { Http } from '../context.ts'
import { batchGetJson, getJson } from '../feature-json.ts'
import { readJson } from '../read-body.ts'
import { readParameters } from '../read-query.ts'
import { refuseQuery } from '../refuse-query.ts'

const BatchGetRequest = z.strictObject({
  entities: z.array(z.record(z.string(), z.unknown())),
  features: z.array(z.string()).min(1).max(LIMITS.columnsMax).optional(),
  include: z.array(z.enum(['statuses', 'event_times'])).optional(),
  consistency: z.enum(['eventual', 'strong']).default('eventual'),
})

/** Get and BatchGet. */
export function featureRoutes() {
  const routes = new Hono<Http>()

  routes.get('/feature-services/:service/features', async (c) => {
    const resolved = await resolveService(c.var.platform, c.req.param('service'))
    const rows = parseEntities(resolved.service, [queryToEntity(resolved.service, readParameters(c))])
    const answer = await readFeatures(c.var.platform, resolved, { rows, consistency: 'eventual' })
    return jsonText(c, getJson(resolved.service, answer.rows[0]!), answer.snapshot.generation)
  })

  routes.post('/feature-services/:service/features', refuseQuery, async (c) => {
    const body = await readJson(c, BatchGetRequest)
    if (body.entities.length > LIMITS.batchGetEntitiesMax) {
      throw new FeatureStoreError(
        'limit_exceeded',
        `Cannot read ${body.entities.length} entities: at most ${LIMITS.batchGetEntitiesMax} go in one BatchGet`,
      )
    }
    const { snapshot, service } = await resolveService(c.var.platform, c.req.param('service') ?? '')
    const rows = parseEntities(service, body.entities)
    const wanted = body.features === undefined ? service : projectService(service, body.features)
    const resolved = { snapshot, service: wanted }
    const answer = await readFeatures(c.var.platform, resolved, { rows, consistency: body.consistency })
    const include = body.include ?? ['statuses']
    return jsonText(c, batchGetJson(wanted, answer.rows, include), answer.snapshot.generation)
  })

  return routes
}

function jsonText(c: Context<Http>, text: string, generation: number): Response {
  return c.body(text, 200, { 'content-type': 'application/json', 'x-generation': String(generation) })
}
