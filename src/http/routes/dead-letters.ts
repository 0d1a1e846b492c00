import { Hono } from 'hono'
import * as z from 'zod'
import { LIMITS } from '../../core/limits.ts'
import { formatInstant } from '../../core/time.ts'
import { DEAD_LETTER_STATUSES, type DeadLetter } from '../../definitions/dead-letter.ts'
import { type ReplaySelection, replayDeadLetters } from '../../ingest/replay-dead-letters.ts'
import { cutPage, type Platform } from '../../platform.ts'
import { resolveSource } from '../../registry/resolve-name.ts'
import type { Http } from '../context.ts'
import { decodeCursor, nextOf } from '../cursor.ts'
import { numberParameter } from '../number-parameter.ts'
import { readJson } from '../read-body.ts'
import { readQuery } from '../read-query.ts'
import { Next, Refused, type RouteDescription } from '../reference/route-description.ts'
import { refuseQuery } from '../refuse-query.ts'

const ListQuery = z.object({
  limit: numberParameter(1, LIMITS.deadLettersPageMax).default(100).describe('Letters at most'),
  cursor: z.string().optional().describe('`next` of the page before'),
  source: z.string().optional().describe('Only letters of this source'),
  status: z.enum(DEAD_LETTER_STATUSES).optional().describe('Only letters of this status'),
})

/** A message's own id has no more, nor has one that is made for it. */
const LETTER_ID_CHARS_MAX = 200

const ReplayRequest = z
  .strictObject({
    ids: z.array(z.string().max(LETTER_ID_CHARS_MAX)).min(1).max(LIMITS.replaysPerCallMax).optional(),
    source: z.string().optional(),
    all: z.literal(true).optional(),
  })
  .refine((body) => Object.keys(body).length === 1, 'one of ids, source and all is needed')

/** Messages that could not be taken in: what they are and why, and sending them again. */
export function deadLetterRoutes() {
  const routes = new Hono<Http>()

  routes.get('/dead-letters', async (c) => {
    const { cursor, limit, ...filter } = readQuery(c, ListQuery)
    const after = cursor === undefined ? undefined : decodeCursor(cursor)
    const letters = await c.var.platform.deadLetters.list({ ...filter, after, limit: limit + 1 })
    if (letters.length === 0) await checkSource(c.var.platform, filter.source)
    const cut = cutPage(letters, { after, countMax: limit }, (letter) => letter)
    return c.json({ dead_letters: cut.page.map(letterJson), ...nextOf(cut) })
  })

  routes.post('/dead-letters/replay', refuseQuery, async (c) => {
    const { ids, source } = await readJson(c, ReplayRequest)
    const selection: ReplaySelection = ids === undefined ? { kind: 'kept', source } : { kind: 'ids', ids }
    const { replayed, refused } = await replayDeadLetters(c.var.platform, selection)
    if (replayed.length + refused.length === 0) await checkSource(c.var.platform, source)
    return c.json({ replayed, refused }, 202)
  })

  return routes
}

/** Letters outlive their source: only a name that neither has letters nor is defined is refused (S34). */
async function checkSource(platform: Platform, source: string | undefined): Promise<void> {
  if (source === undefined) return
  const letters = await platform.deadLetters.list({ source, limit: 1 })
  if (letters.length === 0) await resolveSource(platform, source)
}

function letterJson({ id, source, rows, time, reason, attempts, status }: DeadLetter) {
  return { id, source, rows, time: formatInstant(time), reason, attempts, status }
}

/** What these routes take and answer; schemas of answers are made here, for nothing but the reference reads them. */
export function describeDeadLetterRoutes(): readonly RouteDescription[] {
  const Letter = z.object({
    id: z.string(),
    source: z.string().nullable(),
    rows: z.int().nullable(),
    time: z.string(),
    reason: z.string(),
    attempts: z.int(),
    status: z.enum(DEAD_LETTER_STATUSES),
  })
  return [
    {
      method: 'get',
      path: '/dead-letters',
      summary: 'Messages that could not be taken in, newest first',
      query: ListQuery,
      status: 200,
      answer: z.object({ dead_letters: z.array(Letter), next: Next }),
      refusals: ['not_found'],
      example: { query: { source: 'clicks', status: 'kept' } },
    },
    {
      method: 'post',
      path: '/dead-letters/replay',
      summary: 'Sends such messages again',
      body: ReplayRequest,
      status: 202,
      answer: z.object({ replayed: z.array(z.string()), refused: Refused }),
      refusals: ['not_found', 'limit_exceeded'],
      example: { body: { source: 'clicks' } },
    },
  ]
}
