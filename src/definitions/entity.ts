import * as z from 'zod'
import { KEY_TYPES } from '../core/entity-key.ts'
import { About, ColumnName, Name } from './name.ts'

export const JoinKey = z.strictObject({ name: ColumnName, type: z.enum(KEY_TYPES) })
export type JoinKey = z.infer<typeof JoinKey>

/** A thing features describe, known by its join keys. */
export const Entity = z.strictObject({
  name: Name,
  join_keys: z.array(JoinKey).min(1).max(16),
  /** Shard writers for this entity: a power of two. One writer takes a few hundred deliveries a second. */
  shards: Shards(),
  ...About,
})
export type Entity = z.infer<typeof Entity>

/** How many writers share an entity's keys or a source's raw rows. */
export function Shards() {
  return z
    .int()
    .min(1)
    .max(4_096)
    .refine((count) => (count & (count - 1)) === 0, 'a power of two is needed')
    .default(16)
}
