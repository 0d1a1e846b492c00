import type { ValueType } from '../../src/core/value.ts'
import { type Column as ColumnDefinition, Source } from '../../src/definitions/source.ts'
import type { About, Duration, SourceDefinition } from './definition.ts'
import { createColumns, type Sql } from './sql.ts'

interface ColumnOptions {
  readonly type: ValueType
  readonly required?: boolean
  readonly unit?: NonNullable<ColumnDefinition['unit']>
  readonly description?: string
}

type Schema = Readonly<Record<string, ValueType | ColumnOptions>>

/** The types of a schema's columns. */
type TypesOf<S extends Schema> = {
  readonly [Name in keyof S & string]: S[Name] extends ValueType
    ? S[Name]
    : S[Name] extends { readonly type: infer Type extends ValueType }
      ? Type
      : never
}

type NamesOfType<S extends Schema, Type extends ValueType> = {
  [Name in keyof S & string]: TypesOf<S>[Name] extends Type ? Name : never
}[keyof S & string]

interface SourceOptions<S extends Schema> extends About {
  /** A timestamp column. */
  readonly eventTime: NamesOfType<S, 'timestamp'>
  readonly createdTime?: NamesOfType<S, 'timestamp'>
  readonly eventId?: keyof S & string
  readonly schema: S
  readonly landing?: Source['landing']
  readonly expectations?: Readonly<
    Record<string, { readonly sql: Sql; readonly onFailure: Source['expectations'][number]['on_failure'] }>
  >
  readonly retention?: Duration
  readonly shards?: number
}

/** A typed stream of rows with an event time. Throws where a field is not as the store takes it. */
export function source<const S extends Schema>(
  name: string,
  options: SourceOptions<S>,
): SourceDefinition<TypesOf<S>> {
  const { eventTime, createdTime, eventId, schema, expectations = {}, ...rest } = options
  const columns = Object.entries(schema).map(([column, given]) =>
    typeof given === 'string' ? { name: column, type: given } : { name: column, ...given },
  )
  const definition = Source.parse({
    name,
    event_time: eventTime,
    ...(createdTime === undefined ? {} : { created_time: createdTime }),
    ...(eventId === undefined ? {} : { event_id: eventId }),
    schema: columns,
    expectations: Object.entries(expectations).map(([expectation, { sql, onFailure }]) => ({
      name: expectation,
      sql: sql.sql,
      on_failure: onFailure,
    })),
    ...rest,
  })
  const types = Object.fromEntries(columns.map((column) => [column.name, column.type])) as TypesOf<S>
  return { kind: 'source', name, definition, columns: createColumns(types) }
}
