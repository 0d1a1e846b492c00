import { type Block, openBlock } from '../core/block.ts'
import { readCachedBlock, writeCachedBlock } from '../core/block-cache.ts'
import type { Snapshot } from '../definitions/snapshot.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import type { Platform } from '../platform.ts'
import type { PlannedBlock } from './plan-read.ts'

/** A cached block is served this long (S31). From half of it on, a read also refreshes it in the background. */
export const BLOCK_TTL_MS = 5_000

export type Consistency = 'eventual' | 'strong'

/** Blocks in the order planned; undefined where neither KV nor the writer could give one. */
export async function readBlocks(
  platform: Platform,
  snapshot: Snapshot,
  { blocks, consistency }: { readonly blocks: readonly PlannedBlock[]; readonly consistency: Consistency },
): Promise<(Block | undefined)[]> {
  if (consistency === 'strong') return askWriters(platform, snapshot, { blocks, isLacking: false })
  const nowMs = platform.clock.now() / 1_000
  const cache = platform.memory.blocks
  const aging: PlannedBlock[] = []
  const found = blocks.map(({ key }, at) => {
    const entry = readCachedBlock(cache, key)
    if (entry === undefined || nowMs - entry.fetchedMs >= BLOCK_TTL_MS) return undefined
    if (nowMs - Math.max(entry.fetchedMs, entry.refreshMs) >= BLOCK_TTL_MS / 2) {
      entry.refreshMs = nowMs
      aging.push(blocks[at]!)
    }
    return entry.block
  })
  if (aging.length > 0) platform.background(fetchBlocks(platform, snapshot, aging))
  const missing = blocks.filter((_, at) => found[at] === undefined)
  if (missing.length === 0) return found
  const fetched = await fetchBlocks(platform, snapshot, missing)
  for (let at = 0, next = 0; at < found.length; at++) if (found[at] === undefined) found[at] = fetched[next++]
  return found
}

/**
 * Reads blocks from KV, past the cache and into it. A block that KV lacks, that is damaged or that lacks a version in
 * force is asked of its writer: only a writer can say that something was never written (S30).
 */
async function fetchBlocks(
  platform: Platform,
  snapshot: Snapshot,
  blocks: readonly PlannedBlock[],
): Promise<(Block | undefined)[]> {
  const nowMs = platform.clock.now() / 1_000
  const texts = await readTexts(platform, blocks)
  const opened = blocks.map((planned, at) => {
    const block = tryOpen(platform, planned, texts[at]!)
    if (block === undefined || !isComplete(block, planned)) return undefined
    return writeCachedBlock(platform.memory.blocks, planned.key, block, nowMs)
  })
  const lacking = blocks.filter((_, at) => opened[at] === undefined)
  if (lacking.length === 0) return opened
  const asked = await askWriters(platform, snapshot, { blocks: lacking, isLacking: true })
  for (let at = 0, next = 0; at < opened.length; at++)
    if (opened[at] === undefined) opened[at] = asked[next++]
  return opened
}

async function readTexts(
  platform: Platform,
  blocks: readonly PlannedBlock[],
): Promise<readonly (string | null)[]> {
  try {
    return await platform.online.readBlocks(blocks.map(({ key }) => key))
  } catch (error) {
    platform.log.error('The online store cannot be read; writers are asked instead', {
      reason: String(error),
    })
    return blocks.map(() => null)
  }
}

async function askWriters(
  platform: Platform,
  snapshot: Snapshot,
  { blocks, isLacking }: { readonly blocks: readonly PlannedBlock[]; readonly isLacking: boolean },
): Promise<(Block | undefined)[]> {
  const answers = new Map<string, Block>()
  const byWriter = Map.groupBy(blocks, (block) => `${block.entity.name}/${shardOf(block)}`)
  await Promise.all(
    [...byWriter.values()].map(async (asked) => {
      const layout = writerLayout(snapshot, asked[0]!.entity.name, shardOf(asked[0]!))
      try {
        const wanted = asked.map(({ group, bits }) => ({ group: group.name, bits }))
        const texts = await platform.writers.readBlocks(layout, wanted, { isLacking })
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
function shardOf({ entity, bits }: PlannedBlock): number {
  return entity.shardBits === 0 ? 0 : Number.parseInt(bits.slice(0, entity.shardBits), 2)
}

function tryOpen(platform: Platform, { key }: PlannedBlock, text: string | null): Block | undefined {
  if (text === null) return undefined
  try {
    return openBlock(text)
  } catch (error) {
    platform.log.error('A block is damaged; its writer is asked and publishes it again', {
      key,
      reason: String(error),
    })
    return undefined
  }
}

function isComplete(block: Block, { group }: PlannedBlock): boolean {
  return group.views.every((view) => block.views.includes(view))
}
