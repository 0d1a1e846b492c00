import { elementType, type Value, type ValueType } from '../core/value.ts'

export const SQL_ENGINES = ['duckdb', 'spark'] as const
export type SqlEngine = (typeof SQL_ENGINES)[number]

/** Where engines write the same in other words. Texts given are expressions; none is a name a user chose. */
export interface SqlDialect {
  readonly engine: SqlEngine
  /** What has to be set before the query. */
  readonly settings: readonly string[]
  /** Where the bucket is, unless a request says so. */
  readonly defaultBase: string
  readonly types: Readonly<Record<Exclude<ValueType, `list<${string}>`>, string>>
  listType(element: string): string
  name(text: string): string
  string(text: string): string
  bytes(hex: string): string
  list(items: readonly string[]): string
  /** A time as microseconds since 1970, and back. */
  micros(time: string): string
  time(micros: string): string
  /** A relation of files of one bucket. */
  parquet(base: string, paths: readonly string[]): string
  /** The place of a row among those of the files, from 0. */
  readonly fileRow: string
  /** A value of columns side by side, which is compared column by column. */
  row(columns: readonly string[]): string
  /** Aggregates: the value whose order is the greatest or the least. */
  valueAt(end: 'first' | 'last', value: string, order: string, filter: string): string
  /** Aggregates: the n values whose orders are the greatest or the least, nearest first; null for none. */
  valuesAt(end: 'first' | 'last', value: string, order: string, filter: string, n: number): string
  /** Aggregates: the value of rank floor(quantile × (count - 1)). */
  quantile(value: string, filter: string, quantile: number): string
  /** An expression that may fail, as a list of its value; null where it has failed. */
  attempt(expression: string): string
  /** The value of an attempt. */
  attempted(attempt: string): string
}

export const DUCKDB: SqlDialect = {
  engine: 'duckdb',
  settings: ["SET TimeZone = 'UTC';"],
  defaultBase: 'r2://featheredge',
  types: {
    bool: 'BOOLEAN',
    int64: 'BIGINT',
    float64: 'DOUBLE',
    string: 'VARCHAR',
    timestamp: 'TIMESTAMP',
    bytes: 'BLOB',
  },
  listType: (element) => `${element}[]`,
  name: (text) => `"${text.replaceAll('"', '""')}"`,
  string: quote,
  bytes: (hex) => `from_hex('${hex}')`,
  list: (items) => `[${items.join(', ')}]`,
  micros: (time) => `epoch_us(${time})`,
  time: (micros) => `make_timestamp(${micros})`,
  parquet: (base, paths) =>
    `read_parquet([${paths.map((path) => quote(`${base}/${path}`)).join(', ')}], file_row_number = true, filename = true)`,
  fileRow: 'row_number() OVER (ORDER BY filename, file_row_number) - 1',
  row: (columns) => `struct_pack(${columns.map((column) => `${column} := ${column}`).join(', ')})`,
  valueAt: (end, value, order, filter) =>
    `${end === 'last' ? 'arg_max' : 'arg_min'}(${value}, ${order}) FILTER (WHERE ${filter})`,
  valuesAt: (end, value, order, filter, n) =>
    `(list(${value} ORDER BY ${order} ${end === 'last' ? 'DESC' : 'ASC'}) FILTER (WHERE ${filter}))[1:${n}]`,
  quantile: (value, filter, quantile) =>
    `list_extract(list(${value} ORDER BY ${value}) FILTER (WHERE ${filter}), 1 + CAST(floor(${quantile} * (count(${value}) FILTER (WHERE ${filter}) - 1)) AS BIGINT))`,
  attempt: (expression) => `try([${expression}])`,
  attempted: (attempt) => `${attempt}[1]`,
}

export const SPARK: SqlDialect = {
  engine: 'spark',
  settings: ['SET spark.sql.session.timeZone = UTC;', 'SET spark.sql.ansi.enabled = false;'],
  defaultBase: 's3a://featheredge',
  types: {
    bool: 'BOOLEAN',
    int64: 'BIGINT',
    float64: 'DOUBLE',
    string: 'STRING',
    timestamp: 'TIMESTAMP',
    bytes: 'BINARY',
  },
  listType: (element) => `ARRAY<${element}>`,
  name: (text) => `\`${text.replaceAll('`', '``')}\``,
  string: (text) => quote(text.replaceAll('\\', '\\\\')),
  bytes: (hex) => `unhex('${hex}')`,
  list: (items) => `array(${items.join(', ')})`,
  micros: (time) => `unix_micros(${time})`,
  time: (micros) => `timestamp_micros(${micros})`,
  // A list of paths is a pattern.
  parquet: (base, paths) => `parquet.\`${base}/${paths.length === 1 ? paths[0] : `{${paths.join(',')}}`}\``,
  fileRow: 'row_number() OVER (ORDER BY _metadata.file_path, _metadata.row_index) - 1',
  row: (columns) => `struct(${columns.join(', ')})`,
  valueAt: (end, value, order, filter) =>
    `${end === 'last' ? 'max_by' : 'min_by'}(${value}, ${order}) FILTER (WHERE ${filter})`,
  valuesAt: (end, value, order, filter, n) =>
    `nullif(transform(slice(sort_array(collect_list(struct(${order} AS o, ${value} AS v)) FILTER (WHERE ${filter}), ${end === 'first'}), 1, ${n}), x -> x.v), array())`,
  quantile: (value, filter, quantile) =>
    `try_element_at(sort_array(collect_list(${value}) FILTER (WHERE ${filter})), 1 + CAST(floor(${quantile} * (count(${value}) FILTER (WHERE ${filter}) - 1)) AS INT))`,
  // There is no `try`: what fails is null, and what is null has no other reason.
  attempt: (expression) => `array(${expression})`,
  attempted: (attempt) => `${attempt}[0]`,
}

export const DIALECTS: Readonly<Record<SqlEngine, SqlDialect>> = { duckdb: DUCKDB, spark: SPARK }

export function sqlType({ types, listType }: SqlDialect, type: ValueType): string {
  const element = elementType(type)
  return element === undefined
    ? types[type as keyof typeof types]
    : listType(types[element as keyof typeof types])
}

/** A value as a literal of its type. */
export function sqlLiteral(dialect: SqlDialect, type: ValueType, value: Value): string {
  const cast = (text: string) => `CAST(${text} AS ${sqlType(dialect, type)})`
  if (value === null) return cast('NULL')
  const element = elementType(type)
  if (element !== undefined)
    return cast(dialect.list((value as readonly Value[]).map((item) => sqlLiteral(dialect, element, item))))
  switch (type) {
    case 'bool':
      return String(value)
    case 'string':
      return dialect.string(value as string)
    case 'timestamp':
      return dialect.time(`CAST(${value} AS BIGINT)`)
    case 'bytes':
      return dialect.bytes(hexOf(value as Uint8Array))
    default:
      return cast(`'${Object.is(value, -0) ? '-0' : value}'`)
  }
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
