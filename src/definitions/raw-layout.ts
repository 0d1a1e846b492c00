import { hashKey, topBits } from '../core/entity-key.ts'
import type { CompiledSource, Snapshot } from './snapshot.ts'

/** What a writer of raw rows has to know of itself. */
export interface RawLayout {
  readonly generation: number
  readonly source: string
  readonly shardBits: number
  /** Which writer this is: the top `shardBits` bits of the hashes of its message ids. */
  readonly shard: number
}

/** The writer that takes a message's rows. */
export function rawLayout(
  snapshot: Pick<Snapshot, 'generation'>,
  { name, shardBits }: CompiledSource,
  message: string,
): RawLayout {
  const shard = topBits(hashKey(message).high, shardBits)
  return { generation: snapshot.generation, source: name, shardBits, shard }
}

/** All writers of a source's raw rows. */
export function rawLayouts(
  { generation }: Pick<Snapshot, 'generation'>,
  { name, shardBits }: CompiledSource,
): RawLayout[] {
  return Array.from({ length: 2 ** shardBits }, (_, shard) => ({
    generation,
    source: name,
    shardBits,
    shard,
  }))
}
