import type { Block } from './block.ts'

/**
 * Blocks an isolate remembers, bounded in bytes, the one fetched longest ago first out. A block in use is fetched
 * again within its ttl, so this keeps what is used without noting each use. Plain data only: nothing in it belongs
 * to a request.
 */
export interface BlockCache {
  readonly bytesMax: number
  bytes: number
  /** In order of fetching. */
  readonly entries: Map<string, CachedBlock>
  /** Blocks that are being fetched, and since when (milliseconds since the epoch). */
  readonly fetching: Map<string, number>
}

export interface CachedBlock {
  readonly block: Block
  /** Milliseconds since the epoch at which it was fetched or found unchanged. */
  fetchedMs: number
  /** When a refresh was last begun, so that one hot block is refreshed by one request. */
  refreshMs: number
}

export function createBlockCache(bytesMax: number): BlockCache {
  return { bytesMax, bytes: 0, entries: new Map(), fetching: new Map() }
}

export function readCachedBlock(cache: BlockCache, key: string): CachedBlock | undefined {
  return cache.entries.get(key)
}

/** Remembers a block. One older than the block already held refreshes its age and replaces nothing (S31). */
export function writeCachedBlock(cache: BlockCache, key: string, block: Block, nowMs: number): Block {
  const held = cache.entries.get(key)
  if (held !== undefined && held.block.publishedMs > block.publishedMs) {
    renewCachedBlock(cache, key, nowMs)
    return held.block
  }
  if (held !== undefined) forget(cache, key, held)
  cache.entries.set(key, { block, fetchedMs: nowMs, refreshMs: nowMs })
  cache.bytes += bytesOf(key, block)
  // Asked first, for a Map remembers what was deleted at its front, and even to begin a walk over it takes time.
  if (cache.bytes > cache.bytesMax) forgetOldest(cache)
  return block
}

/** Notes that a block was found unchanged: as if it had been fetched now. */
export function renewCachedBlock(cache: BlockCache, key: string, nowMs: number): void {
  const held = cache.entries.get(key)
  if (held === undefined) return
  cache.entries.delete(key)
  held.fetchedMs = nowMs
  cache.entries.set(key, held)
}

/** Counts bytes of what was made of a block and goes with it, as part of the block where the cache holds that. */
export function countDerivedBytes(
  cache: BlockCache,
  key: string,
  { block, bytes }: { readonly block: Block; readonly bytes: number },
): void {
  block.derivedBytes += bytes
  if (cache.entries.get(key)?.block !== block) return
  cache.bytes += bytes
  if (cache.bytes > cache.bytesMax) forgetOldest(cache)
}

/** Lets go of a block that turned out to be damaged. */
export function forgetCachedBlock(cache: BlockCache, key: string): void {
  const held = cache.entries.get(key)
  if (held !== undefined) forget(cache, key, held)
}

function forgetOldest(cache: BlockCache): void {
  for (const [key, entry] of cache.entries) {
    if (cache.bytes <= cache.bytesMax) break
    forget(cache, key, entry)
  }
}

function forget(cache: BlockCache, key: string, entry: CachedBlock): void {
  cache.entries.delete(key)
  cache.bytes -= bytesOf(key, entry.block)
}

/** One byte a character, as blocks are ASCII, what was made of it, and what the objects around it cost. */
function bytesOf(key: string, block: Block): number {
  return block.text.length + block.derivedBytes + key.length + 200
}
