import { Hono } from 'hono'
import * as z from 'zod'
import { LIMITS } from '../../core/limits.ts'
import { formatInstant } from '../../core/time.ts'
import { splitCells } from '../../core/value.ts'
import { releaseQuarantine } from '../../ingest/release-quarantine.ts'
import { cutPage, type QuarantineBatch } from '../../platform.ts'
import { resolveSource } from '../../registry/resolve-name.ts'
import type { Http } from '../context.ts'
import { decodeCursor, nextOf } from '../cursor.ts'
import { numberParameter } from '../number-parameter.ts'
import { readJson } from '../read-body.ts'
import { readQuery } from '../read-query.ts'
import { FeatureValue, Next, Refused, type RouteDescription } from '../reference/route-description.ts'
import { refuseQuery } from '../refuse-query.ts'

const ListQuery = z.object({
  source: z.string().describe('The source whose rows they are'),
  limit: numberParameter(1, LIMITS.quarantineBatchesMax)
    .default(20)
    .describe('Batches at most: a message or a chunk of a load each'),
  cursor: z.string().optional().describe('`next` of the page before'),
})

const ReleaseRequest = z.strictObject({
  source: z.string(),
  ids: z.array(z.string()).min(1).max(LIMITS.quarantineBatchesMax).optional(),
})

/** Rows that were taken in but could not be used: what they are and why, and sending them again. */
export function quarantineRoutes() {
  const routes = new Hono<Http>()

  routes.get('/quarantine', async (c) => {
    const { source, limit, cursor } = readQuery(c, ListQuery)
    const after = cursor === undefined ? undefined : decodeCursor(cursor)
    const { quarantine } = c.var.platform
    const found = await quarantine.list({ source, after, countMax: limit + 1 })
    if (found.length === 0) await resolveSource(c.var.platform, source)
    const cut = cutPage(found, { after, countMax: limit }, ({ doorTime: time, id }) => ({ time, id }))
    const rows: string[] = []
    for (const { id } of cut.page) {
      const batch = await quarantine.read(source, id)
      if (batch !== undefined) rows.push(...rowTexts(batch))
    }
    const { next } = nextOf(cut)
    const end = next === undefined ? '' : `,"next":${JSON.stringify(next)}`
    return c.body(`{"quarantine":[${rows.join()}]${end}}`, 200, { 'content-type': 'application/json' })
  })

  routes.post('/quarantine/release', refuseQuery, async (c) => {
    const release = await readJson(c, ReleaseRequest)
    const answer = await releaseQuarantine(c.var.platform, release)
    if (answer.released.length + answer.refused.length === 0)
      await resolveSource(c.var.platform, release.source)
    return c.json(answer, 202)
  })

  return routes
}

/** Each row as JSON: its cells are JSON texts already, and keep every digit. */
function rowTexts({ id, source, doorTime, columns, rows }: QuarantineBatch): string[] {
  return rows.map(({ index, view, reason, cells }) => {
    const values = splitCells(cells)
    const row = columns.map((column, at) => `${JSON.stringify(column)}:${values[at]}`).join()
    const head = JSON.stringify({ id, source, index, view, reason, time: formatInstant(doorTime) })
    return `${head.slice(0, -1)},"row":{${row}}}`
  })
}

/** What these routes take and answer; schemas of answers are made here, for nothing but the reference reads them. */
export function describeQuarantineRoutes(): readonly RouteDescription[] {
  return [
    {
      method: 'get',
      path: '/quarantine',
      summary: 'Rows that an expectation or a failing expression keeps back, with the reason, newest first',
      query: ListQuery,
      status: 200,
      answer: z.object({
        quarantine: z.array(
          z.object({
            id: z.string(),
            source: z.string(),
            index: z.int(),
            view: z.string().nullable(),
            reason: z.string(),
            time: z.string(),
            row: z.record(z.string(), FeatureValue),
          }),
        ),
        next: Next,
      }),
      refusals: ['not_found'],
      example: { query: { source: 'clicks' } },
    },
    {
      method: 'post',
      path: '/quarantine/release',
      summary: 'Sends such rows again, under the stamps they had',
      body: ReleaseRequest,
      status: 202,
      answer: z.object({ released: z.array(z.string()), refused: Refused }),
      refusals: ['not_found', 'limit_exceeded'],
      example: { body: { source: 'clicks' } },
    },
  ]
}
