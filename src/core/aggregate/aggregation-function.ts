import { LIST_TYPES, SCALAR_TYPES, VALUE_TYPES, type ValueType } from '../value.ts'
import type { Aggregator } from './aggregator.ts'
import { ORDERED_TYPES } from './compare-values.ts'
import { createCount } from './count.ts'
import { createCountDistinct } from './count-distinct.ts'
import { createApproxQuantile } from './ddsketch.ts'
import { createMax, createMin } from './extreme.ts'
import { createMany, createOne } from './first-last.ts'
import { createApproxCountDistinct } from './hyperloglog.ts'
import { createStddev, createVariance } from './moments.ts'
import { createMean, createSum } from './total.ts'

/** The functions of S20, by the names users write. */
export const AGGREGATION_FUNCTIONS = [
  'count',
  'sum',
  'mean',
  'min',
  'max',
  'variance',
  'stddev',
  'first',
  'last',
  'first_n',
  'last_n',
  'count_distinct',
  'approx_count_distinct',
  'approx_quantile',
] as const

export type AggregationFunction = (typeof AGGREGATION_FUNCTIONS)[number]

/** What some functions need to be told, by the names users write. */
export interface AggregationParameters {
  /** Length of the list of `first_n` and `last_n`. */
  readonly n: number
  /** From 0 to 1, both inclusive. */
  readonly quantile: number
  /** How many values `count_distinct` tells apart before it gives up. */
  readonly max_distinct: number
}

export const PARAMETER_DEFAULTS: AggregationParameters = { n: 10, quantile: 0.5, max_distinct: 1_000 }

/** All that shared code may ask of a function: nothing else names one. */
export interface FunctionProperties {
  readonly inputTypes: readonly ValueType[]
  /** The one parameter it takes, or null. */
  readonly parameter: keyof AggregationParameters | null
  /** Whether its value depends on S6, so that its state keeps stamps. */
  readonly isOrdered: boolean
  /** Makes its aggregator for one of `inputTypes`; the aggregator knows its output type. */
  create(inputType: ValueType, parameters: AggregationParameters): Aggregator
}

const NUMBER_TYPES: readonly ValueType[] = ['int64', 'float64']
/** Types of which there are lists. */
const ELEMENT_TYPES = SCALAR_TYPES.filter((type) =>
  (LIST_TYPES as readonly string[]).includes(`list<${type}>`),
)

/** Compiled exhaustively: a function without properties does not compile. */
export const PROPERTIES_BY_FUNCTION: Readonly<Record<AggregationFunction, FunctionProperties>> = {
  count: unordered(VALUE_TYPES, createCount),
  sum: unordered(NUMBER_TYPES, createSum),
  mean: unordered(NUMBER_TYPES, createMean),
  min: unordered(ORDERED_TYPES, createMin),
  max: unordered(ORDERED_TYPES, createMax),
  variance: unordered(NUMBER_TYPES, createVariance),
  stddev: unordered(NUMBER_TYPES, createStddev),
  first: ordered(VALUE_TYPES, null, (type) => createOne('first', type)),
  last: ordered(VALUE_TYPES, null, (type) => createOne('last', type)),
  first_n: ordered(ELEMENT_TYPES, 'n', (type, { n }) => createMany('first', type, n)),
  last_n: ordered(ELEMENT_TYPES, 'n', (type, { n }) => createMany('last', type, n)),
  count_distinct: unordered(
    SCALAR_TYPES,
    (type, { max_distinct }) => createCountDistinct(type, max_distinct),
    'max_distinct',
  ),
  approx_count_distinct: unordered(SCALAR_TYPES, createApproxCountDistinct),
  approx_quantile: unordered(NUMBER_TYPES, (_, { quantile }) => createApproxQuantile(quantile), 'quantile'),
}

function unordered(
  inputTypes: FunctionProperties['inputTypes'],
  create: FunctionProperties['create'],
  parameter: FunctionProperties['parameter'] = null,
): FunctionProperties {
  return { inputTypes, parameter, isOrdered: false, create }
}

function ordered(
  inputTypes: FunctionProperties['inputTypes'],
  parameter: FunctionProperties['parameter'],
  create: FunctionProperties['create'],
): FunctionProperties {
  return { inputTypes, parameter, isOrdered: true, create }
}
