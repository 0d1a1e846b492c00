import { Hono } from 'hono'
import * as z from 'zod'
import { describeJob, listJobs } from '../../batch/describe-job.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Http } from '../context.ts'
import { readQuery } from '../read-query.ts'
import { refuseQuery } from '../refuse-query.ts'

const ListQuery = z.object({
  limit: z.coerce.number().int().min(1).max(LIMITS.jobsPageMax).default(100),
})

/** Long work: what is going on and how far it has come. */
export function jobRoutes() {
  const routes = new Hono<Http>()

  routes.get('/jobs', async (c) => {
    const { limit } = readQuery(c, ListQuery)
    return c.json({ jobs: await listJobs(c.var.platform, limit) })
  })

  routes.get('/jobs/:id', refuseQuery, async (c) =>
    c.json(await describeJob(c.var.platform, c.req.param('id') ?? '')),
  )

  return routes
}
