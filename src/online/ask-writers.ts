import { type Block, openBlock } from '../core/block.ts'
import { writeCachedBlock } from '../core/block-cache.ts'
import type { ServedGeneration } from '../definitions/served-generation.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import type { BlockRepair, Platform } from '../platform.ts'
import { readLayout } from '../registry/resolve-name.ts'
import type { PlannedBlock } from './plan-read.ts'
import type { ReadCost } from './read-cost.ts'

export interface AskedBlocks {
  readonly blocks: readonly PlannedBlock[]
  readonly cost: ReadCost
  readonly repair: BlockRepair
}

/** Blocks as their writers have them now, whatever KV holds; undefined where a writer cannot be read. */
export async function askWriters(
  platform: Platform,
  snapshot: ServedGeneration,
  { blocks, cost, repair }: AskedBlocks,
): Promise<(Block | undefined)[]> {
  const answers = new Map<string, Block>()
  const byWriter = Map.groupBy(blocks, (block) => `${block.entity.name}/${shardOf(block)}`)
  cost.writers += byWriter.size
  // A block is as old as the question: the answer may have been long on its way (S31).
  const nowMs = platform.clock.now() / 1_000
  await Promise.all(
    [...byWriter.values()].flatMap(cutCalls).map(async (asked) => {
      const { entity } = asked[0]!
      const shard = shardOf(asked[0]!)
      try {
        const layout = writerLayout(await readLayout(platform, snapshot, entity.name), entity.name, shard)
        const wanted = asked.map(({ group, bits }) => ({ group: group.name, bits }))
        const texts = await platform.writers.readBlocks(layout, wanted, { repair })
        asked.forEach(({ key }, at) => {
          const block = openBlock(texts[at]!)
          answers.set(key, writeCachedBlock(platform.memory.blocks, key, block, nowMs))
        })
      } catch (error) {
        platform.log.error('A shard writer cannot be read; its values are answered as error', {
          entity: entity.name,
          shard,
          reason: String(error),
        })
      }
    }),
  )
  return blocks.map(({ key }) => answers.get(key))
}

/** Blocks that one call asks for: a writer's answer holds at most 32 MiB, and those of embeddings are large. */
const CALL_BLOCKS_MAX = 100

function cutCalls(blocks: readonly PlannedBlock[]): PlannedBlock[][] {
  return Array.from({ length: Math.ceil(blocks.length / CALL_BLOCKS_MAX) }, (_, at) =>
    blocks.slice(at * CALL_BLOCKS_MAX, (at + 1) * CALL_BLOCKS_MAX),
  )
}

/** The writer of a block: its range's top bits. */
function shardOf({ entity, bits }: PlannedBlock): number {
  return entity.shardBits === 0 ? 0 : Number.parseInt(bits.slice(0, entity.shardBits), 2)
}
