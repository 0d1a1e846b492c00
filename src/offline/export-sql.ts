import { formatInstant } from '../core/time.ts'
import { onDemandTypedFeatures } from '../definitions/on-demand-transform.ts'
import { neededColumns } from './dataset-service.ts'
import { latestRowSql } from './export-latest-row.ts'
import { windowsSql } from './export-windows.ts'
import { expressionSql } from './expression-sql.ts'
import { LABEL_TIME } from './parse-labels.ts'
import type { SqlDialect } from './sql-dialect.ts'
import { type CommonTable, columnValue, type SqlExport } from './sql-export.ts'

/**
 * The point-in-time join of a service, windows and on-demand features included, as one query over the Parquet files that
 * the store would read. Pure. Rows are those of the store's own join, but for what the head of the text says.
 *
 * ```
 *  labels ──┬─> entry 0: log ∪ tombstones, the S6 maximum up to each label ──┬─> row ─> computed 0 ─> … ─> SELECT
 *           └─> entry 1: events within each label's windows, aggregated    ──┘
 * ```
 *
 * Throws `failed_precondition` naming a function that the engine has nothing for.
 */
export function exportSql(dialect: SqlDialect, given: SqlExport): string {
  const { resolved, labels } = given
  const { snapshot, service } = resolved
  const parts: CommonTable[] = [{ name: 'labels', sql: labelsSql(dialect, given) }]
  service.entries.forEach((entry, at) => {
    const view = snapshot.views[entry.view]!
    const lookup = service.lookups[entry.lookup]!
    const keys = lookup.inputs.map((input) => `i${input}`)
    const read = { view, name: `entry_${at}`, features: entry.features, keys, given }
    parts.push(...(view.windows === null ? latestRowSql(dialect, read) : windowsSql(dialect, read)))
  })
  const entryColumns = service.entries.flatMap(({ features }, entry) =>
    features.flatMap((_, feature) => [`e${entry}_f${feature}`, `e${entry}_s${feature}`]),
  )
  const joins = service.entries.map((_, entry) => `LEFT JOIN entry_${entry} USING (label_row)`)
  parts.push({
    name: 'joined_rows',
    sql: `SELECT ${['labels.*', ...entryColumns].join(', ')} FROM labels ${joins.join(' ')}`,
  })
  const { outputs, source } = computedSql(dialect, given, parts)
  const passing = labels.columns.map(({ name }, at) => `l${at} AS ${dialect.name(name)}`)
  const features = service.features.map(({ name }, at) => `${outputs[at]!.value} AS ${dialect.name(name)}`)
  const statuses = service.features.map(
    ({ name }, at) => `${outputs[at]!.status} AS ${dialect.name(`${name}_status`)}`,
  )
  const selected = [...passing, ...features, ...(given.hasStatuses ? statuses : [])]
  const tables = parts.map(({ name, sql }) => `${name} AS (\n  ${sql}\n)`)
  return [
    ...headLines(dialect, given),
    ...dialect.settings,
    `WITH ${tables.join(',\n')}`,
    `SELECT ${selected.join(',\n  ')}\nFROM ${source}\nORDER BY label_row;\n`,
  ].join('\n')
}

/** Label columns as `l0 …`, what the service needs of them as `i0 …`, their times as `label_us`. */
function labelsSql(dialect: SqlDialect, { resolved, labels, base }: SqlExport): string {
  const needed = neededColumns(resolved.service).slice(0, -1)
  const columnNamed = (name: string) => labels.columns.find((column) => column.name === name)!
  const passing = labels.columns.map(({ name }, at) => `${dialect.name(name)} AS l${at}`)
  const inputs = needed.map(({ name, type }, at) => `${columnValue(dialect, { name, type })} AS i${at}`)
  const time = columnNamed(LABEL_TIME)
  const timeSql =
    time.type === 'string'
      ? `CAST(${dialect.name(LABEL_TIME)} AS ${dialect.engine === 'duckdb' ? 'TIMESTAMPTZ' : 'TIMESTAMP'})`
      : dialect.name(LABEL_TIME)
  const columns = [
    `${dialect.fileRow} AS label_row`,
    `${dialect.micros(timeSql)} AS label_us`,
    ...passing,
    ...inputs,
  ]
  return `SELECT ${columns.join(', ')} FROM ${dialect.parquet(base, labels.paths)}`
}

/** Value and status of each of the service's features, and the part that has them. */
function computedSql(dialect: SqlDialect, { resolved }: SqlExport, parts: CommonTable[]) {
  const { snapshot, service } = resolved
  const stored = service.entries.map(({ features }, entry) =>
    features.map((_, feature) => ({ value: `e${entry}_f${feature}`, status: `e${entry}_s${feature}` })),
  )
  const { onDemand } = service
  if (onDemand === null) return { outputs: stored.flat(), source: 'joined_rows' }
  const slots = [
    ...service.inputs.map((_, at) => ({ value: `i${at}`, isError: 'FALSE' })),
    ...onDemand.reads.map(({ entry, feature }) => {
      const { value, status } = stored[entry]![feature]!
      return { value, isError: `${status} = 'error'` }
    }),
  ]
  let source = 'joined_rows'
  const computed = onDemandTypedFeatures(snapshot, onDemand).map(({ inputs, expression }, at) => {
    const read: string[] = []
    for (const { column, slot } of inputs) read[column] = slots[slot]!.value
    const isError = inputs.map(({ slot }) => slots[slot]!.isError).join(' OR ') || 'FALSE'
    const attempt = dialect.attempt(expressionSql(dialect, expression, read))
    const name = `computed_${at}`
    parts.push({
      name,
      sql: `SELECT *, CASE WHEN ${isError} THEN NULL ELSE ${attempt} END AS c${at} FROM ${source}`,
    })
    source = name
    const value = dialect.attempted(`c${at}`)
    slots.push({ value, isError: `c${at} IS NULL` })
    const status = `CASE WHEN c${at} IS NULL THEN 'error' WHEN ${value} IS NULL THEN 'null' ELSE 'present' END`
    return { value, status }
  })
  const outputs = onDemand.answer.flatMap((part) =>
    part.kind === 'stored' ? stored[part.entry]! : part.features.map((feature) => computed[feature]!),
  )
  return { outputs, source }
}

function headLines(dialect: SqlDialect, { resolved, asOf, commit }: SqlExport): string[] {
  const { snapshot, service } = resolved
  const approximate = service.entries.flatMap(({ view }) =>
    (snapshot.views[view]!.windows?.aggregations ?? [])
      .filter(({ function: name }) => name.startsWith('approx_'))
      .map(({ name }) => name),
  )
  return [
    `-- Featheredge: "${service.name}" of generation ${snapshot.generation}, for ${dialect.engine}.`,
    `-- Rows ingested by ${formatInstant(asOf)} and registered by commit ${commit}; what waits in writers is not among them.`,
    '-- Sums, means, variances and deviations of float64 may differ in the last digits, by the order of addition.',
    ...(approximate.length === 0
      ? []
      : [`-- Exact here, approximate in the store: ${[...new Set(approximate)].join(', ')}.`]),
    ...(dialect.engine === 'spark'
      ? [
          '-- Not run on Spark by the tests of the store: run for the same meaning under DuckDB, with its own words for Spark’s.',
          '-- What has no answer (overflow, a cast that fails) is null here; the store says "error".',
        ]
      : []),
  ]
}
