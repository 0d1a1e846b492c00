import { type Context, type ExecutionContext, Hono } from 'hono'
import type { RouterRoute } from 'hono/types'
import { FeatureStoreError } from '../core/error.ts'
import { authenticate } from './authenticate.ts'
import type { Http, Services } from './context.ts'
import { errorResponse } from './error-response.ts'
import { pageRoutes } from './pages/page-routes.tsx'
import { openApiText } from './reference/openapi.ts'
import { refuseQuery } from './refuse-query.ts'
import { catalogRoutes } from './routes/catalog.ts'
import { deadLetterRoutes } from './routes/dead-letters.ts'
import { definitionRoutes } from './routes/definitions.ts'
import { entityRoutes } from './routes/entities.ts'
import { featureRoutes } from './routes/features.ts'
import { fileRoutes } from './routes/files.ts'
import { historyRoutes } from './routes/history.ts'
import { jobRoutes } from './routes/jobs.ts'
import { quarantineRoutes } from './routes/quarantine.ts'
import { sourceRowRoutes } from './routes/source-rows.ts'
import { sourceRoutes } from './routes/sources.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { trainingDatasetRoutes } from './routes/training-datasets.ts'

/** The path of Get and BatchGet. */
const SERVING_URL = /^https?:\/\/[^/]+\/v1\/feature-services\/[^/?]+\/features(?:\?|$)/

/**
 * The HTTP door. `servicesOf` is given the Worker's environment. Serving has an app of its own, in which a route is one
 * handler: every layer of middleware, and every other route to be told from, would cost a part of a Get.
 */
export function createApp<Env extends object>(servicesOf: (env: Env) => Services) {
  const app = new Hono<Http>()
  /** Gives a request what handlers need, its id among it. */
  const begin = (c: Context<Http>) => {
    const { platform, adminToken } = servicesOf(c.env as Env)
    c.set('platform', platform)
    c.set('adminToken', adminToken)
    c.set('requestId', platform.nextId())
  }
  app.use(async (c, next) => {
    begin(c)
    await next()
    // Set last: prepared before, it would make Hono build the headers of every response one by one.
    c.res.headers.set('x-request-id', c.get('requestId'))
  })
  for (const path of ['/healthz', '/health']) app.get(path, (c) => c.json({ status: 'ok' }))
  app.get('/openapi.json', refuseQuery, (c) =>
    c.body(openApiText(), 200, { 'content-type': 'application/json' }),
  )
  app.use('/v1/*', async (c, next) => {
    await authenticate(c)
    await next()
  })
  app.route('/v1', deadLetterRoutes())
  app.route('/v1', quarantineRoutes())
  app.route('/v1', jobRoutes())
  app.route('/v1', catalogRoutes())
  app.route('/v1', tokenRoutes())
  app.route('/v1', sourceRowRoutes())
  app.route('/v1', trainingDatasetRoutes())
  app.route('/v1', definitionRoutes())
  app.use('/v1/*', refuseQuery)
  app.route('/v1', sourceRoutes())
  app.route('/v1', entityRoutes())
  app.route('/v1', historyRoutes())
  app.route('/v1', fileRoutes())
  app.route('/', pageRoutes())
  app.notFound(refuseRoute)
  app.onError(errorResponse)

  const serving = new Hono<Http>().route('/v1', featureRoutes(begin))
  serving.notFound(async (c) => {
    begin(c)
    await authenticate(c)
    return refuseRoute(c)
  })
  serving.onError(errorResponse)

  return {
    /** Every route there is, for documents and tests to be held against. */
    get routes(): readonly RouterRoute[] {
      return [...app.routes, ...serving.routes]
    },
    fetch: (request: Request, env: Env, context?: ExecutionContext) =>
      (SERVING_URL.test(request.url) ? serving : app).fetch(request, env, context),
  }
}

function refuseRoute(c: Context<Http>): Response {
  const error = new FeatureStoreError(
    'not_found',
    `Cannot ${c.req.method} "${c.req.path}": there is no such route`,
  )
  return errorResponse(error, c)
}
