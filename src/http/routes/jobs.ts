import { Hono } from 'hono'
import * as z from 'zod'
import { cancelJob } from '../../batch/cancel-job.ts'
import { describeRuns, listRefused } from '../../batch/describe-cron.ts'
import { describeJob, listJobs } from '../../batch/describe-job.ts'
import { LIMITS } from '../../core/limits.ts'
import { removeScratch } from '../../offline/make-dataset.ts'
import type { JobKind } from '../../platform.ts'
import { rebuildView } from '../../registry/rebuild-view.ts'
import type { Http } from '../context.ts'
import { decodeCursors, nextOfAll } from '../cursor.ts'
import { numberParameter } from '../number-parameter.ts'
import { readQuery } from '../read-query.ts'
import {
  EXAMPLE_ID,
  JobStatus,
  Next,
  Progress,
  type RouteDescription,
  Started,
} from '../reference/route-description.ts'
import { refuseQuery } from '../refuse-query.ts'

const ListQuery = z.object({
  limit: numberParameter(1, LIMITS.jobsPageMax).default(100).describe('Jobs, and refused files, at most'),
  cursor: z.string().optional().describe('`next` of the page before'),
})

/** Long work: what is going on and how far it has come. */
export function jobRoutes() {
  const routes = new Hono<Http>()

  routes.get('/jobs', async (c) => {
    const { limit: countMax, cursor } = readQuery(c, ListQuery)
    const [job, refusal] = cursor === undefined ? [] : decodeCursors(cursor, 2)
    const { platform } = c.var
    const [jobs, runs, refused] = await Promise.all([
      listJobs(platform, { after: job, countMax }),
      describeRuns(platform),
      listRefused(platform, { after: refusal, countMax }),
    ])
    return c.json({
      jobs: jobs.page,
      cron: runs,
      refused_files: refused.page,
      ...nextOfAll([jobs, refused]),
    })
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
    kind: z.enum(['load', 'reblock', 'compact', 'training', 'erase', 'fill'] satisfies JobKind[]),
    subject: z.string(),
    status: JobStatus,
    progress: Progress.optional(),
    started_time: z.string(),
    error: z.string().optional(),
    report: z
      .object({
        entity: z.string(),
        key_hashes: z.array(z.string()),
        removed: z.record(z.string(), z.int()),
        notes: z.array(z.string()),
      })
      .optional(),
  })
  const Run = z.object({
    name: z.string(),
    started_time: z.string(),
    ended_time: z.string(),
    outcome: z.string().nullable(),
    error: z.string().optional(),
  })
  const RefusedFile = z.object({
    source: z.string(),
    file: z.string().nullable(),
    reason: z.string(),
    time: z.string(),
  })
  return [
    {
      method: 'get',
      path: '/jobs',
      summary:
        'Jobs and the loads that have not ended, newest first, a page at a time; what Cron did and refused',
      query: ListQuery,
      status: 200,
      answer: z.object({
        jobs: z.array(Job),
        cron: z.array(Run),
        refused_files: z.array(RefusedFile),
        next: Next,
      }),
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
      answer: z.object({ id: z.string(), view: z.string(), generation: z.int() }),
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
