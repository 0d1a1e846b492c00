import type { ValueType } from '../../src/core/value.ts'
import { FeatureView } from '../../src/definitions/feature-view.ts'
import type { Aggregate } from './aggregate.ts'
import type {
  About,
  Duration,
  EntityDefinition,
  FeatureViewDefinition,
  SourceDefinition,
} from './definition.ts'
import { createEntry } from './entry.ts'
import { type Column, expressionSql, type Sql } from './sql.ts'

/** A feature: a column as it is, or an expression and the type of its result. */
export type FeatureOptions =
  | Column
  | { readonly type: ValueType; readonly sql: Sql; readonly description?: string }

/** Join keys that the source has no column for have to be given, the others may be. */
type JoinKeys<Key extends string, Name extends string> = ([Exclude<Key, Name>] extends [never]
  ? { readonly joinKeys?: unknown }
  : { readonly joinKeys: unknown }) & {
  readonly joinKeys?: { readonly [K in Exclude<Key, Name>]: Name | Sql } & {
    readonly [K in Extract<Key, Name>]?: Name | Sql
  }
}

interface ViewOptions<E, S> extends About {
  readonly entity: E
  readonly source: S
  /** Rows for which it is not true are left out. */
  readonly where?: Sql
  readonly ttl?: Duration
  readonly freshness?: Duration
  readonly publish?: Duration
  readonly blockGroup?: string
}

type AggregateNames<A extends Readonly<Record<string, Aggregate>>> = {
  [Name in keyof A & string]: `${Name}_${A[Name]['windows'][number]}`
}[keyof A & string]

type KeyOf<E> = E extends EntityDefinition<infer Key> ? Key : never
type ColumnOf<S> = S extends SourceDefinition<infer Types> ? keyof Types & string : never

/**
 * The newest row of each entity (`features`), or aggregations of its events over windows (`aggregations`): one of them.
 * Throws where a field is not as the store takes it.
 */
export function featureView<
  E extends EntityDefinition,
  S extends SourceDefinition,
  const F extends Readonly<Record<string, FeatureOptions>> = Record<never, FeatureOptions>,
  const A extends Readonly<Record<string, Aggregate>> = Record<never, Aggregate>,
>(
  name: string,
  options: ViewOptions<E, S> &
    JoinKeys<KeyOf<E>, ColumnOf<S>> & { readonly features?: F; readonly aggregations?: A },
): FeatureViewDefinition<(keyof F & string) | AggregateNames<A>, KeyOf<E>> {
  const { entity, source, joinKeys, where, features, aggregations, blockGroup, ...rest } = options
  const keys: Readonly<Record<string, Sql | string>> = { ...joinKeys }
  const definition = FeatureView.parse({
    name,
    entity: entity.name,
    source: source.name,
    join_keys: Object.fromEntries(
      Object.entries(keys).map(([key, expression]) => [key, expressionSql(expression)]),
    ),
    ...(where === undefined ? {} : { where: where.sql }),
    ...(features === undefined ? {} : { features: featureDefinitions(features) }),
    ...(aggregations === undefined
      ? {}
      : {
          aggregations: Object.entries(aggregations).map(([aggregation, given]) => ({
            name: aggregation,
            ...given.definition,
          })),
        }),
    ...(blockGroup === undefined ? {} : { block_group: blockGroup }),
    ...rest,
  })
  const view: FeatureViewDefinition<(keyof F & string) | AggregateNames<A>, KeyOf<E>> = {
    kind: 'feature_view',
    name,
    definition,
    entity,
    source,
    take: (options) => createEntry(view, options),
  }
  return view
}

/** Features as the store is told them. */
export function featureDefinitions(features: Readonly<Record<string, FeatureOptions>>) {
  return Object.entries(features).map(([name, feature]) => {
    const { type } = feature
    if ('name' in feature) return { name, type, sql: feature.sql }
    const { sql, description = '' } = feature
    return { name, type, sql: sql.sql, description }
  })
}
