import { type Block, openBlock } from '../core/block.ts'
import { forgetCachedBlock, readCachedBlock, writeCachedBlock } from '../core/block-cache.ts'
import type { ServedGeneration } from '../definitions/served-generation.ts'
import type { Platform } from '../platform.ts'
import { askWriters } from './ask-writers.ts'
import { fetchNoted, isBeingFetched, untilFetched } from './fetch-once.ts'
import type { PlannedBlock } from './plan-read.ts'
import { createReadCost, type ReadCost } from './read-cost.ts'
import { refreshBlocks } from './refresh-blocks.ts'
import { refreshTogether } from './refresh-together.ts'

/** A cached block is served this long (S31). */
export const BLOCK_TTL_MS = 5_000
/** From this age on, a read also refreshes it in the background: who polls sees a new value in half the time. */
const BLOCK_REFRESH_MS = 2_500

export type Consistency = 'eventual' | 'strong'

interface BlockRead {
  readonly blocks: readonly PlannedBlock[]
  readonly cost: ReadCost
}

/** Blocks in the order planned; undefined where neither KV nor the writer could give one. */
export interface FoundBlocks {
  readonly blocks: (Block | undefined)[]
  readonly cost: ReadCost
}

/** Reads blocks; answers at once, without a promise, where the isolate still has them all. */
export function readBlocks(
  platform: Platform,
  snapshot: ServedGeneration,
  { blocks, consistency }: { readonly blocks: readonly PlannedBlock[]; readonly consistency: Consistency },
): FoundBlocks | Promise<FoundBlocks> {
  const cost = createReadCost()
  if (consistency === 'strong') {
    return waitForBlocks(platform, cost, askWriters(platform, snapshot, { blocks, cost, repair: 'none' }))
  }
  const { found, missing } = readCache(platform, snapshot, { blocks, cost })
  if (missing.length === 0) return { blocks: found, cost }
  const obtained = obtainBlocks(platform, snapshot, { blocks: missing, cost })
  return waitForBlocks(
    platform,
    cost,
    obtained.then((rest) => fillGaps(found, rest)),
  )
}

/** Blocks that turned out to be damaged, as their writers have them now; the writers publish them again. */
export async function replaceBlocks(
  platform: Platform,
  snapshot: ServedGeneration,
  read: BlockRead,
): Promise<(Block | undefined)[]> {
  for (const { key } of read.blocks) {
    logDamage(platform, key, 'the checksum of a row differs')
    forgetCachedBlock(platform.memory.blocks, key)
  }
  const startUs = platform.clock.now()
  const replaced = await askWriters(platform, snapshot, { ...read, repair: 'damaged' })
  read.cost.waitUs += platform.clock.now() - startUs
  return replaced
}

async function waitForBlocks(
  platform: Platform,
  cost: ReadCost,
  read: Promise<(Block | undefined)[]>,
): Promise<FoundBlocks> {
  const startUs = platform.clock.now()
  const blocks = await read
  cost.waitUs += platform.clock.now() - startUs
  return { blocks, cost }
}

/** What the cache has of the blocks, and which of them it has not; refreshes those that grow old. */
function readCache(
  platform: Platform,
  snapshot: ServedGeneration,
  { blocks, cost }: BlockRead,
): { readonly found: (Block | undefined)[]; readonly missing: readonly PlannedBlock[] } {
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
    if (nowMs - Math.max(entry.fetchedMs, entry.refreshMs) >= BLOCK_REFRESH_MS) {
      entry.refreshMs = nowMs
      aging.push(planned)
    }
    return entry.block
  })
  cost.cachedBlocks += blocks.length - missing.length
  cost.refreshedBlocks += aging.length
  // What the refresh goes on to cost comes after the answer: it is not the answer's.
  if (aging.length > 0) {
    refreshTogether(platform, { snapshot, blocks: aging }, (gathered) =>
      fetchNoted(platform, gathered, () =>
        refreshBlocks(platform, gathered, (changed) =>
          readThrough(platform, snapshot, { blocks: changed, cost: createReadCost() }),
        ),
      ),
    )
  }
  return { found, missing }
}

/**
 * Blocks that the cache lacks. What another request of the isolate is fetching is waited for and not fetched again: else
 * a store that falls behind would be read by all requests at once, for the same blocks.
 */
async function obtainBlocks(
  platform: Platform,
  snapshot: ServedGeneration,
  { blocks, cost }: BlockRead,
): Promise<(Block | undefined)[]> {
  const own: PlannedBlock[] = []
  const others: PlannedBlock[] = []
  for (const planned of blocks) (isBeingFetched(platform, planned.key) ? others : own).push(planned)
  if (others.length === 0) return fetchBlocks(platform, snapshot, { blocks, cost })
  const [fetched] = await Promise.all([
    own.length === 0 ? [] : fetchBlocks(platform, snapshot, { blocks: own, cost }),
    untilFetched(platform, others),
  ])
  const { found, missing } = readCache(platform, snapshot, { blocks: others, cost })
  const rest = missing.length === 0 ? [] : await fetchBlocks(platform, snapshot, { blocks: missing, cost })
  const ordered = [...fetched, ...fillGaps(found, rest)]
  const obtained = new Map([...own, ...others].map(({ key }, at) => [key, ordered[at]]))
  return blocks.map(({ key }) => obtained.get(key))
}

/**
 * Reads blocks from KV, past the cache and into it. A block that KV lacks, that is damaged or that lacks a version in
 * force is asked of its writer: only a writer can say that something was never written (S30).
 */
function fetchBlocks(
  platform: Platform,
  snapshot: ServedGeneration,
  read: BlockRead,
): Promise<(Block | undefined)[]> {
  return fetchNoted(platform, read.blocks, () => readThrough(platform, snapshot, read))
}

async function readThrough(
  platform: Platform,
  snapshot: ServedGeneration,
  { blocks, cost }: BlockRead,
): Promise<(Block | undefined)[]> {
  const nowMs = platform.clock.now() / 1_000
  cost.kvKeys += blocks.length
  const texts = await readTexts(platform, blocks)
  const [lacking, damaged]: [PlannedBlock[], PlannedBlock[]] = [[], []]
  const opened = blocks.map((planned, at) => {
    const text = texts[at]!
    const block = openText(platform, planned, text)
    if (block !== undefined && isComplete(block, planned)) {
      const newest = writeCachedBlock(platform.memory.blocks, planned.key, block, nowMs)
      // One that the cache holds may be newer and of a time when the view stood in another group.
      if (isComplete(newest, planned)) return newest
    }
    const isDamaged = text !== null && block === undefined
    ;(isDamaged ? damaged : lacking).push(planned)
    return undefined
  })
  if (lacking.length === 0 && damaged.length === 0) return opened
  const answers = await Promise.all([
    askWriters(platform, snapshot, { blocks: lacking, cost, repair: 'lacking' }),
    askWriters(platform, snapshot, { blocks: damaged, cost, repair: 'damaged' }),
  ])
  const answered = answers.flat()
  const obtained = new Map([...lacking, ...damaged].map(({ key }, at) => [key, answered[at]]))
  return blocks.map(({ key }, at) => opened[at] ?? obtained.get(key))
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

/** The block of a text; the one in the cache if its text is still the same, for its rows may be checked already. */
function openText(platform: Platform, { key }: PlannedBlock, text: string | null): Block | undefined {
  if (text === null) return undefined
  const held = readCachedBlock(platform.memory.blocks, key)
  if (held?.block.text === text) return held.block
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

/** Whether it holds what is read; which other versions it is complete for does not matter. */
function isComplete(block: Block, { views }: PlannedBlock): boolean {
  return views.every((view) => block.views.includes(view))
}
