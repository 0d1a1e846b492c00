import * as z from 'zod'
import { CATALOG_KINDS } from '../../catalog/catalog.ts'
import { ERROR_CODES, type ErrorCode } from '../../core/error.ts'
import { LOAD_STATUSES } from '../../platform.ts'

/** What a route takes and answers, said beside it. Made when somebody asks, for serving has no use of it. */
export interface RouteDescription {
  readonly method: 'get' | 'post' | 'put' | 'delete'
  /** Below `/v1`, as the route has it. */
  readonly path: string
  readonly summary: string
  /** The schema its query is checked by; absent where it takes none. */
  readonly query?: z.ZodObject
  /** Parameters that definitions name: the route takes more than its schema could say. */
  readonly openQuery?: true
  readonly headers?: readonly HeaderDescription[]
  /** The schema its body is checked by, or the media types of which it takes bytes. */
  readonly body?: z.ZodType | readonly string[]
  readonly status: 200 | 201 | 202
  /** What it answers, or the media types of the bytes it answers. */
  readonly answer: z.ZodType | readonly string[]
  /** Refusals beside those that every route has. */
  readonly refusals?: readonly ErrorCode[]
  readonly example: RouteExample
}

export interface HeaderDescription {
  readonly name: string
  readonly description: string
  readonly required: boolean
}

/** A request that gets the promised status from a store of `EXAMPLE_DEFINITIONS`. */
export interface RouteExample {
  /** Of the path, by name. */
  readonly path?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  /** JSON, or the text of a file. */
  readonly body?: unknown
}

/** Stands in examples for the id of what was made before. */
export const EXAMPLE_ID = '01KDVDVS00Q2M5V7XKJ6T4W8EN'

export const IDEMPOTENCY_KEY: HeaderDescription = {
  name: 'idempotency-key',
  description: 'The same key and body again get the first answer, and are done once',
  required: false,
}

export const CONTENT_LENGTH: HeaderDescription = {
  name: 'content-length',
  description: 'Bytes of the body',
  required: true,
}

const Scalar = z.union([z.null(), z.boolean(), z.number(), z.string()])

/** A value as JSON has it; its type is told by the definitions. */
export const FeatureValue = z
  .union([Scalar, z.array(Scalar)])
  .describe('int64 with all its digits; NaN and infinities as strings; timestamps RFC 3339; bytes base64')

export const JobStatus = z.enum(LOAD_STATUSES)

export const Progress = z.object({ done: z.int(), total: z.int() }).describe('Steps')

/** What became of each of many things that were to be done again. */
export const Refused = z.array(z.object({ id: z.string(), code: z.enum(ERROR_CODES), message: z.string() }))

/** How a list goes on. */
export const Next = z.string().optional().describe('`cursor` of the next page; absent where there is none')

/** What every list of the catalog's things is made of. */
export const ObjectName = z.object({ kind: z.enum(CATALOG_KINDS), name: z.string() })

export const Started = z.object({ id: z.string(), status: JobStatus })

/** A small store: clicks of users, their newest price, and what a request makes of it. */
export const EXAMPLE_DEFINITIONS = {
  entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 1 }],
  sources: [
    {
      name: 'clicks',
      event_time: 'at',
      schema: [
        { name: 'at', type: 'timestamp' },
        { name: 'user', type: 'string' },
        { name: 'price', type: 'float64' },
      ],
      landing: { format: 'ndjson' },
    },
  ],
  feature_views: [
    {
      name: 'last_click',
      entity: 'user',
      source: 'clicks',
      features: [{ name: 'price', type: 'float64', sql: 'price' }],
    },
  ],
  on_demand_views: [
    {
      name: 'offer',
      inputs: [
        { name: 'rate', type: 'float64', from: 'request' },
        { name: 'price', type: 'float64', from: 'features' },
      ],
      features: [{ name: 'reduced', type: 'float64', sql: 'price * rate' }],
    },
  ],
  feature_services: [{ name: 'ranker', features: [{ view: 'last_click' }, { view: 'offer' }] }],
} as const

/** A click as it is pushed or stands in a file. */
export const EXAMPLE_CLICK = { at: '2026-01-01T00:00:00Z', user: 'ann', price: 9.5 }
