import { type Block, openBlock } from '../core/block.ts'
import {
  forgetCachedBlock,
  readCachedBlock,
  refreshCachedBlock,
  writeCachedBlock,
} from '../core/block-cache.ts'
import { topBits } from '../core/entity-key.ts'
import type { Snapshot } from '../definitions/snapshot.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import type { Platform } from '../platform.ts'
import type { PlannedBlock } from './plan-read.ts'

/** A cached block is served this long (S31). From half of it on, a read also refreshes it in the background. */
export const BLOCK_TTL_MS = 5_000

export type Consistency = 'eventual' | 'strong'

/** Where the blocks of a read came from: what it cost. */
export interface ReadCounts {
  /** Blocks the isolate still had. */
  cached: number
  /** Keys read from KV before the answer. */
  kv: number
  /** Keys read from KV in the background, for reads to come. */
  refreshed: number
  /** Writers asked. */
  writers: number
}

interface BlockRead {
  readonly blocks: readonly PlannedBlock[]
  readonly counts: ReadCounts
}

/** Blocks in the order planned; undefined where neither KV nor the writer could give one. */
export async function readBlocks(
  platform: Platform,
  snapshot: Snapshot,
  { blocks, consistency }: { readonly blocks: readonly PlannedBlock[]; readonly consistency: Consistency },
): Promise<{ readonly blocks: (Block | undefined)[]; readonly counts: ReadCounts }> {
  const counts: ReadCounts = { cached: 0, kv: 0, refreshed: 0, writers: 0 }
  if (consistency === 'strong')
    return { blocks: await askWriters(platform, snapshot, { blocks, counts }), counts }
  const nowMs = platform.clock.now() / 1_000
  const aging: PlannedBlock[] = []
  const missing: PlannedBlock[] = []
  const found = blocks.map((planned) => {
    const entry = readCachedBlock(platform.memory.blocks, planned.key)
    // A generation that has come meanwhile may want versions that a block in the cache is too old to have.
    if (entry === undefined || nowMs - entry.fetchedMs >= BLOCK_TTL_MS || !isComplete(entry.block, planned)) {
      missing.push(planned)
      return undefined
    }
    if (nowMs - Math.max(entry.fetchedMs, entry.refreshMs) >= BLOCK_TTL_MS / 2) {
      entry.refreshMs = nowMs
      aging.push(planned)
    }
    return entry.block
  })
  counts.cached = blocks.length - missing.length
  counts.refreshed = aging.length
  if (aging.length > 0) {
    const uncounted: ReadCounts = { ...counts }
    platform.background(fetchBlocks(platform, snapshot, { blocks: aging, counts: uncounted }))
  }
  if (missing.length === 0) return { blocks: found, counts }
  const fetched = await fetchBlocks(platform, snapshot, { blocks: missing, counts })
  return { blocks: fillGaps(found, fetched), counts }
}

/** Blocks that turned out to be damaged, as their writers have them now; the writers publish them again. */
export async function replaceBlocks(
  platform: Platform,
  snapshot: Snapshot,
  read: BlockRead,
): Promise<(Block | undefined)[]> {
  for (const { key } of read.blocks) {
    logDamage(platform, key, 'the checksum of a row differs')
    forgetCachedBlock(platform.memory.blocks, key)
  }
  return askWriters(platform, snapshot, read)
}

/**
 * Reads blocks from KV, past the cache and into it. A block that KV lacks, that is damaged or that lacks a version in
 * force is asked of its writer: only a writer can say that something was never written (S30).
 */
async function fetchBlocks(
  platform: Platform,
  snapshot: Snapshot,
  { blocks, counts }: BlockRead,
): Promise<(Block | undefined)[]> {
  const nowMs = platform.clock.now() / 1_000
  counts.kv += blocks.length
  const texts = await readTexts(platform, blocks)
  const lacking: PlannedBlock[] = []
  const opened = blocks.map((planned, at) => {
    const block = openText(platform, planned, { text: texts[at]!, nowMs })
    if (block !== undefined && isComplete(block, planned)) {
      return writeCachedBlock(platform.memory.blocks, planned.key, block, nowMs)
    }
    lacking.push(planned)
    return undefined
  })
  if (lacking.length === 0) return opened
  return fillGaps(opened, await askWriters(platform, snapshot, { blocks: lacking, counts }))
}

/** Puts `rest` where `found` has gaps, in order. */
function fillGaps(found: (Block | undefined)[], rest: readonly (Block | undefined)[]): (Block | undefined)[] {
  let next = 0
  return found.map((block) => block ?? rest[next++])
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
  { blocks, counts }: BlockRead,
): Promise<(Block | undefined)[]> {
  const answers = new Map<string, Block>()
  const byWriter = Map.groupBy(blocks, ({ entity, range }) => `${entity.name}/${shardOf({ entity, range })}`)
  counts.writers += byWriter.size
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

/** The block of a text, as the cache has it if the text is still the same; undefined where there is none. */
function openText(
  platform: Platform,
  { key }: PlannedBlock,
  { text, nowMs }: { readonly text: string | null; readonly nowMs: number },
): Block | undefined {
  if (text === null) return undefined
  const held = refreshCachedBlock(platform.memory.blocks, key, { text, nowMs })
  if (held !== undefined) return held
  try {
    return openBlock(text)
  } catch (error) {
    logDamage(platform, key, String(error))
    return undefined
  }
}

function logDamage(platform: Platform, key: string, reason: string): void {
  platform.log.error('A block is damaged; its writer is asked and publishes it again', { key, reason })
}

function isComplete(block: Block, { entity }: PlannedBlock): boolean {
  return entity.views.every((view) => block.views.includes(view))
}
