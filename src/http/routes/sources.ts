import { type Context, Hono } from 'hono'
import * as z from 'zod'
import { describeLoad } from '../../batch/describe-load.ts'
import { startLoads } from '../../batch/start-loads.ts'
import { FeatureStoreError, invalid } from '../../core/error.ts'
import { checkFilePath } from '../../core/file-path.ts'
import { parseJson } from '../../core/json.ts'
import { LIMITS } from '../../core/limits.ts'
import { formatInstant } from '../../core/time.ts'
import { Expectation } from '../../definitions/source.ts'
import { pushEvents } from '../../ingest/push-events.ts'
import type { LoadRecord } from '../../platform.ts'
import { readExpectations } from '../../registry/read-expectations.ts'
import { resolveSource } from '../../registry/resolve-name.ts'
import type { Http } from '../context.ts'
import { readIdempotencyKey } from '../idempotency-key.ts'
import { checkJson, readJson, readText } from '../read-body.ts'
import {
  CONTENT_LENGTH,
  EXAMPLE_CLICK,
  EXAMPLE_ID,
  IDEMPOTENCY_KEY,
  JobStatus,
  Progress,
  type RouteDescription,
} from '../reference/route-description.ts'

const PushRequest = z.strictObject({ events: z.array(z.unknown()) })

const LoadRequest = z
  .strictObject({
    files: z.array(z.string()).min(1).max(LIMITS.loadsPerCallMax).optional(),
    max_bad_rows: z
      .int()
      .min(0)
      .optional()
      .describe('0 of a load that begins, as before of one that is tried again'),
  })
  .default({})

/** A source's two doors, push and landing files, and the loads that come of the second. */
export function sourceRoutes() {
  const routes = new Hono<Http>()

  routes.post('/sources/:source/events', async (c) => {
    const key = readIdempotencyKey(c)
    const push = {
      source: c.req.param('source'),
      events: await readEvents(c),
      idempotency: key === undefined ? undefined : { token: c.var.caller, key },
    }
    return c.json(await pushEvents(c.var.platform, push), 202)
  })

  routes.get('/sources/:source/expectations', async (c) => {
    const source = c.req.param('source')
    const expectations = await readExpectations(c.var.platform, source)
    return c.json({
      source,
      expectations: expectations.map(({ definition, sum }) => ({
        ...definition,
        unmet: sum?.unmet ?? 0,
        unmet_last_day: sum?.unmetSince ?? 0,
        newest_time: sum === undefined ? null : formatInstant(sum.newestTime),
      })),
    })
  })

  routes.put('/sources/:source/files/:name{.+}', async (c) => {
    const { source, name } = c.req.param()
    checkFilePath(name)
    await resolveSource(c.var.platform, source)
    const bytes = Number(c.req.header('content-length') ?? Number.NaN)
    if (!Number.isInteger(bytes)) throw invalid('Cannot land file: a Content-Length header is needed')
    if (bytes > LIMITS.landingFileBytesMax) {
      throw new FeatureStoreError(
        'limit_exceeded',
        `Cannot land file: more than ${LIMITS.landingFileBytesMax} bytes`,
      )
    }
    if (bytes === 0 || c.req.raw.body === null) throw invalid('Cannot land file: it is empty')
    const file = await c.var.platform.landing.write(source, name, c.req.raw.body, bytes)
    return c.json({ path: `landing/${source}/${name}`, bytes: file.bytes }, 201)
  })

  routes.post('/sources/:source/loads', async (c) => {
    const { files, max_bad_rows } = await readJson(c, LoadRequest)
    const loads = await startLoads(c.var.platform, c.req.param('source'), { files, badRowsMax: max_bad_rows })
    return c.json({ loads: loads.map(loadJson) }, 202)
  })

  routes.get('/loads/:id', async (c) => c.json(await describeLoad(c.var.platform, c.req.param('id'))))

  return routes
}

function loadJson({ id, file, status, badRowsMax }: LoadRecord) {
  return { id, file, status, max_bad_rows: badRowsMax }
}

/** `{"events": […]}`, or NDJSON when the content type says so. */
async function readEvents(c: Context<Http>): Promise<readonly unknown[]> {
  const text = await readText(c)
  if (!/\bx?-?ndjson\b/.test(c.req.header('content-type') ?? '')) {
    return checkJson(parseJson(text, 'body as JSON'), PushRequest).events
  }
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line, at) => parseJson(line, `line ${at + 1} as JSON`))
}

/** What these routes take and answer; schemas of answers are made here, for nothing but the reference reads them. */
export function describeSourceRoutes(): readonly RouteDescription[] {
  const MaxBadRows = z
    .int()
    .describe('Bad rows that the load may have: those of its first start or last retry')
  return [
    {
      method: 'post',
      path: '/sources/:source/events',
      summary: 'Pushes events, as JSON or as NDJSON (`application/x-ndjson`)',
      headers: [IDEMPOTENCY_KEY],
      body: PushRequest,
      status: 202,
      answer: z.object({
        push_id: z.string(),
        accepted: z.int(),
        rejected: z.array(z.object({ index: z.int(), code: z.string(), message: z.string() })),
      }),
      refusals: ['not_found', 'failed_precondition', 'limit_exceeded'],
      example: { path: { source: 'clicks' }, body: { events: [EXAMPLE_CLICK] } },
    },
    {
      method: 'get',
      path: '/sources/:source/expectations',
      summary: "A source's expectations and how many rows did not meet each",
      status: 200,
      answer: z.object({
        source: z.string(),
        expectations: z.array(
          Expectation.extend({
            unmet: z.int(),
            unmet_last_day: z.int(),
            newest_time: z.string().nullable(),
          }),
        ),
      }),
      refusals: ['not_found'],
      example: { path: { source: 'clicks' } },
    },
    {
      method: 'put',
      path: '/sources/:source/files/:name{.+}',
      summary: 'Lands a file',
      headers: [CONTENT_LENGTH],
      body: ['application/x-ndjson', 'text/csv', 'application/vnd.apache.parquet'],
      status: 201,
      answer: z.object({ path: z.string(), bytes: z.int() }),
      refusals: ['not_found', 'limit_exceeded'],
      example: {
        path: { source: 'clicks', name: 'january.ndjson' },
        body: `${JSON.stringify(EXAMPLE_CLICK)}\n`,
      },
    },
    {
      method: 'post',
      path: '/sources/:source/loads',
      summary: 'Starts loads of named files, or of all that were not loaded yet',
      body: LoadRequest,
      status: 202,
      answer: z.object({
        loads: z.array(
          z.object({ id: z.string(), file: z.string(), status: JobStatus, max_bad_rows: MaxBadRows }),
        ),
      }),
      refusals: ['not_found', 'failed_precondition', 'limit_exceeded'],
      example: { path: { source: 'clicks' }, body: { files: ['january.ndjson'] } },
    },
    {
      method: 'get',
      path: '/loads/:id',
      summary: 'How far a load has come',
      status: 200,
      answer: z.object({
        id: z.string(),
        source: z.string(),
        file: z.string(),
        bytes: z.int(),
        status: JobStatus,
        rows: z.object({ read: z.int(), written: z.int(), rejected: z.int(), quarantined: z.int() }),
        max_bad_rows: MaxBadRows,
        progress: Progress,
        started_time: z.string().nullable(),
        ended_time: z.string().nullable(),
        rows_per_second: z.number().nullable(),
        expected_end_time: z.string().nullable(),
        rejections: z.array(z.object({ row: z.int(), message: z.string() })),
        ignored_columns: z.array(z.string()),
        error: z.string().optional(),
      }),
      refusals: ['not_found'],
      example: { path: { id: EXAMPLE_ID } },
    },
  ]
}
