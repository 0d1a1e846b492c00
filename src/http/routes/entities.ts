import { Hono } from 'hono'
import * as z from 'zod'
import { startErasure } from '../../batch/erasure/erasure.ts'
import { LIMITS } from '../../core/limits.ts'
import { parseInstant } from '../../core/time.ts'
import { deleteKeys } from '../../ingest/delete-keys.ts'
import type { Http } from '../context.ts'
import { readIdempotencyKey } from '../idempotency-key.ts'
import { JsonObject, readJson } from '../read-body.ts'
import { FeatureValue, IDEMPOTENCY_KEY, type RouteDescription } from '../reference/route-description.ts'

const DeletionRequest = z.strictObject({
  keys: z.array(JsonObject).min(1),
  event_time: z.string(),
  views: z.array(z.string()).min(1).max(LIMITS.deletionViewsMax).optional(),
})

const ErasureRequest = z.strictObject({
  keys: z.array(JsonObject).min(1).max(LIMITS.erasureKeysMax),
})

/** What is done to entities by key. */
export function entityRoutes() {
  const routes = new Hono<Http>()

  routes.post('/entities/:entity/deletions', async (c) => {
    const key = readIdempotencyKey(c)
    const { keys, event_time, views } = await readJson(c, DeletionRequest)
    const answer = await deleteKeys(c.var.platform, {
      entity: c.req.param('entity'),
      keys,
      eventTime: parseInstant(event_time),
      views: views ?? null,
      idempotency: key === undefined ? undefined : { token: c.var.caller, key },
    })
    return c.json(answer, 202)
  })

  routes.post('/entities/:entity/erasures', async (c) => {
    const { keys } = await readJson(c, ErasureRequest)
    const id = await startErasure(c.var.platform, { entity: c.req.param('entity'), keys })
    return c.json({ id }, 202)
  })

  return routes
}

/** What these routes take and answer; schemas of answers are made here, for nothing but the reference reads them. */
export function describeEntityRoutes(): readonly RouteDescription[] {
  const keys = z.array(z.record(z.string(), FeatureValue)).min(1)
  return [
    {
      method: 'post',
      path: '/entities/:entity/deletions',
      summary: 'Deletes keys from views as of a time',
      headers: [IDEMPOTENCY_KEY],
      body: z.strictObject({ ...DeletionRequest.shape, keys }),
      status: 202,
      answer: z.object({ deletion_id: z.string(), accepted: z.int() }),
      refusals: ['not_found', 'failed_precondition', 'limit_exceeded'],
      example: {
        path: { entity: 'user' },
        body: { keys: [{ user: 'ann' }], event_time: '2026-01-01T00:00:00Z' },
      },
    },
    {
      method: 'post',
      path: '/entities/:entity/erasures',
      summary: 'Removes all traces of keys, as a job with a report',
      body: z.strictObject({ ...ErasureRequest.shape, keys: keys.max(LIMITS.erasureKeysMax) }),
      status: 202,
      answer: z.object({ id: z.string() }),
      refusals: ['not_found', 'limit_exceeded'],
      example: { path: { entity: 'user' }, body: { keys: [{ user: 'ann' }] } },
    },
  ]
}
