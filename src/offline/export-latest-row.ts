import { logSql, ORDER_COLUMNS, tombstonesSql } from './export-log.ts'
import { type SqlDialect, sqlType } from './sql-dialect.ts'
import type { CommonTable, EntryRead } from './sql-export.ts'

/**
 * The row of a latest-row view that each label sees (S2, S3, S5, S6, S10). Labels and rows of a key stand in one order of
 * time, and the greatest row up to a label, by S6, is a running maximum: one sort, whatever the number of labels.
 */
export function latestRowSql(dialect: SqlDialect, read: EntryRead): CommonTable[] {
  const { view, name, features, keys, given } = read
  const columns = features.map((feature) => view.columns[feature]!)
  const keyNames = keys.map((_, at) => `k${at}`)
  const values = columns.map((_, at) => `f${at}`)
  const nulls = columns.map(({ type }, at) => `CAST(NULL AS ${sqlType(dialect, type)}) AS f${at}`)
  const rows = [...ORDER_COLUMNS, 'is_deleted', ...values]
  const available = given.isKnowledgeCutoff ? 'greatest(event_us, created_us)' : 'event_us'
  const prefix = name.replace('entry_', 'e')
  const log = `${name}_log`
  const timeline = `${name}_timeline`
  const status = (value: string) => {
    const age = 'label_us - row_event_us'
    const isPast = view.retentionUs === null ? '' : ` OR ${age} > ${view.retentionUs}`
    const expired = view.ttlUs === null ? '' : ` WHEN ${age} > ${view.ttlUs} THEN 'expired'`
    return `CASE WHEN newest IS NULL OR row_is_deleted${isPast} THEN 'missing'${expired} WHEN ${value} IS NULL THEN 'null' ELSE 'present' END`
  }
  const taken = columns.map((_, at) => `newest.f${at} AS v${at}`)
  const answers = columns.flatMap((_, at) => [
    `CASE WHEN ${status(`v${at}`)} = 'present' THEN v${at} END AS ${prefix}_f${at}`,
    `${status(`v${at}`)} AS ${prefix}_s${at}`,
  ])
  const own = [...keyNames, ...ORDER_COLUMNS].join(', ')
  return [
    {
      name: log,
      sql: `SELECT ${own}, FALSE AS is_deleted, ${values.join(', ')} FROM (${logSql(dialect, read, columns)}) AS own
  UNION ALL SELECT ${own}, TRUE AS is_deleted, ${nulls.join(', ')} FROM (${tombstonesSql(dialect, read)}) AS deleted`,
    },
    {
      name: timeline,
      // At one time rows come before labels: a label sees what happened at its own time (S2).
      sql: `SELECT CAST(NULL AS BIGINT) AS label_row, ${available} AS at_us, 0 AS turn, ${keyNames.join(', ')}, ${dialect.row(rows)} AS candidate FROM ${log}
  UNION ALL SELECT label_row, label_us, 1, ${keys.join(', ')}, NULL FROM labels`,
    },
    {
      name,
      sql: `SELECT label_row, ${answers.join(', ')} FROM (
    SELECT label_row, at_us AS label_us, newest, newest.event_us AS row_event_us, newest.is_deleted AS row_is_deleted, ${taken.join(', ')} FROM (
      SELECT label_row, at_us, max(candidate) OVER (PARTITION BY ${keyNames.join(', ')} ORDER BY at_us, turn ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS newest FROM ${timeline}
    ) AS seen WHERE label_row IS NOT NULL
  ) AS found`,
    },
  ]
}
