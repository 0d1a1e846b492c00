import type { NamedType } from '../core/segment.ts'
import { type RegisteredSegment, TOMBSTONE_COLUMN } from '../definitions/segment-record.ts'
import { type SqlDialect, sqlType } from './sql-dialect.ts'
import { columnValue, type EntryRead } from './sql-export.ts'

/** Columns that order rows, by S6; as microseconds where they are times. */
export const ORDER_COLUMNS = [
  'event_us',
  'created_us',
  'sequence_us',
  'sequence_origin',
  'sequence_index',
] as const

/** A view's rows within the bounds of knowledge: keys as `k0 …`, S6's columns, and `columns` as `f0 …`. */
export function logSql(
  dialect: SqlDialect,
  { view, given }: EntryRead,
  columns: readonly NamedType[],
): string {
  const segments = given.segments.get(view.id) ?? []
  return registeredSql(dialect, { given, segments, entity: view.entity, columns })
}

/** The tombstones that a view obeys, in the same form, without columns. */
export function tombstonesSql(dialect: SqlDialect, { view, given }: EntryRead): string {
  const segments = given.tombstones.get(view.entity) ?? []
  const name = dialect.name(TOMBSTONE_COLUMN.name)
  const condition = `(${name} IS NULL OR ${name} = ${dialect.string(view.name)})`
  return registeredSql(dialect, { given, segments, entity: view.entity, columns: [], condition })
}

interface Registered {
  readonly given: EntryRead['given']
  readonly segments: readonly RegisteredSegment[]
  readonly entity: string
  readonly columns: readonly NamedType[]
  readonly condition?: string
}

function registeredSql(
  dialect: SqlDialect,
  { given, segments, entity, columns, condition }: Registered,
): string {
  const { joinKeys } = given.resolved.snapshot.entities[entity]!
  const selected = [
    ...joinKeys.map((key, at) => `${columnValue(dialect, key)} AS k${at}`),
    ...['event', 'created', 'sequence'].map((time) => `${dialect.micros(`${time}_time`)} AS ${time}_us`),
    'sequence_origin',
    'sequence_index',
    ...columns.map((column, at) => `${columnValue(dialect, column)} AS f${at}`),
  ].join(', ')
  const isKnown = `${dialect.micros('ingest_time')} <= ${given.asOf}`
  const counted = segments.filter(({ commitMin }) => commitMin <= given.commit)
  // A compacted segment says the commit of each row; any other was registered whole.
  const [whole, compacted] = [true, false].map((isWhole) =>
    counted.filter(({ commit, commitMin }) => (commit === commitMin) === isWhole).map(({ path }) => path),
  )
  const parts = [
    { paths: whole!, conditions: [isKnown] },
    { paths: compacted!, conditions: [isKnown, `commit <= ${given.commit}`] },
  ]
    .filter(({ paths }) => paths.length > 0)
    .map(({ paths, conditions }) => {
      const where = [...conditions, ...(condition === undefined ? [] : [condition])].join(' AND ')
      return `SELECT ${selected} FROM ${dialect.parquet(given.base, paths)} WHERE ${where}`
    })
  if (parts.length > 0) return parts.join(' UNION ALL ')
  const none = (type: NamedType['type'], name: string) => `CAST(NULL AS ${sqlType(dialect, type)}) AS ${name}`
  const empty = [
    ...joinKeys.map(({ type }, at) => none(type, `k${at}`)),
    ...['event_us', 'created_us', 'sequence_us'].map((name) => none('int64', name)),
    none('string', 'sequence_origin'),
    none('int64', 'sequence_index'),
    ...columns.map(({ type }, at) => none(type, `f${at}`)),
  ].join(', ')
  return `SELECT ${empty} WHERE FALSE`
}
