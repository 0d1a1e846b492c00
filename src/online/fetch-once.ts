import type { Platform } from '../platform.ts'
import type { PlannedBlock } from './plan-read.ts'

/** A fetch that has not ended by then belonged to a request that was cut off: the next one fetches for itself. */
const FETCH_MS_MAX = 2_000
/** Between two looks whether others' fetches have ended: twice as long each time. */
const LOOK_MS_MIN = 4
const LOOK_MS_MAX = 32

/** Whether a request of this isolate is fetching the block now, as far as one can know. */
export function isBeingFetched({ clock, memory }: Platform, key: string): boolean {
  const startMs = memory.blocks.fetching.get(key)
  return startMs !== undefined && clock.now() / 1_000 - startMs < FETCH_MS_MAX
}

/** Fetches blocks, and lets the isolate's other requests know for as long; goes on if the client leaves. */
export function fetchNoted<T>(
  platform: Platform,
  blocks: readonly PlannedBlock[],
  read: () => Promise<T>,
): Promise<T> {
  const { fetching } = platform.memory.blocks
  const startMs = platform.clock.now() / 1_000
  for (const { key } of blocks) fetching.set(key, startMs)
  const fetched = read().finally(() => {
    for (const { key } of blocks) if (fetching.get(key) === startMs) fetching.delete(key)
  })
  platform.background(fetched)
  return fetched
}

/**
 * Resolves when none of the blocks is being fetched any more, or it has taken too long. Looks instead of waiting for a promise,
 * which would belong to the request that fetches, and go with it.
 */
export async function untilFetched(platform: Platform, blocks: readonly PlannedBlock[]): Promise<void> {
  let lookMs = LOOK_MS_MIN
  for (let waitedMs = 0; waitedMs < FETCH_MS_MAX; lookMs = Math.min(2 * lookMs, LOOK_MS_MAX)) {
    await platform.pause(lookMs)
    waitedMs += lookMs
    if (!blocks.some(({ key }) => isBeingFetched(platform, key))) return
  }
}
