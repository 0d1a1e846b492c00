import { Hono } from 'hono'
import * as z from 'zod'
import { parseInstant } from '../../core/time.ts'
import { encodeAsNdjson, encodeAsParquet } from '../../offline/encode-source-rows.ts'
import { readSourceRows } from '../../offline/read-source-rows.ts'
import { resolveSource } from '../../registry/resolve-name.ts'
import type { Http } from '../context.ts'
import { readQuery } from '../read-query.ts'
import type { RouteDescription } from '../reference/route-description.ts'

const RowsQuery = z.object({
  from: z.string().optional().describe('Only rows whose event time is this or later'),
  to: z.string().optional().describe('Only rows whose event time is earlier'),
  format: z.enum(['ndjson', 'parquet']).default('ndjson').describe('In which the rows are streamed'),
})

const MEDIA_TYPES = { ndjson: 'application/x-ndjson', parquet: 'application/vnd.apache.parquet' } as const

/** The rows that a source has taken in, as they came. */
export function sourceRowRoutes() {
  const routes = new Hono<Http>()

  routes.get('/sources/:source/rows', async (c) => {
    const { from, to, format } = readQuery(c, RowsQuery)
    const times = {
      from: from === undefined ? Number.NEGATIVE_INFINITY : parseInstant(from),
      to: to === undefined ? Number.POSITIVE_INFINITY : parseInstant(to),
    }
    const { platform } = c.var
    const resolved = await resolveSource(platform, c.req.param('source'))
    const encode = format === 'parquet' ? encodeAsParquet : encodeAsNdjson
    const parts = encode(resolved.source.columns, readSourceRows(platform, resolved, times))
    const encoder = new TextEncoder()
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value, done } = await parts.next()
        if (done === true) controller.close()
        else controller.enqueue(typeof value === 'string' ? encoder.encode(value) : value)
      },
      cancel: () => void parts.return(undefined),
    })
    return new Response(body, { headers: { 'content-type': MEDIA_TYPES[format] } })
  })

  return routes
}

export function describeSourceRowRoutes(): readonly RouteDescription[] {
  return [
    {
      method: 'get',
      path: '/sources/:source/rows',
      summary: "A source's accepted rows as they came, streamed as NDJSON or Parquet",
      query: RowsQuery,
      status: 200,
      answer: Object.values(MEDIA_TYPES),
      refusals: ['not_found'],
      example: { path: { source: 'clicks' }, query: { from: '2026-01-01T00:00:00Z' } },
    },
  ]
}
