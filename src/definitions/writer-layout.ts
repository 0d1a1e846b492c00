import type { SegmentSchema } from '../core/segment.ts'
import { type CompiledEntity, type CompiledWindows, type Snapshot, segmentSchema } from './snapshot.ts'

/**
 * What a shard writer has to know of its entity; the newest generation it has seen is the one in force for
 * it.
 */
export interface WriterLayout {
  readonly generation: number
  readonly entity: CompiledEntity
  /** Columns of the log of each view version. */
  readonly schemas: Readonly<Record<string, SegmentSchema>>
  /** The windows of each version that has some. */
  readonly windows: Readonly<Record<string, CompiledWindows>>
  /** Which writer this is: the top `entity.shardBits` bits of its keys' hashes. */
  readonly shard: number
}

/** Every layout of one entity's writers is the same but for the shard. */
export function writerLayout(snapshot: Snapshot, entity: string, shard: number): WriterLayout {
  const own = Object.values(snapshot.views).filter((view) => view.entity === entity)
  return {
    generation: snapshot.generation,
    entity: snapshot.entities[entity]!,
    schemas: Object.fromEntries(own.map((view) => [view.id, segmentSchema(snapshot, view)])),
    windows: Object.fromEntries(own.flatMap(({ id, windows }) => (windows === null ? [] : [[id, windows]]))),
    shard,
  }
}
