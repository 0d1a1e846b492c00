import { Hono } from 'hono'
import * as z from 'zod'
import { parseInstant } from '../../core/time.ts'
import { encodeAsNdjson, encodeAsParquet, encodeFaults } from '../../offline/encode-source-rows.ts'
import { readSourceRows } from '../../offline/read-source-rows.ts'
import { resolveSource } from '../../registry/resolve-name.ts'
import type { Http } from '../context.ts'
import { readQuery } from '../read-query.ts'
import type { RouteDescription } from '../reference/route-description.ts'

const RowsQuery = z.object({
  from: z.string().optional().describe('Only rows whose event time is this or later'),
  to: z.string().optional().describe('Only rows whose event time is earlier'),
  as_of: z.string().optional().describe('Only rows taken in at this time or earlier'),
  format: z
    .enum(['ndjson', 'parquet', 'faults'])
    .default('ndjson')
    .describe(
      'In which the rows are streamed; `faults` are, as NDJSON, those that the other formats leave out because a value has no cast to its column',
    ),
})

const FORMATS = {
  ndjson: { encode: encodeAsNdjson, mediaType: 'application/x-ndjson' },
  parquet: { encode: encodeAsParquet, mediaType: 'application/vnd.apache.parquet' },
  faults: { encode: encodeFaults, mediaType: 'application/x-ndjson' },
} as const

/** The rows that a source has taken in, as they came. */
export function sourceRowRoutes() {
  const routes = new Hono<Http>()

  routes.get('/sources/:source/rows', async (c) => {
    const { from, to, as_of, format } = readQuery(c, RowsQuery)
    const bounds = {
      from: from === undefined ? Number.NEGATIVE_INFINITY : parseInstant(from),
      to: to === undefined ? Number.POSITIVE_INFINITY : parseInstant(to),
      asOf: as_of === undefined ? undefined : parseInstant(as_of),
    }
    const { platform } = c.var
    const resolved = await resolveSource(platform, c.req.param('source'))
    const { encode, mediaType } = FORMATS[format]
    const parts = encode(resolved.source.columns, readSourceRows(platform, resolved, bounds))
    const encoder = new TextEncoder()
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value, done } = await parts.next()
        if (done === true) controller.close()
        else controller.enqueue(typeof value === 'string' ? encoder.encode(value) : value)
      },
      cancel: () => void parts.return(undefined),
    })
    return new Response(body, { headers: { 'content-type': mediaType } })
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
      answer: [FORMATS.ndjson.mediaType, FORMATS.parquet.mediaType],
      refusals: ['not_found'],
      example: { path: { source: 'clicks' }, query: { from: '2026-01-01T00:00:00Z' } },
    },
  ]
}
