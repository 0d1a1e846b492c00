import type { AggregationFunction } from '../core/aggregate/aggregation-function.ts'
import { PARAMETER_DEFAULTS } from '../core/aggregate/aggregation-function.ts'
import type { WindowAggregation } from '../core/window/window-plan.ts'
import { windowPlan } from '../definitions/view-transform.ts'
import { logSql, ORDER_COLUMNS, tombstonesSql } from './export-log.ts'
import { type SqlDialect, sqlType } from './sql-dialect.ts'
import type { CommonTable, EntryRead } from './sql-export.ts'

/**
 * The windows of a view at each label (S5, S9, S10, S17, S19, S20): its events from the start of the longest window on,
 * joined by key and time, and aggregated with a condition for each window.
 */
export function windowsSql(dialect: SqlDialect, read: EntryRead): CommonTable[] {
  const { view, name, features, keys, given } = read
  const windows = view.windows!
  const outputs = plannedOutputs(read)
  const used = features.map((feature) => outputs[feature]!)
  const keyNames = keys.map((_, at) => `k${at}`)
  const inputs = view.columns.map((_, at) => `f${at}`)
  const [log, events, deletions] = [`${name}_log`, `${name}_events`, `${name}_deletions`]
  const onKeys = keys.map((key, at) => `labels.${key} = r.k${at}`).join(' AND ')
  const available = given.isKnowledgeCutoff ? 'greatest(r.event_us, r.created_us)' : 'r.event_us'
  const eventId = windows.hasEventId ? inputs.at(-1)! : 'NULL'
  const ownSequence = ['sequence_us', 'sequence_origin', 'sequence_index'].map(
    (column) => `CASE WHEN ${eventId} IS NULL THEN ${column} END`,
  )
  const identity = [...keyNames, 'event_us', ...(windows.hasEventId ? [eventId] : []), ...ownSequence]
  const tails = used.map(({ windowUs, hopUs }) => tailSql(windowUs, hopUs))
  const aggregates = used.flatMap(({ aggregation }, at) =>
    aggregateSql(dialect, aggregation, {
      value: `r.f${aggregation.input}`,
      filter: `r.event_us >= ${tails[at]} AND r.f${aggregation.input} IS NOT NULL`,
    }).map((sql, part) => `${sql} AS a${at}_${part}`),
  )
  const prefix = name.replace('entry_', 'e')
  const answers = used.flatMap(({ aggregation, type }, at) => {
    const { value, isError } = finishSql(aggregation, `a${at}`)
    const status = isError === undefined ? '' : `WHEN ${isError} THEN 'error' `
    const typed = `CAST(CASE WHEN ${isError ?? 'FALSE'} THEN NULL ELSE ${value} END AS ${sqlType(dialect, type)})`
    return [
      `${typed} AS ${prefix}_f${at}`,
      `CASE ${status}WHEN ${value} IS NULL THEN 'null' ELSE 'present' END AS ${prefix}_s${at}`,
    ]
  })
  const earliest = `least(${[...new Set(tails), 'labels.label_us'].join(', ')})`
  return [
    { name: log, sql: logSql(dialect, read, view.columns) },
    {
      name: events,
      // Of one event that came twice, the one that was at the door first counts (S9).
      sql: `SELECT * FROM (SELECT *, ${dialect.row(ORDER_COLUMNS)} AS row_order, row_number() OVER (PARTITION BY ${identity.join(', ')} ORDER BY sequence_us, sequence_origin, sequence_index) AS turn FROM ${log}) AS numbered WHERE turn = 1`,
    },
    {
      name: deletions,
      sql: `SELECT labels.label_row, max(r.event_us) AS through_us FROM labels JOIN (${tombstonesSql(dialect, read)}) AS r ON ${onKeys} AND ${available} <= labels.label_us GROUP BY labels.label_row`,
    },
    {
      name,
      sql: `SELECT label_row, ${answers.join(', ')} FROM (
    SELECT labels.label_row, ${aggregates.join(', ')} FROM labels
    LEFT JOIN ${deletions} AS d ON d.label_row = labels.label_row
    LEFT JOIN ${events} AS r ON ${onKeys} AND r.event_us >= ${earliest} AND ${available} <= labels.label_us AND (d.through_us IS NULL OR r.event_us > d.through_us)
    GROUP BY labels.label_row
  ) AS aggregated`,
    },
  ]
}

interface PlannedOutput {
  readonly aggregation: WindowAggregation
  readonly type: EntryRead['view']['features'][number]['type']
  readonly windowUs: number
  readonly hopUs: number
}

/** What each feature of the view is made of, in their order. */
function plannedOutputs({ view }: EntryRead): PlannedOutput[] {
  const plan = windowPlan(view.windows!)
  const aggregations = view.windows!.aggregations.flatMap((aggregation) =>
    aggregation.windows.map(() => aggregation),
  )
  const outputs: PlannedOutput[] = []
  for (const { hopUs, columns } of plan.series) {
    for (const { windowUs, output } of columns.flatMap((column) => column.windows))
      outputs[output] = {
        aggregation: aggregations[output]!,
        type: plan.outputs[output]!.type,
        windowUs,
        hopUs,
      }
  }
  return outputs
}

/** S17: where a window begins, rounded down to a whole hop. Remainders of times before 1970 are negative. */
function tailSql(windowUs: number, hopUs: number): string {
  const start = `(labels.label_us - ${windowUs})`
  return `(${start} - ((${start} % ${hopUs}) + ${hopUs}) % ${hopUs})`
}

interface Aggregated {
  readonly value: string
  /** Which rows count: those of the window whose input is not null (S19). */
  readonly filter: string
}

/** The aggregates that a function is finished from. */
function aggregateSql(
  dialect: SqlDialect,
  aggregation: WindowAggregation,
  { value, filter }: Aggregated,
): string[] {
  const { n = PARAMETER_DEFAULTS.n, quantile = PARAMETER_DEFAULTS.quantile, inputType } = aggregation
  const where = `FILTER (WHERE ${filter})`
  const exact = inputType === 'int64' ? `CAST(${value} AS DECIMAL(38, 0))` : value
  const order = 'r.row_order'
  const texts: Readonly<Record<AggregationFunction, readonly string[]>> = {
    count: [`count(${value}) ${where}`],
    sum: [`sum(${exact}) ${where}`],
    mean: [`sum(${exact}) ${where}`, `count(${value}) ${where}`],
    min: [`min(${value}) ${where}`],
    max: [`max(${value}) ${where}`],
    variance: [`var_samp(CAST(${value} AS DOUBLE)) ${where}`, `count(${value}) ${where}`],
    stddev: [`stddev_samp(CAST(${value} AS DOUBLE)) ${where}`, `count(${value}) ${where}`],
    first: [dialect.valueAt('first', value, order, filter)],
    last: [dialect.valueAt('last', value, order, filter)],
    first_n: [dialect.valuesAt('first', value, order, filter, n)],
    last_n: [dialect.valuesAt('last', value, order, filter, n)],
    count_distinct: [`count(DISTINCT ${value}) ${where}`],
    approx_count_distinct: [`count(DISTINCT ${value}) ${where}`],
    approx_quantile: [dialect.quantile(value, filter, quantile)],
  }
  return [...texts[aggregation.function]]
}

/** The value of a function from its aggregates, and when it has none because of an error. */
function finishSql(
  { function: name, inputType, max_distinct = PARAMETER_DEFAULTS.max_distinct }: WindowAggregation,
  column: string,
): { readonly value: string; readonly isError?: string } {
  const [first, second] = [`${column}_0`, `${column}_1`]
  if (name === 'sum' && inputType === 'int64')
    return { value: first, isError: `${first} NOT BETWEEN ${-(2n ** 63n)} AND ${2n ** 63n - 1n}` }
  if (name === 'mean') return { value: `CAST(${first} AS DOUBLE) / nullif(${second}, 0)` }
  if (name === 'variance' || name === 'stddev') return { value: `CASE WHEN ${second} > 1 THEN ${first} END` }
  if (name === 'count_distinct')
    return { value: `nullif(${first}, 0)`, isError: `${first} > ${max_distinct}` }
  if (name === 'approx_count_distinct') return { value: `nullif(${first}, 0)` }
  return { value: first }
}
