import { Hono } from 'hono'
import * as z from 'zod'
import { FeatureStoreError, invalid } from '../../core/error.ts'
import { checkFilePath } from '../../core/file-path.ts'
import { LIMITS } from '../../core/limits.ts'
import { LABELS_FOLDER } from '../../offline/start-dataset.ts'
import type { Http } from '../context.ts'
import { CONTENT_LENGTH, type RouteDescription } from '../reference/route-description.ts'
import { sendFile } from '../send-file.ts'

/** What clients may take: label files, datasets and their manifests; nothing else that is on R2. */
const OPEN = /^(labels\/.+|training\/[^/]+\/[^/]+)$/

/** Label rows up, results down. */
export function fileRoutes() {
  const routes = new Hono<Http>()

  routes.put('/files/labels/:name{.+}', async (c) => {
    const path = LABELS_FOLDER + c.req.param('name')
    checkFilePath(path)
    const bytes = Number(c.req.header('content-length') ?? Number.NaN)
    if (!Number.isInteger(bytes)) throw invalid(`Cannot take "${path}": a Content-Length header is needed`)
    if (bytes > LIMITS.labelFileBytesMax) {
      throw new FeatureStoreError(
        'limit_exceeded',
        `Cannot take "${path}": it has more than ${LIMITS.labelFileBytesMax} bytes`,
      )
    }
    if (bytes === 0 || c.req.raw.body === null) throw invalid(`Cannot take "${path}": it is empty`)
    const file = await c.var.platform.files.write(path, c.req.raw.body, bytes)
    return c.json({ path, bytes: file.bytes }, 201)
  })

  routes.get('/files/:path{.+}', async (c) => {
    const path = c.req.param('path')
    checkFilePath(path)
    const file = OPEN.test(path) ? await c.var.platform.files.find(path) : undefined
    if (file === undefined)
      throw new FeatureStoreError('not_found', `Cannot find file "${path}": there is none of that path`)
    return sendFile(c, file)
  })

  return routes
}

/** What these routes take and answer; schemas of answers are made here, for nothing but the reference reads them. */
export function describeFileRoutes(): readonly RouteDescription[] {
  return [
    {
      method: 'put',
      path: '/files/labels/:name{.+}',
      summary: 'Puts a label file under `labels/{name}`',
      headers: [CONTENT_LENGTH],
      body: ['application/x-ndjson', 'text/csv', 'application/vnd.apache.parquet'],
      status: 201,
      answer: z.object({ path: z.string(), bytes: z.int() }),
      refusals: ['limit_exceeded'],
      example: {
        path: { name: 'clicks.ndjson' },
        body: '{"user":"ann","rate":0.5,"event_time":"2026-01-02T00:00:00Z"}\n',
      },
    },
    {
      method: 'get',
      path: '/files/:path{.+}',
      summary:
        "A label file, a dataset's file or its manifest; takes `Range`, `If-Range` and `If-None-Match`",
      status: 200,
      answer: ['application/x-ndjson', 'text/csv', 'application/vnd.apache.parquet', 'application/json'],
      refusals: ['not_found'],
      example: { path: { path: 'labels/clicks.ndjson' } },
    },
  ]
}
