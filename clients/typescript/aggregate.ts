import type { AggregationFunction } from '../../src/core/aggregate/aggregation-function.ts'
import type { FeatureView } from '../../src/definitions/feature-view.ts'
import type { Duration } from './definition.ts'
import type { Sql } from './sql.ts'

export interface AggregateOptions<Window extends Duration> {
  readonly windows: readonly Window[]
  /** By default 5 minutes, an hour or a day, by the length of the window. */
  readonly hop?: Duration
  /** Of `first_n` and `last_n`. */
  readonly n?: number
  /** Of `approx_quantile`. */
  readonly quantile?: number
  /** Of `count_distinct`. */
  readonly maxDistinct?: number
  readonly description?: string
}

export interface Aggregate<Window extends string = string> {
  readonly windows: readonly Window[]
  readonly definition: Omit<NonNullable<FeatureView['aggregations']>[number], 'name'>
}

/** An aggregation of events over windows; each window is a feature, named `<aggregation>_<window>`. */
export function aggregate<const Window extends Duration>(
  aggregation: AggregationFunction,
  of: Sql,
  { maxDistinct, windows, description = '', ...rest }: AggregateOptions<Window>,
): Aggregate<Window> {
  const definition = {
    function: aggregation,
    sql: of.sql,
    windows: [...windows],
    description,
    ...rest,
    ...(maxDistinct === undefined ? {} : { max_distinct: maxDistinct }),
  }
  return { windows, definition }
}
