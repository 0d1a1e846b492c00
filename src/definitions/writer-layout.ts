import type { CompiledEntity, EntityLayout, ServingSnapshot } from './snapshot.ts'

/**
 * What a shard writer has to know of its entity; the newest generation it has seen is the one in force for
 * it.
 */
export interface WriterLayout extends EntityLayout {
  readonly generation: number
  readonly entity: CompiledEntity
  /** Which writer this is: the top `entity.shardBits` bits of its keys' hashes. */
  readonly shard: number
}

/** Every layout of one entity's writers is the same but for the shard. */
export function writerLayout(
  { generation, entities, layouts }: Pick<ServingSnapshot, 'generation' | 'entities' | 'layouts'>,
  entity: string,
  shard: number,
): WriterLayout {
  return { generation, entity: entities[entity]!, ...layouts[entity]!, shard }
}
