import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { DeadLetterStatus } from '../definitions/dead-letter.ts'
import type {
  DatasetPins,
  DatasetRequest,
  DatasetResult,
  JobKind,
  LoadStatus,
  TokenScope,
} from '../platform.ts'

// Times are microseconds since the epoch. Serving never touches these tables.

/** One row for each registration of segments; the row's id is the commit. */
export const commits = sqliteTable('commits', {
  commit: integer().primaryKey({ autoIncrement: true }),
  time: integer().notNull(),
})

/** The segment manifest: which objects under `log/` count. */
export const segments = sqliteTable(
  'segments',
  {
    path: text().primaryKey(),
    view: text().notNull(),
    version: integer().notNull(),
    bucket: text().notNull(),
    bytes: integer().notNull(),
    rowCount: integer('row_count').notNull(),
    eventTimeMin: integer('event_time_min').notNull(),
    eventTimeMax: integer('event_time_max').notNull(),
    ingestTimeMin: integer('ingest_time_min').notNull(),
    ingestTimeMax: integer('ingest_time_max').notNull(),
    commit: integer().notNull(),
    /** The first commit of its rows where compaction made it of several segments; null: all are of `commit`. */
    commitMin: integer('commit_min'),
    /** When others took its place; null while it counts. */
    replacedTime: integer('replaced_time'),
  },
  (table) => [
    index('segments_by_view').on(table.view, table.version),
    index('segments_by_replaced_time').on(table.replacedTime),
  ],
)

export const loads = sqliteTable(
  'loads',
  {
    id: text().primaryKey(),
    source: text().notNull(),
    file: text().notNull(),
    etag: text().notNull(),
    bytes: integer().notNull(),
    ingestTime: integer('ingest_time').notNull(),
    badRowsMax: integer('bad_rows_max').notNull(),
    /** How often it was tried again. */
    attempt: integer().notNull().default(0),
    status: text().$type<LoadStatus>().notNull(),
    generation: integer().notNull(),
    chunkCount: integer('chunk_count').notNull(),
    isRegistered: integer('is_registered', { mode: 'boolean' }).notNull(),
    error: text(),
    /** JSON list of the columns that its source does not declare. */
    ignored: text({ mode: 'json' }).$type<readonly string[]>().notNull().default([]),
    startedTime: integer('started_time'),
    endedTime: integer('ended_time'),
    heartbeatTime: integer('heartbeat_time').notNull(),
  },
  (table) => [index('loads_by_source').on(table.source), index('loads_by_status').on(table.status)],
)

export const loadChunks = sqliteTable(
  'load_chunks',
  {
    load: text().notNull(),
    chunk: integer().notNull(),
    /** JSON of a `LoadChunk`. */
    content: text().notNull(),
  },
  (table) => [primaryKey({ columns: [table.load, table.chunk] })],
)

/** Batches of rows in quarantine; the rows are on R2. */
export const quarantine = sqliteTable(
  'quarantine',
  {
    source: text().notNull(),
    /** Message, or load and chunk. */
    id: text().notNull(),
    rowCount: integer('row_count').notNull(),
    doorTime: integer('door_time').notNull(),
    /** Of its first row. */
    reason: text().notNull(),
    releasedTime: integer('released_time'),
  },
  (table) => [primaryKey({ columns: [table.source, table.id] })],
)

/** What each message or chunk of the last day left unmet of its source's expectations. */
export const expectationTallies = sqliteTable(
  'expectation_tallies',
  {
    source: text().notNull(),
    /** Message, or load and chunk. */
    id: text().notNull(),
    /** When it was counted. */
    time: integer().notNull(),
    /** JSON: rows by the name of the expectation. */
    counts: text().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.source, table.id] }),
    index('expectation_tallies_by_time').on(table.time),
  ],
)

/** Older tallies, added up. */
export const expectationSums = sqliteTable(
  'expectation_sums',
  {
    source: text().notNull(),
    expectation: text().notNull(),
    unmet: integer().notNull(),
    newestTime: integer('newest_time').notNull(),
  },
  (table) => [primaryKey({ columns: [table.source, table.expectation] })],
)

/** Jobs beside loads. */
export const jobs = sqliteTable(
  'jobs',
  {
    id: text().primaryKey(),
    kind: text().$type<JobKind>().notNull(),
    subject: text().notNull(),
    /** JSON of what it is to do. */
    params: text().notNull(),
    status: text().$type<LoadStatus>().notNull(),
    done: integer().notNull(),
    total: integer().notNull(),
    error: text(),
    startedTime: integer('started_time').notNull(),
    heartbeatTime: integer('heartbeat_time').notNull(),
  },
  (table) => [index('jobs_by_status').on(table.status)],
)

/** Training datasets; the job that makes one has its id. */
export const trainingDatasets = sqliteTable(
  'training_datasets',
  {
    id: text().primaryKey(),
    name: text().notNull(),
    request: text({ mode: 'json' }).$type<DatasetRequest>().notNull(),
    pins: text({ mode: 'json' }).$type<DatasetPins>(),
    result: text({ mode: 'json' }).$type<DatasetResult>(),
    touched: text(),
    createdTime: integer('created_time').notNull(),
    schedule: text(),
  },
  (table) => [index('training_datasets_by_time').on(table.createdTime)],
)

/** Finished steps of datasets that are being made. */
export const trainingSteps = sqliteTable(
  'training_steps',
  { dataset: text().notNull(), step: text().notNull(), content: text().notNull() },
  (table) => [primaryKey({ columns: [table.dataset, table.step] })],
)

/** Datasets that are made again and again. */
export const trainingSchedules = sqliteTable(
  'training_schedules',
  {
    id: text().primaryKey(),
    name: text().notNull(),
    cron: text().notNull(),
    request: text().notNull(),
    createdTime: integer('created_time').notNull(),
    nextTime: integer('next_time'),
    leaseTime: integer('lease_time').notNull(),
  },
  (table) => [index('training_schedules_by_next_time').on(table.nextTime, table.id)],
)

/** What a fill reads and has made of it, chunk by chunk. */
export const fillChunks = sqliteTable(
  'fill_chunks',
  {
    fill: text().notNull(),
    chunk: integer().notNull(),
    /** JSON of a `FillChunk`. */
    content: text().notNull(),
  },
  (table) => [primaryKey({ columns: [table.fill, table.chunk] })],
)

/** Pushes that named an `Idempotency-Key`, and what they were answered. */
export const pushes = sqliteTable(
  'pushes',
  {
    id: text().primaryKey(),
    pushId: text('push_id').notNull(),
    doorTime: integer('door_time').notNull(),
    generation: integer().notNull(),
    bodyFingerprint: text('body_fingerprint').notNull(),
    answer: text(),
  },
  (table) => [index('pushes_by_door_time').on(table.doorTime)],
)

/** Messages that could not be taken in; their bodies are on R2. */
export const deadLetters = sqliteTable(
  'dead_letters',
  {
    id: text().primaryKey(),
    source: text(),
    rows: integer(),
    time: integer().notNull(),
    reason: text().notNull().default('It was kept before reasons were'),
    attempts: integer().notNull().default(0),
    status: text().$type<DeadLetterStatus>().notNull().default('kept'),
    replayedTime: integer('replayed_time'),
  },
  (table) => [index('dead_letters_by_time').on(table.time)],
)

/** The last failure of each message that is still being tried: its reason, should it end as a dead letter. */
export const messageFailures = sqliteTable(
  'message_failures',
  {
    id: text().primaryKey(),
    reason: text().notNull(),
    attempts: integer().notNull(),
    time: integer().notNull(),
  },
  (table) => [index('message_failures_by_time').on(table.time)],
)

/** Tokens beside the administrator's; the tokens themselves are nowhere. */
export const tokens = sqliteTable('tokens', {
  id: text().primaryKey(),
  name: text().notNull(),
  /** SHA-256 in hex. */
  hash: text().notNull().unique(),
  scopes: text({ mode: 'json' }).$type<readonly TokenScope[]>().notNull(),
  /** Definitions it is limited to; null for all. */
  names: text({ mode: 'json' }).$type<readonly string[]>(),
  createdTime: integer('created_time').notNull(),
  author: text().notNull(),
  expiresTime: integer('expires_time'),
  revokedTime: integer('revoked_time'),
})
