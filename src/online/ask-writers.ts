import { type Block, openBlock } from '../core/block.ts'
import { writeCachedBlock } from '../core/block-cache.ts'
import { topBits } from '../core/entity-key.ts'
import type { Snapshot } from '../definitions/snapshot.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import type { Platform } from '../platform.ts'
import type { PlannedBlock } from './plan-read.ts'
import type { ReadCost } from './read-cost.ts'

/** Blocks as their writers have them now, whatever KV holds; undefined where a writer cannot be read. */
export async function askWriters(
  platform: Platform,
  snapshot: Snapshot,
  { blocks, cost }: { readonly blocks: readonly PlannedBlock[]; readonly cost: ReadCost },
): Promise<(Block | undefined)[]> {
  const answers = new Map<string, Block>()
  const byWriter = Map.groupBy(blocks, ({ entity, range }) => `${entity.name}/${shardOf({ entity, range })}`)
  cost.writers += byWriter.size
  await Promise.all(
    [...byWriter.values()].map(async (asked) => {
      const layout = writerLayout(snapshot, asked[0]!.entity.name, shardOf(asked[0]!))
      try {
        const texts = await platform.writers.readBlocks(
          layout,
          asked.map(({ range }) => range),
        )
        asked.forEach(({ key }, at) => {
          const block = openBlock(texts[at]!)
          answers.set(key, writeCachedBlock(platform.memory.blocks, key, block, platform.clock.now() / 1_000))
        })
      } catch (error) {
        platform.log.error('A shard writer cannot be read; its values are answered as error', {
          entity: layout.entity.name,
          shard: layout.shard,
          reason: String(error),
        })
      }
    }),
  )
  return blocks.map(({ key }) => answers.get(key))
}

/** The writer of a block: its range's top bits. */
function shardOf({ entity, range }: Pick<PlannedBlock, 'entity' | 'range'>): number {
  return topBits(range << (32 - entity.blockBits), entity.shardBits)
}
