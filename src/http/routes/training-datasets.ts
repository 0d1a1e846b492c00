import { type Context, Hono } from 'hono'
import * as z from 'zod'
import { LIMITS } from '../../core/limits.ts'
import { type Instant, parseInstant } from '../../core/time.ts'
import { describeDataset, listDatasets } from '../../offline/describe-dataset.ts'
import { findDataset } from '../../offline/open-dataset.ts'
import { readDatasetSql, readRequestSql } from '../../offline/read-sql-export.ts'
import { startSchedule } from '../../offline/schedule-datasets.ts'
import { SQL_ENGINES } from '../../offline/sql-dialect.ts'
import { type DatasetSpec, startAgain, startDataset } from '../../offline/start-dataset.ts'
import type { Platform } from '../../platform.ts'
import { readWritingSnapshot } from '../../registry/current-snapshot.ts'
import { findView } from '../../registry/resolve-name.ts'
import { recompileGeneration } from '../../registry/store-generation.ts'
import type { Http } from '../context.ts'
import { decodeCursors, nextOfAll } from '../cursor.ts'
import { numberParameter } from '../number-parameter.ts'
import { checkJson, readJson } from '../read-body.ts'
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
  limit: numberParameter(1, LIMITS.datasetsPageMax).default(20).describe('Datasets, and schedules, at most'),
  cursor: z.string().optional().describe('`next` of the page before'),
})

const DatasetRequest = z.strictObject({
  name: z.string().min(1).max(LIMITS.datasetNameCharsMax),
  feature_service: z.string(),
  labels: z.union([
    z.strictObject({ path: z.string() }),
    z.strictObject({ entities: z.string(), at: z.string().optional() }),
  ]),
  as_of: z.string().optional(),
  knowledge_cutoff: z.boolean().default(false),
  statuses: z.boolean().default(false),
  schedule: z.string().optional(),
})
type DatasetRequest = z.output<typeof DatasetRequest>

/** The same without a schedule: a query recurs where it is run. */
const SqlRequest = DatasetRequest.omit({ schedule: true })

const SqlQuery = z.object({
  engine: z.enum(SQL_ENGINES).describe('Whose SQL it is'),
  /** Quotes and braces would end a path, or make a pattern of it. */
  base: z
    .string()
    .max(1_000)
    .regex(/^[^'"`{}*?[\]\\\s]+$/, 'a path or an address without quotes, spaces and patterns is needed')
    .optional()
    .describe('Where the engine finds the bucket'),
})

const AgainRequest = z.strictObject({ again: z.string() })

const SnapshotRequest = z.strictObject({
  at: z.string(),
  as_of: z.string().optional(),
  statuses: z.boolean().default(false),
})

/** Training datasets, and a view's values at a time, which are made in the same way. */
export function trainingDatasetRoutes() {
  const routes = new Hono<Http>()

  routes.get('/training-datasets', async (c) => {
    const { limit, cursor } = readQuery(c, ListQuery)
    const after = cursor === undefined ? [] : decodeCursors(cursor, 2)
    const { datasets, schedules } = await listDatasets(c.var.platform, after, limit)
    return c.json({
      training_datasets: datasets.page,
      schedules: schedules.page,
      ...nextOfAll([datasets, schedules]),
    })
  })

  routes.post('/training-datasets', refuseQuery, async (c) => {
    const { platform } = c.var
    const body = await readJson(c, z.record(z.string(), z.unknown()))
    if ('again' in body) {
      const { again } = checkJson(body, AgainRequest)
      return c.json(await makeAgain(platform, again), 202)
    }
    const request = checkJson(body, DatasetRequest)
    const spec = specOf(request)
    if (request.schedule !== undefined) {
      const id = await startSchedule(platform, spec, request.schedule)
      return c.json({ id, status: 'scheduled' }, 202)
    }
    const { id } = await startDataset(platform, spec)
    return c.json({ id, status: 'queued' }, 202)
  })

  routes.post('/training-datasets/sql', async (c) => {
    const target = readQuery(c, SqlQuery)
    const request = checkJson(await readJson(c, z.record(z.string(), z.unknown())), SqlRequest)
    return sqlAnswer(c, await readRequestSql(c.var.platform, specOf(request), target))
  })

  routes.get('/training-datasets/:id/sql', async (c) => {
    const target = readQuery(c, SqlQuery)
    return sqlAnswer(c, await readDatasetSql(c.var.platform, c.req.param('id') ?? '', target))
  })

  routes.get('/training-datasets/:id', refuseQuery, async (c) =>
    c.json(await describeDataset(c.var.platform, c.req.param('id') ?? '')),
  )

  routes.post('/feature-views/:view/snapshot', refuseQuery, async (c) => {
    const { platform } = c.var
    const { at, as_of, statuses } = await readJson(c, SnapshotRequest)
    const name = c.req.param('view') ?? ''
    const view = findView(await readWritingSnapshot(platform, { views: [name] }), name)
    const { id } = await startDataset(platform, {
      name: `${view.name} at ${at}`,
      of: { kind: 'view', name: view.name },
      labels: { kind: 'entities', entity: view.entity, at: parseInstant(at) },
      asOf: optionalInstant(as_of),
      isKnowledgeCutoff: false,
      hasStatuses: statuses,
    })
    return c.json({ id, status: 'queued' }, 202)
  })

  return routes
}

/** A release compiles generations in a form of its own: what an older one pinned is compiled anew. */
async function makeAgain(platform: Platform, again: string) {
  const { pins } = await findDataset(platform, again)
  if (pins !== null) await recompileGeneration(platform, pins.generation)
  const { id } = await startAgain(platform, again)
  return { id, status: 'queued' }
}

function specOf(request: Omit<DatasetRequest, 'schedule'>): DatasetSpec {
  const { name, feature_service, labels, as_of, knowledge_cutoff, statuses } = request
  return {
    name,
    of: { kind: 'service', name: feature_service },
    labels:
      'path' in labels
        ? { kind: 'file', path: labels.path }
        : { kind: 'entities', entity: labels.entities, at: optionalInstant(labels.at) },
    asOf: optionalInstant(as_of),
    isKnowledgeCutoff: knowledge_cutoff,
    hasStatuses: statuses,
  }
}

function sqlAnswer(c: Context<Http>, sql: string) {
  return c.body(sql, 200, { 'content-type': 'application/sql; charset=utf-8' })
}

function optionalInstant(text: string | undefined): Instant | null {
  return text === undefined ? null : parseInstant(text)
}

/** What these routes take and answer; schemas of answers are made here, for nothing but the reference reads them. */
export function describeTrainingDatasetRoutes(): readonly RouteDescription[] {
  const About = z.object({
    id: z.string(),
    name: z.string(),
    feature_service: z.string().optional(),
    feature_view: z.string().optional(),
    created_time: z.string(),
  })
  const Labels = z.union([
    z.strictObject({ path: z.string() }),
    z.strictObject({ entities: z.string(), at: z.string().optional() }),
  ])
  const time = z.string().nullable()
  const Dataset = About.extend({
    labels: Labels,
    status: JobStatus,
    progress: Progress,
    error: z.string().nullable(),
    row_count: z.int().nullable(),
    files: z.array(z.object({ path: z.string(), rows: z.int(), bytes: z.int() })),
    manifest: z.string().nullable(),
    generation: z.int().nullable(),
    feature_views: z.array(z.string()).nullable(),
    as_of: time,
    commit: z.int().nullable(),
    knowledge_cutoff: z.boolean(),
    statuses: z.boolean(),
    schedule: z.string().nullable().describe('Id of the schedule that made it'),
    touched: z.string().nullable().describe('Why it can no longer be made again'),
  })
  const Schedule = About.extend({
    labels: Labels,
    status: z.enum(['scheduled', 'cancelled']),
    schedule: z.string().describe('Five fields of cron, UTC'),
    next_time: time,
  })
  return [
    {
      method: 'get',
      path: '/training-datasets',
      summary: 'Datasets and schedules, newest first, a page at a time',
      query: ListQuery,
      status: 200,
      answer: z.object({ training_datasets: z.array(Dataset), schedules: z.array(Schedule), next: Next }),
      example: { query: { limit: '10' } },
    },
    {
      method: 'post',
      path: '/training-datasets',
      summary: 'Makes a training dataset, or one again, or one at each due time',
      body: z.union([DatasetRequest, AgainRequest]),
      status: 202,
      answer: Started,
      refusals: ['not_found', 'failed_precondition', 'limit_exceeded'],
      example: {
        body: {
          name: 'clicks of January',
          feature_service: 'ranker',
          labels: { path: 'labels/clicks.ndjson' },
        },
      },
    },
    {
      method: 'post',
      path: '/training-datasets/sql',
      summary: 'The whole join of a request as SQL, over the files of the log',
      query: SqlQuery,
      body: SqlRequest,
      status: 200,
      answer: ['application/sql; charset=utf-8'],
      refusals: ['not_found', 'failed_precondition', 'limit_exceeded'],
      example: {
        query: { engine: 'duckdb' },
        body: {
          name: 'clicks of January',
          feature_service: 'ranker',
          labels: { path: 'labels/clicks.parquet' },
        },
      },
    },
    {
      method: 'get',
      path: '/training-datasets/:id/sql',
      summary: 'The join of a dataset as SQL, over the files it was made of',
      query: SqlQuery,
      status: 200,
      answer: ['application/sql; charset=utf-8'],
      refusals: ['not_found', 'failed_precondition'],
      example: { path: { id: EXAMPLE_ID }, query: { engine: 'duckdb' } },
    },
    {
      method: 'get',
      path: '/training-datasets/:id',
      summary: 'How far a dataset has come, where its files are, what it is pinned to; or a schedule',
      status: 200,
      answer: z.union([Dataset, Schedule]),
      refusals: ['not_found'],
      example: { path: { id: EXAMPLE_ID } },
    },
    {
      method: 'post',
      path: '/feature-views/:view/snapshot',
      summary: "A view's values of every entity at a time, as a dataset",
      body: SnapshotRequest,
      status: 202,
      answer: Started,
      refusals: ['not_found', 'limit_exceeded'],
      example: { path: { view: 'last_click' }, body: { at: '2026-01-01T00:00:00Z' } },
    },
  ]
}
