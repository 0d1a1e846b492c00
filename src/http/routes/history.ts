import { Hono } from 'hono'
import * as z from 'zod'
import { FeatureStoreError } from '../../core/error.ts'
import { LIMITS } from '../../core/limits.ts'
import { parseInstant } from '../../core/time.ts'
import { Type } from '../../definitions/name.ts'
import { parseLabels } from '../../offline/parse-labels.ts'
import { retrieveHistory } from '../../offline/retrieve-history.ts'
import { resolveForHistory } from '../../registry/resolve-name.ts'
import type { Http } from '../context.ts'
import { readJson } from '../read-body.ts'
import { FeatureValue, type RouteDescription } from '../reference/route-description.ts'

const HistoryRequest = z.strictObject({
  labels: z.array(z.record(z.string(), z.unknown())),
  as_of: z.string().optional(),
  knowledge_cutoff: z.boolean().default(false),
})

/** Point-in-time retrieval of a few thousand labels, inline. */
export function historyRoutes() {
  const routes = new Hono<Http>()

  routes.post('/feature-services/:service/historical-features', async (c) => {
    const body = await readJson(c, HistoryRequest)
    if (body.labels.length > LIMITS.historicalLabelsMax) {
      throw new FeatureStoreError(
        'limit_exceeded',
        `Cannot join ${body.labels.length} labels: at most ${LIMITS.historicalLabelsMax} go in one request`,
      )
    }
    const { platform } = c.var
    const resolved = await resolveForHistory(platform, c.req.param('service'))
    const { columns, rows } = await retrieveHistory(platform, resolved, {
      labels: parseLabels(resolved.service, body.labels),
      asOf: body.as_of === undefined ? undefined : parseInstant(body.as_of),
      isKnowledgeCutoff: body.knowledge_cutoff,
    })
    const text = `{"columns":${JSON.stringify(columns.map(({ name, type }) => ({ name, type })))},"rows":[${rows.map((row) => `[${row}]`).join(',')}]}`
    const generation = String(resolved.snapshot.generation)
    return c.body(text, 200, { 'content-type': 'application/json', 'x-generation': generation })
  })

  return routes
}

/** What these routes take and answer; schemas of answers are made here, for nothing but the reference reads them. */
export function describeHistoryRoutes(): readonly RouteDescription[] {
  return [
    {
      method: 'post',
      path: '/feature-services/:service/historical-features',
      summary: 'The features of labels, each as they were known at its time',
      body: HistoryRequest,
      status: 200,
      answer: z.object({
        columns: z.array(z.object({ name: z.string(), type: Type })),
        rows: z.array(z.array(FeatureValue)),
      }),
      refusals: ['not_found', 'limit_exceeded'],
      example: {
        path: { service: 'ranker' },
        body: { labels: [{ user: 'ann', rate: 0.5, event_time: '2026-01-01T00:00:00Z' }] },
      },
    },
  ]
}
