import { Hono } from 'hono'
import * as z from 'zod'
import { parseInstant } from '../../core/time.ts'
import { readSourceRows } from '../../offline/read-source-rows.ts'
import { resolveSource } from '../../registry/resolve-name.ts'
import type { Http } from '../context.ts'
import { readQuery } from '../read-query.ts'
import type { RouteDescription } from '../reference/route-description.ts'

const RowsQuery = z.object({ from: z.string().optional(), to: z.string().optional() })

/** The rows that a source has taken in, as they came. */
export function sourceRowRoutes() {
  const routes = new Hono<Http>()

  routes.get('/sources/:source/rows', async (c) => {
    const { from, to } = readQuery(c, RowsQuery)
    const times = {
      from: from === undefined ? Number.NEGATIVE_INFINITY : parseInstant(from),
      to: to === undefined ? Number.POSITIVE_INFINITY : parseInstant(to),
    }
    const { platform } = c.var
    const parts = readSourceRows(platform, await resolveSource(platform, c.req.param('source')), times)
    const encoder = new TextEncoder()
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value, done } = await parts.next()
        if (done === true) controller.close()
        else controller.enqueue(encoder.encode(value))
      },
      cancel: () => void parts.return(undefined),
    })
    return new Response(body, { headers: { 'content-type': 'application/x-ndjson' } })
  })

  return routes
}

export function describeSourceRowRoutes(): readonly RouteDescription[] {
  return [
    {
      method: 'get',
      path: '/sources/:source/rows',
      summary: "A source's accepted rows as they came, streamed as NDJSON",
      query: RowsQuery,
      status: 200,
      answer: ['application/x-ndjson'],
      refusals: ['not_found'],
      example: { path: { source: 'clicks' }, query: { from: '2026-01-01T00:00:00Z' } },
    },
  ]
}
