import { type Context, Hono } from 'hono'
import * as z from 'zod'
import { FeatureStoreError } from '../../core/error.ts'
import { FEATURE_STATUSES } from '../../core/feature-status.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Instant } from '../../core/time.ts'
import { parseEntities, parseQuery } from '../../online/parse-entities.ts'
import { type ServedFeatures, serveFeatures } from '../../online/serve-features.ts'
import { authenticate } from '../authenticate.ts'
import type { Http } from '../context.ts'
import { batchGetJson, getJson } from '../feature-json.ts'
import { JsonObject, readJson } from '../read-body.ts'
import { readParameters, refuseParameters } from '../read-query.ts'
import { FeatureValue, type RouteDescription } from '../reference/route-description.ts'
import { serverTiming } from '../server-timing.ts'

const BatchGetRequest = z.strictObject({
  entities: z.array(JsonObject),
  features: z.array(z.string()).min(1).max(LIMITS.columnsMax).optional(),
  include: z.array(z.enum(['statuses', 'event_times'])).optional(),
  consistency: z.enum(['eventual', 'strong']).default('eventual'),
})

/** Get and BatchGet. They stand before all middleware: `begin` and the token's check are their own. */
export function featureRoutes(begin: (c: Context<Http>) => void) {
  const routes = new Hono<Http>()

  routes.get('/feature-services/:service/features', async (c) => {
    begin(c)
    const pending = authenticate(c)
    if (pending !== undefined) await pending
    const startUs = c.get('platform').clock.now()
    const query = readParameters(c)
    const served = await serveFeatures(c.get('platform'), c.req.param('service'), {
      parseRows: (service) => parseQuery(service, query),
      features: undefined,
      consistency: 'eventual',
    })
    return answer(c, served, { text: getJson(served.service, served.rows[0]!), startUs })
  })

  routes.post('/feature-services/:service/features', async (c) => {
    begin(c)
    const pending = authenticate(c)
    if (pending !== undefined) await pending
    refuseParameters(c)
    const startUs = c.get('platform').clock.now()
    const { entities, features, include, consistency } = await readJson(c, BatchGetRequest)
    if (entities.length > LIMITS.batchGetEntitiesMax) {
      throw new FeatureStoreError(
        'limit_exceeded',
        `Cannot read ${entities.length} entities: at most ${LIMITS.batchGetEntitiesMax} go in one BatchGet`,
      )
    }
    const served = await serveFeatures(c.get('platform'), c.req.param('service'), {
      parseRows: (service) => parseEntities(service, entities),
      features,
      consistency,
    })
    const text = batchGetJson(served.service, served.rows, include ?? ['statuses'])
    return answer(c, served, { text, startUs })
  })

  return routes
}

/**
 * Set anew for each answer and copied into it in the same breath: the runtime takes three times as long for headers
 * that it is given as an object, which is a twentieth of a Get.
 */
const HEADERS = new Headers({ 'content-type': 'application/json' })
const WITH_HEADERS = { headers: HEADERS }

/** What stands in them: setting a header is a call into the runtime, and these seldom change. */
let [headerGeneration, headerTiming] = [-1, '']

function answer(
  c: Context<Http>,
  { snapshot, cost }: ServedFeatures,
  { text, startUs }: { readonly text: string; readonly startUs: Instant },
): Response {
  HEADERS.set('x-request-id', c.get('requestId'))
  if (snapshot.generation !== headerGeneration) {
    headerGeneration = snapshot.generation
    HEADERS.set('x-generation', String(headerGeneration))
  }
  const timing = serverTiming(cost, c.get('platform').clock.now() - startUs)
  if (timing !== headerTiming) {
    headerTiming = timing
    HEADERS.set('server-timing', timing)
  }
  return new Response(text, WITH_HEADERS)
}

/** What these routes take and answer; schemas of answers are made here, for nothing but the reference reads them. */
export function describeFeatureRoutes(): readonly RouteDescription[] {
  const values = (of: z.ZodType) => z.record(z.string(), of)

  const table = (of: z.ZodType) => z.array(z.array(of))
  const status = z.enum(FEATURE_STATUSES)
  const time = z.string().nullable()
  return [
    {
      method: 'get',
      path: '/feature-services/:service/features',
      summary: 'The features of one entity: join keys and request inputs are parameters',
      openQuery: true,
      status: 200,
      answer: z.object({
        features: values(FeatureValue),
        statuses: values(status),
        event_times: values(time),
      }),
      refusals: ['not_found'],
      example: { path: { service: 'ranker' }, query: { user: 'ann', rate: '0.5' } },
    },
    {
      method: 'post',
      path: '/feature-services/:service/features',
      summary: 'The features of many entities, in the order asked',
      body: z.strictObject({ ...BatchGetRequest.shape, entities: z.array(values(FeatureValue)) }),
      status: 200,
      answer: z.object({
        feature_names: z.array(z.string()),
        rows: table(FeatureValue),
        statuses: table(status).optional(),
        event_times: table(time).optional(),
      }),
      refusals: ['not_found', 'limit_exceeded'],
      example: { path: { service: 'ranker' }, body: { entities: [{ user: 'ann', rate: 0.5 }] } },
    },
  ]
}
