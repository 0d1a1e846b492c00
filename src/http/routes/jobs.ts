import { Hono } from 'hono'
import * as z from 'zod'
import { cancelJob } from '../../batch/cancel-job.ts'
import { describeCron } from '../../batch/describe-cron.ts'
import { describeJob, listJobs } from '../../batch/describe-job.ts'
import { LIMITS } from '../../core/limits.ts'
import { removeScratch } from '../../offline/make-dataset.ts'
import { rebuildView } from '../../registry/rebuild-view.ts'
import type { Http } from '../context.ts'
import { readQuery } from '../read-query.ts'
import { EXAMPLE_ID, type RouteDescription, Started } from '../reference/route-description.ts'
import { refuseQuery } from '../refuse-query.ts'

const ListQuery = z.object({
  limit: z.coerce.number().int().min(1).max(LIMITS.jobsPageMax).default(100),
})

/** Long work: what is going on and how far it has come. */
export function jobRoutes() {
  const routes = new Hono<Http>()

  routes.get('/jobs', async (c) => {
    const { limit } = readQuery(c, ListQuery)
    const { platform } = c.var
    const [jobs, cron] = await Promise.all([listJobs(platform, limit), describeCron(platform, limit)])
    return c.json({ jobs, ...cron })
  })

  routes.get('/jobs/:id', refuseQuery, async (c) =>
    c.json(await describeJob(c.var.platform, c.req.param('id') ?? '')),
  )

  routes.post('/jobs/:id/cancel', refuseQuery, async (c) => {
    const { platform } = c.var
    const id = c.req.param('id') ?? ''
    const kind = await cancelJob(platform, id)
    if (kind === 'training') await removeScratch(platform, id)
    return c.json({ id, status: 'cancelled' })
  })

  routes.post('/feature-views/:view/rebuild', refuseQuery, async (c) =>
    c.json(await rebuildView(c.var.platform, c.req.param('view') ?? '', c.var.caller), 202),
  )

  return routes
}

/** What these routes take and answer; schemas of answers are made here, for nothing but the reference reads them. */
export function describeJobRoutes(): readonly RouteDescription[] {
  const Job = z.object({
    id: z.string(),
    kind: z.string(),
    subject: z.string(),
    status: z.string(),
    progress: z.object({ done: z.int(), total: z.int() }).optional(),
    started_time: z.string(),
    error: z.string().optional(),
    report: z.unknown().optional(),
  })
  return [
    {
      method: 'get',
      path: '/jobs',
      summary: 'The newest jobs and the loads that have not ended',
      query: ListQuery,
      status: 200,
      answer: z.object({ jobs: z.array(Job) }),
      example: { query: { limit: '10' } },
    },
    {
      method: 'get',
      path: '/jobs/:id',
      summary: 'How far a job or a load has come',
      status: 200,
      answer: Job,
      refusals: ['not_found'],
      example: { path: { id: EXAMPLE_ID } },
    },
    {
      method: 'post',
      path: '/feature-views/:view/rebuild',
      summary: 'Fills a view anew from the log of its source; what it serves stays in force meanwhile',
      status: 202,
      answer: z.looseObject({ id: z.string() }),
      refusals: ['not_found', 'failed_precondition'],
      example: { path: { view: 'last_click' } },
    },
    {
      method: 'post',
      path: '/jobs/:id/cancel',
      summary: 'Ends a job, a load or a schedule for good',
      status: 200,
      answer: Started,
      refusals: ['not_found', 'failed_precondition'],
      example: { path: { id: EXAMPLE_ID } },
    },
  ]
}
