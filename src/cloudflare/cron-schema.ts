import { integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

// What Cron keeps of itself. Times are microseconds since the epoch.

/** Work that one invocation at a time may do: who has it, until when. */
export const leases = sqliteTable('leases', {
  name: text().primaryKey(),
  holder: text().notNull(),
  expiryTime: integer('expiry_time').notNull(),
})

/** What the duties of Cron came to: of each the last run that did nothing, and the last other one. */
export const dutyRuns = sqliteTable(
  'duty_runs',
  {
    name: text().notNull(),
    isQuiet: integer('is_quiet', { mode: 'boolean' }).notNull(),
    startedTime: integer('started_time').notNull(),
    endedTime: integer('ended_time').notNull(),
    outcome: text(),
    error: text(),
  },
  (table) => [primaryKey({ columns: [table.name, table.isQuiet] })],
)

/** Landed files that cannot become loads as they stand. */
export const refusedFiles = sqliteTable(
  'refused_files',
  {
    source: text().notNull(),
    /** Empty for all of the folder, and its etag likewise. */
    file: text().notNull(),
    etag: text().notNull(),
    reason: text().notNull(),
    time: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.source, table.file, table.etag] })],
)
