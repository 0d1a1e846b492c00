import type { DurationUs } from '../core/time.ts'
import type { ReadCost } from '../online/read-cost.ts'

/** The `server-timing` header of a read: where its blocks came from, the wait for them, and all of the request (ms). */
export function serverTiming(cost: ReadCost, totalUs: DurationUs): string {
  const { cachedBlocks, kvKeys, refreshedBlocks, writers, waitUs } = cost
  const blocks = `cached=${cachedBlocks} kv=${kvKeys} refreshed=${refreshedBlocks} writers=${writers}`
  return `blocks;desc="${blocks}", read;dur=${waitUs / 1_000}, total;dur=${totalUs / 1_000}`
}
