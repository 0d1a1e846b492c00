// DuckDB as the oracle of SQL expressions: one table of rows, many expressions a query.
import {
  DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBListValue,
  DuckDBTimestampValue,
} from '@duckdb/node-api'
import { elementType, type Value, type ValueType } from '../../src/core/value.ts'
import { openDuckdb } from './open-duckdb.ts'

/** What an expression gives for a row; DuckDB and the store say why in other words, so the reason is not compared. */
export type Outcome = { readonly value: Value } | { readonly error: string }

const DUCKDB_TYPES: Readonly<Record<string, string>> = {
  bool: 'BOOLEAN',
  int64: 'BIGINT',
  float64: 'DOUBLE',
  string: 'VARCHAR',
  timestamp: 'TIMESTAMP',
  bytes: 'BLOB',
}
const EXPRESSIONS_PER_QUERY = 100
const ROWS_PER_INSERT = 100

/** Opens DuckDB with a table `t` of these columns and rows. Its optimizer is off: it drops parts that would fail. */
export async function openOracle(
  columns: readonly { readonly name: string; readonly type: ValueType }[],
  rows: readonly (readonly Value[])[],
): Promise<DuckDBConnection> {
  const duckdb = await openDuckdb()
  await duckdb.run('PRAGMA disable_optimizer')
  const list = columns.map(({ name, type }) => `${name} ${duckdbType(type)}`)
  await duckdb.run(`CREATE TABLE t (n INTEGER, ${list.join(', ')})`)
  const texts = rows.map(
    (row, n) => `(${[n, ...row.map((value, at) => literal(columns[at]!.type, value))].join(', ')})`,
  )
  for (let at = 0; at < texts.length; at += ROWS_PER_INSERT) {
    await duckdb.run(`INSERT INTO t VALUES ${texts.slice(at, at + ROWS_PER_INSERT).join(', ')}`)
  }
  // x86 makes a negative NaN of 0/0, and DuckDB's text shows it; the store knows one NaN.
  await duckdb.run(`CREATE MACRO float_text(x) AS replace(x::VARCHAR, '-nan', 'nan')`)
  return duckdb
}

/** The outcomes of each expression, row by row. An expression that DuckDB refuses outright fails for every row. */
export async function evaluateAll(
  duckdb: DuckDBConnection,
  expressions: readonly string[],
): Promise<Outcome[][]> {
  const outcomes: Outcome[][] = []
  for (let at = 0; at < expressions.length; at += EXPRESSIONS_PER_QUERY) {
    outcomes.push(...(await evaluateBatch(duckdb, expressions.slice(at, at + EXPRESSIONS_PER_QUERY))))
  }
  return outcomes
}

/** The list inside `try` tells a null from an error. A query that is refused is cut in halves to find the culprit. */
async function evaluateBatch(duckdb: DuckDBConnection, expressions: readonly string[]): Promise<Outcome[][]> {
  const list = expressions.map((expression, at) => `try([${expression}]) AS e${at}`)
  try {
    const read = await duckdb.runAndReadAll(`SELECT ${list.join(', ')} FROM t ORDER BY n`)
    return read.getColumns().map((column) => column.map(toOutcome))
  } catch (error) {
    if (expressions.length === 1) return [await refusal(duckdb, (error as Error).message)]
    const half = expressions.length >> 1
    return [
      ...(await evaluateBatch(duckdb, expressions.slice(0, half))),
      ...(await evaluateBatch(duckdb, expressions.slice(half))),
    ]
  }
}

async function refusal(duckdb: DuckDBConnection, message: string): Promise<Outcome[]> {
  const read = await duckdb.runAndReadAll('SELECT n FROM t')
  return read.getRows().map(() => ({ error: message }))
}

function toOutcome(cell: unknown): Outcome {
  return cell instanceof DuckDBListValue ? { value: toValue(cell.items[0]) } : { error: 'DuckDB gives none' }
}

function toValue(value: unknown): Value {
  if (value instanceof DuckDBListValue) return value.items.map(toValue)
  if (value instanceof DuckDBTimestampValue) return Number(value.micros)
  if (value instanceof DuckDBBlobValue) return new Uint8Array(value.bytes)
  return value as Value
}

function duckdbType(type: ValueType): string {
  const element = elementType(type)
  return element === undefined ? DUCKDB_TYPES[type]! : `${DUCKDB_TYPES[element]}[]`
}

function literal(type: ValueType, value: Value): string {
  if (value === null) return `NULL::${duckdbType(type)}`
  const element = elementType(type)
  if (element !== undefined) {
    return `[${(value as readonly Value[]).map((item) => literal(element, item))}]::${duckdbType(type)}`
  }
  switch (type) {
    case 'string':
      return `'${(value as string).replaceAll("'", "''")}'`
    case 'timestamp':
      return `make_timestamp(${value}::BIGINT)`
    case 'bytes':
      return `from_hex('${Buffer.from(value as Uint8Array).toString('hex')}')`
    default:
      return `'${Object.is(value, -0) ? '-0' : value}'::${duckdbType(type)}`
  }
}
