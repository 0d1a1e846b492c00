import { type Block, isReplacedBy } from '../core/block.ts'
import { readCachedBlock, renewCachedBlock } from '../core/block-cache.ts'
import type { CompiledGroup } from '../definitions/snapshot.ts'
import type { Platform } from '../platform.ts'
import type { PlannedBlock } from './plan-read.ts'

/** Keys that one operation lists, by Cloudflare's documents. */
const LISTED_KEYS_MAX = 1_000
/**
 * So many blocks have to grow old together for each operation that lists their group: one costs as much as ten keys read, which
 * is a fifth more where all have changed, and a fifth where none has.
 */
const BLOCKS_MIN = 50
/** A group that is being divided has twice as many blocks of its next width beside those that are read. */
const WIDTHS_MAX = 3
/** Keys of one bulk get: no more texts than these are in memory beside the cache's. */
const BULK_KEYS_MAX = 100

/**
 * Brings cached blocks up to date: what the heads of its group say is unchanged is as good as fetched, and only the rest is
 * read, a hundred keys at a time.
 */
export async function refreshBlocks(
  platform: Platform,
  blocks: readonly PlannedBlock[],
  read: (blocks: readonly PlannedBlock[]) => Promise<readonly (Block | undefined)[]>,
): Promise<void> {
  const groups = Map.groupBy(blocks, ({ group }) => group)
  for (const [group, grown] of groups) {
    const changed = await findChanged(platform, group, grown)
    for (let at = 0; at < changed.length; at += BULK_KEYS_MAX)
      await read(changed.slice(at, at + BULK_KEYS_MAX))
  }
}

/** Those that are not known to be unchanged; the others are renewed in the cache. */
async function findChanged(
  platform: Platform,
  { name: group, blockBits }: CompiledGroup,
  blocks: readonly PlannedBlock[],
): Promise<readonly PlannedBlock[]> {
  const operations = Math.ceil(2 ** blockBits / LISTED_KEYS_MAX)
  if (blocks.length < BLOCKS_MIN * operations) return blocks
  const { clock, log, memory, online } = platform
  const nowMs = clock.now() / 1_000
  try {
    const space = { entity: blocks[0]!.entity.name, group }
    const heads = await online.listHeads(space, { operationsMax: WIDTHS_MAX * operations })
    return blocks.filter(({ key }) => {
      const [held, head] = [readCachedBlock(memory.blocks, key), heads.get(key)]
      if (held === undefined || head === undefined || isReplacedBy(held.block, head)) return true
      renewCachedBlock(memory.blocks, key, nowMs)
      return false
    })
  } catch (error) {
    log.error('The heads of blocks cannot be listed; the blocks are read instead', {
      group,
      reason: String(error),
    })
    return blocks
  }
}
