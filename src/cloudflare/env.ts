import * as z from 'zod'
import { FeatureStoreError } from '../core/error.ts'
import type { InstanceKind } from '../platform.ts'
import type { ShardWriterRpc } from './shard-writer-rpc.ts'

/** Bindings of `wrangler.toml` and secrets; only this folder and `index.ts` name them. */
export interface Env {
  readonly ONLINE: KVNamespace
  readonly DB: D1Database
  readonly BUCKET: R2Bucket
  readonly EVENTS: Queue<string>
  /** Bound so that the queues are made: the platform sends to the one, R2 to the other. */
  readonly DEAD_LETTERS: Queue<unknown>
  readonly LANDED: Queue<unknown>
  readonly SHARD_WRITERS: DurableObjectNamespace<ShardWriterRpc>
  readonly JOBS: Workflow<JobParams>
  /** The bootstrap administrator's token; without it every route but `/healthz` is closed. */
  readonly ADMIN_TOKEN?: string
  /** Milliseconds after which a writer's journal is cut into segments; for tests and small stores. */
  readonly SEGMENT_AGE_MS?: string
  /** Longest delay in seconds before a failed message comes again; for tests. */
  readonly RETRY_DELAY_S_MAX?: string
  /** Bytes of a block above which, on average, a group's blocks are divided. */
  readonly BLOCK_BYTES_MAX?: string
  /** Labels of one row group of a dataset. */
  readonly DATASET_CHUNK_ROWS?: string
  /** Instances among which the chunks of a large load are shared. */
  readonly LOAD_PARTS?: string
  /** Milliseconds for which the blocks of a former layout are still published. */
  readonly REBLOCK_GRACE_MS?: string
}

/** What starts an instance of the jobs' workflow; `id` is the instance's. */
export interface JobParams {
  readonly kind: InstanceKind
  readonly id: string
}

const Variables = z.object({
  ADMIN_TOKEN: z.string().min(4).optional(),
  SEGMENT_AGE_MS: z.coerce.number().int().min(100).max(600_000).optional(),
  BLOCK_BYTES_MAX: z.coerce.number().int().min(100).max(10_000_000).default(16_000),
  DATASET_CHUNK_ROWS: z.coerce.number().int().min(1).max(1_000_000).default(65_536),
  LOAD_PARTS: z.coerce.number().int().min(1).max(16).default(4),
  REBLOCK_GRACE_MS: z.coerce.number().int().min(0).max(86_400_000).default(300_000),
  RETRY_DELAY_S_MAX: z.coerce.number().int().min(0).max(3_600).optional(),
})
export type Variables = z.infer<typeof Variables>

/** Checks the variables once. Throws `internal` naming the one that is wrong. */
export function parseVariables(env: Env): Variables {
  const {
    ADMIN_TOKEN,
    SEGMENT_AGE_MS,
    RETRY_DELAY_S_MAX,
    BLOCK_BYTES_MAX,
    REBLOCK_GRACE_MS,
    DATASET_CHUNK_ROWS,
    LOAD_PARTS,
  } = env
  const parsed = Variables.safeParse({
    // An empty secret is none.
    ADMIN_TOKEN: ADMIN_TOKEN === '' ? undefined : ADMIN_TOKEN,
    SEGMENT_AGE_MS,
    RETRY_DELAY_S_MAX,
    BLOCK_BYTES_MAX,
    REBLOCK_GRACE_MS,
    DATASET_CHUNK_ROWS,
    LOAD_PARTS,
  })
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  throw new FeatureStoreError('internal', `Cannot start: variable ${path.join('.')}: ${message}`)
}
