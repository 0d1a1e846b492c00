import * as z from 'zod'
import { AGGREGATION_FUNCTIONS } from '../core/aggregate/aggregation-function.ts'
import { About, ColumnName, Duration, Name, SqlExpression, Type } from './name.ts'

export const Feature = z.strictObject({
  name: ColumnName,
  type: Type,
  sql: SqlExpression,
  description: z.string().max(10_000).default(''),
})
export type Feature = z.infer<typeof Feature>

export const Aggregation = z.strictObject({
  name: ColumnName,
  function: z.enum(AGGREGATION_FUNCTIONS),
  sql: SqlExpression,
  windows: z.array(Duration).min(1).max(32),
  hop: Duration.optional(),
  n: z.int().min(1).max(1_000).optional(),
  quantile: z.number().min(0).max(1).optional(),
  max_distinct: z.int().min(1).max(100_000).optional(),
  description: z.string().max(10_000).default(''),
})

/** A feature without SQL is a field that the view's Worker returns. */
const ViewFeature = Feature.extend({ sql: SqlExpression.optional() })

/** A method of a Worker that is bound to the store's. What every binding has of itself is no method of yours. */
export const WorkerMethod = z.strictObject({
  /** Name of the service binding. */
  service: z.string().regex(/^[A-Za-z_]\w{0,62}$/, 'the name of a service binding is needed'),
  method: z
    .string()
    .regex(/^[A-Za-z]\w{0,62}$/, 'the name of a method is needed')
    .refine((name) => !OWN_METHODS.includes(name), 'every Worker has that of itself, another name is needed'),
})

const OWN_METHODS = [
  'alarm',
  'connect',
  'constructor',
  'dup',
  'email',
  'fetch',
  'queue',
  'scheduled',
  'tail',
  'then',
  'trace',
]

/**
 * Features of one entity computed from one source: latest-row (`features`) or windowed (`aggregations`). With a
 * `transform`, a windowed view's `features` are what its Worker returns.
 */
export const FeatureView = z
  .strictObject({
    name: Name,
    entity: Name,
    source: Name,
    /** Each join key of the entity as SQL over the source row; by default the column of that name. */
    join_keys: z.record(ColumnName, SqlExpression).default({}),
    /** Rows for which this is not true are left out. */
    where: SqlExpression.optional(),
    features: z.array(ViewFeature).min(1).max(2_000).optional(),
    aggregations: z.array(Aggregation).min(1).max(500).optional(),
    /** How old a row may be and still be served (S3); absent means for ever. */
    ttl: Duration.optional(),
    /** How fresh the view promises to be. */
    freshness: Duration.optional(),
    /** Views of large or very hot values may have blocks of their own. */
    block_group: Name.optional(),
    /** At most one KV put of a block in this time. */
    publish: Duration.default('1s'),
    /** A Worker of one's own that transforms batches of rows. */
    transform: WorkerMethod.optional(),
    ...About,
  })
  .refine(
    ({ features, aggregations, transform }) =>
      (features === undefined) !== (aggregations === undefined) ||
      (aggregations !== undefined && transform !== undefined),
    'a feature view has either features or aggregations',
  )
export type FeatureView = z.infer<typeof FeatureView>
