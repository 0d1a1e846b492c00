import * as z from 'zod'
import { Shards } from './entity.ts'
import { About, ColumnName, Duration, Name, SqlExpression, Type } from './name.ts'

export const Column = z.strictObject({
  name: ColumnName,
  type: Type,
  /** A row without a value here is rejected. */
  required: z.boolean().default(false),
  /** Epoch numbers are accepted in this unit; for timestamps only. */
  unit: z.enum(['s', 'ms', 'us']).optional(),
  description: z.string().max(10_000).default(''),
})
export type Column = z.infer<typeof Column>

export const Expectation = z.strictObject({
  name: Name,
  sql: SqlExpression,
  on_failure: z.enum(['reject', 'quarantine', 'warn']),
})

/** How landing files hold rows; text files whose names end in `.gz` are gzip. */
export const Landing = z.discriminatedUnion('format', [
  z.strictObject({ format: z.literal('parquet') }),
  z.strictObject({
    format: z.literal('csv'),
    /** Parts fields. */
    delimiter: z
      .string()
      .regex(/^[\t\x20-\x7e]$/, 'one ASCII character is needed')
      .refine((delimiter) => delimiter !== '"', 'a quote cannot part fields')
      .default(','),
    /** Whether the first row names the fields; without, they are the source's columns in their order. */
    header: z.boolean().default(true),
  }),
  z.strictObject({ format: z.literal('ndjson') }),
])
export type Landing = z.infer<typeof Landing>

/** A typed stream of curated rows with an event time; it has two doors, push and landing files. */
export const Source = z.strictObject({
  name: Name,
  /** The timestamp column that says when a row happened; never null. */
  event_time: ColumnName,
  /** The timestamp column that says when a row was made; never null. Without it, the ingest time. */
  created_time: ColumnName.nullable().default(null),
  /** The column that names an event, for windowed views (S9). */
  event_id: ColumnName.nullable().default(null),
  schema: z.array(Column).min(1).max(2_000),
  landing: Landing.nullable().default(null),
  expectations: z.array(Expectation).max(200).default([]),
  retention: Duration.optional(),
  shards: Shards(),
  ...About,
})
export type Source = z.infer<typeof Source>
