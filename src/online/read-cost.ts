import type { DurationUs } from '../core/time.ts'

/** What a read has cost so far: where its blocks came from and how long they took. */
export interface ReadCost {
  /** Blocks the isolate still had, or another of its requests was just reading. */
  cachedBlocks: number
  /** Keys read from KV for the answer. */
  kvKeys: number
  /** Blocks that are looked at again in the background, for reads to come. */
  refreshedBlocks: number
  /** Writers asked. */
  writers: number
  /** Time spent waiting for KV and writers. */
  waitUs: DurationUs
}

export function createReadCost(): ReadCost {
  return { cachedBlocks: 0, kvKeys: 0, refreshedBlocks: 0, writers: 0, waitUs: 0 }
}

/** What two reads for one answer have cost. */
export function addCosts(a: ReadCost, b: ReadCost): ReadCost {
  return {
    cachedBlocks: a.cachedBlocks + b.cachedBlocks,
    kvKeys: a.kvKeys + b.kvKeys,
    refreshedBlocks: a.refreshedBlocks + b.refreshedBlocks,
    writers: a.writers + b.writers,
    waitUs: a.waitUs + b.waitUs,
  }
}
