import { LIMITS } from '../core/limits.ts'
import type { ServedGeneration } from '../definitions/served-generation.ts'
import type { Memory, Platform } from '../platform.ts'
import type { PlannedBlock } from './plan-read.ts'

/** How long the first request waits for others: nobody waits for it. */
const GATHER_MS = 10
/** A request that has not read what was gathered by then was cut off. */
const GATHER_MS_MAX = 1_000

/** Blocks that requests want refreshed under one generation, until the first of them reads them all. */
interface GatheredBlocks {
  readonly snapshot: ServedGeneration
  readonly blocks: PlannedBlock[]
  readonly startMs: number
}

/** By isolate. */
const gatherings = new WeakMap<Memory, GatheredBlocks>()

/**
 * Refreshes blocks in the background, together with those of requests that come within a few milliseconds: hot blocks grow
 * old at the same time, and one look at many costs an isolate little more than one at a single block. Requests
 * share what they want, no promise: that would belong to one of them.
 */
export function refreshTogether(
  platform: Platform,
  { snapshot, blocks }: { readonly snapshot: ServedGeneration; readonly blocks: readonly PlannedBlock[] },
  read: (blocks: readonly PlannedBlock[]) => Promise<void>,
): void {
  const { clock, memory } = platform
  const nowMs = clock.now() / 1_000
  const gathered = gatherings.get(memory)
  if (
    gathered?.snapshot === snapshot &&
    gathered.blocks.length + blocks.length <= LIMITS.readBlocksMax &&
    nowMs - gathered.startMs < GATHER_MS_MAX
  ) {
    gathered.blocks.push(...blocks)
    return
  }
  const own = { snapshot, blocks: [...blocks], startMs: nowMs }
  gatherings.set(memory, own)
  platform.background(readGathered(platform, own, read))
}

async function readGathered(
  { memory, pause }: Platform,
  own: GatheredBlocks,
  read: (blocks: readonly PlannedBlock[]) => Promise<void>,
): Promise<void> {
  await pause(GATHER_MS)
  if (gatherings.get(memory) === own) gatherings.delete(memory)
  await read(own.blocks)
}
