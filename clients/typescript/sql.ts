import type { ValueType } from '../../src/core/value.ts'

/** An expression in DuckDB's syntax over the columns of a source, or over the inputs of an on-demand view. */
export interface Sql {
  readonly sql: string
}

/** A column of a source or an input of an on-demand view. */
export interface Column<Name extends string = string, Type extends ValueType = ValueType> extends Sql {
  readonly name: Name
  readonly type: Type
}

/** Columns by name. */
export type Columns<Types extends Readonly<Record<string, ValueType>>> = {
  readonly [Name in keyof Types & string]: Column<Name, Types[Name]>
}

/**
 * An expression with columns put in: `` sql`${delay} / nullif(${distance}, 0)` ``. A column that is not there is an error of
 * the compiler; what is written as plain text is checked by plan. Texts are put in as SQL strings.
 */
export function sql(
  texts: TemplateStringsArray,
  ...values: readonly (Sql | string | number | bigint | boolean)[]
): Sql {
  return { sql: texts.reduce((text, part, at) => text + valueSql(values[at - 1]!) + part) }
}

export function createColumns<Types extends Readonly<Record<string, ValueType>>>(
  types: Types,
): Columns<Types> {
  const columns = Object.entries(types).map(([name, type]) => [name, { name, type, sql: nameSql(name) }])
  return Object.fromEntries(columns) as Columns<Types>
}

/** The SQL of an expression, or of a column that is given by its name. */
export function expressionSql(given: Sql | string): string {
  return typeof given === 'string' ? nameSql(given) : given.sql
}

function valueSql(value: Sql | string | number | bigint | boolean): string {
  switch (typeof value) {
    case 'object':
      // Parentheses keep an expression together; a column needs none.
      return 'name' in value ? value.sql : `(${value.sql})`
    case 'string':
      return `'${value.replaceAll("'", "''")}'`
    default:
      // Parentheses again: `1 --1` would be a comment.
      return String(value).startsWith('-') ? `(${value})` : String(value)
  }
}

function nameSql(name: string): string {
  return RESERVED.has(name.toLowerCase()) ? `"${name}"` : name
}

/** Words that would be read as something else; as columns they stand in double quotes. */
const RESERVED = new Set(
  'and as between case distinct else end escape false from ilike in interval is like not null or then timestamp true when'.split(
    ' ',
  ),
)
