import type { DuckDBConnection } from '@duckdb/node-api'
import { openDuckdb } from './open-duckdb.ts'

/** A row of a log as DuckDB is told of it: an order, or a tombstone by what it deletes from. */
export interface DuckdbRow {
  readonly user: string
  readonly kind: string
  readonly id: string | null
  readonly value: bigint | null
  /** As they were written, with an offset or without. */
  readonly eventText: string
  readonly createdText: string
  readonly ingestTime: number
  /** The earliest commit of its segments; null while it waits in a writer alone. */
  readonly commit: number | null
  readonly sequenceTime: number
  readonly sequenceOrigin: string
  readonly sequenceIndex: number
}

export interface DuckdbLabel {
  readonly user: string
  readonly friend: string
  readonly timeText: string
}

export interface DuckdbPins {
  readonly asOf: number | undefined
  readonly commit: number | undefined
  readonly isKnowledgeCutoff: boolean
}

export interface DuckdbAnswer {
  readonly value: bigint | null
  readonly status: string
}

/** A database of its own, with times in UTC where a text has no offset (S1). */
export async function openDuckdbForJoins(): Promise<DuckDBConnection> {
  const duckdb = await openDuckdb()
  await duckdb.run("SET TimeZone = 'UTC'")
  await duckdb.run(
    'CREATE TABLE r ("user" TEXT, kind TEXT, id TEXT, value BIGINT, e TIMESTAMPTZ, c TIMESTAMPTZ, i BIGINT, commit INT, st BIGINT, so TEXT, si INT)',
  )
  await duckdb.run('CREATE TABLE l (n INT, "user" TEXT, friend TEXT, t TIMESTAMPTZ)')
  return duckdb
}

/**
 * By the letter of the rules, in SQL that has nothing to do with what the store exports: each label's newest order within 20
 * minutes, its sums of 10 minutes and an hour, the last of an hour, and its friend's newest order (S1-S6, S9, S10, S17-S23).
 */
export async function duckdbJoin(
  duckdb: DuckDBConnection,
  {
    log,
    labels,
    pins,
  }: {
    readonly log: readonly DuckdbRow[]
    readonly labels: readonly DuckdbLabel[]
    readonly pins: DuckdbPins
  },
): Promise<DuckdbAnswer[][]> {
  await duckdb.run('DELETE FROM r; DELETE FROM l')
  const rows = log.map((row) =>
    tuple(
      row.user,
      row.kind,
      row.id,
      row.value,
      row.eventText,
      row.createdText,
      row.ingestTime,
      row.commit,
      row.sequenceTime,
      row.sequenceOrigin,
      row.sequenceIndex,
    ),
  )
  if (rows.length > 0) await duckdb.run(`INSERT INTO r VALUES ${rows}`)
  await duckdb.run(
    `INSERT INTO l VALUES ${labels.map((label, n) => tuple(n, label.user, label.friend, label.timeText))}`,
  )
  const reader = await duckdb.runAndReadAll(joinSql(pins))
  return reader.getRows().map((row) =>
    [0, 2, 4, 6, 8].map((at) => ({
      value: row[at] === null ? null : BigInt(row[at] as bigint),
      status: row[at + 1] as string,
    })),
  )
}

function tuple(...values: readonly (string | number | bigint | null)[]): string {
  const literals = values.map((value) =>
    value === null ? 'NULL' : typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value),
  )
  return `(${literals})`
}

function joinSql({ asOf, commit, isKnowledgeCutoff }: DuckdbPins): string {
  const order = 'e DESC, c DESC, st DESC, so DESC, si DESC'
  const newest = (name: string, key: string) => `${name} AS (
    SELECT l.n,
      CASE WHEN e >= t - INTERVAL 20 MINUTES AND kind = 'order' THEN value END AS value,
      CASE WHEN kind IS NULL OR kind <> 'order' THEN 'missing' WHEN e < t - INTERVAL 20 MINUTES THEN 'expired'
        WHEN value IS NULL THEN 'null' ELSE 'present' END AS status
    FROM l LEFT JOIN known r ON r."user" = l.${key} AND ${seen} AND kind <> 'spending'
    QUALIFY row_number() OVER (PARTITION BY l.n ORDER BY ${order}) = 1)`
  const seen = `e <= t${isKnowledgeCutoff ? ' AND c <= t' : ''}`
  const tail = (window: string) => `e >= time_bucket(INTERVAL 5 MINUTES, t - INTERVAL ${window})`
  return `
  WITH known AS (
    SELECT * FROM r WHERE ${asOf === undefined ? 'true' : `i <= ${asOf}`} AND ${commit === undefined ? 'true' : `commit <= ${commit}`}),
  ${newest('own', '"user"')}, ${newest('friends', 'friend')},
  visible AS (SELECT l.n, l.t, r.* EXCLUDE ("user") FROM l JOIN known r ON r."user" = l."user" AND ${seen}),
  deleted AS (SELECT n, max(e) AS through FROM visible WHERE kind IN ('all', 'spending') GROUP BY n),
  events AS (
    SELECT visible.* FROM visible LEFT JOIN deleted USING (n) WHERE kind = 'order' AND (through IS NULL OR e > through)
    QUALIFY row_number() OVER (PARTITION BY n, e, coalesce('id ' || id, 'sequence ' || si) ORDER BY st, so, si) = 1),
  windows AS (
    SELECT n, sum(value) FILTER (${tail('10 MINUTES')})::BIGINT AS short, sum(value) FILTER (${tail('1 HOUR')})::BIGINT AS long,
      last(value ORDER BY e, c, st, so, si) FILTER (${tail('1 HOUR')} AND value IS NOT NULL) AS last
    FROM events GROUP BY n)
  SELECT own.value, own.status,
    short, if(short IS NULL, 'null', 'present'), long, if(long IS NULL, 'null', 'present'),
    windows.last, if(windows.last IS NULL, 'null', 'present'), friends.value, friends.status
  FROM l JOIN own USING (n) JOIN friends USING (n) LEFT JOIN windows USING (n) ORDER BY n`
}
