import { FeatureStoreError } from '../core/error.ts'
import { EMPTY_SNAPSHOT, SNAPSHOT_FORMAT, type Snapshot } from '../definitions/snapshot.ts'
import type { Platform } from '../platform.ts'

/** How long readers go on with a snapshot before they look at the pointer again. */
export const SNAPSHOT_TTL_MS = 5_000

/** The snapshot reads are served from: isolate memory, then KV; D1 only when KV has none (a store never applied). */
export function readServingSnapshot(platform: Platform): Snapshot | Promise<Snapshot> {
  const nowMs = platform.clock.now() / 1_000
  const { served } = platform.memory
  if (served !== undefined && nowMs - served.checkedMs < SNAPSHOT_TTL_MS) return served.snapshot
  return followPointer(platform)
}

async function followPointer(platform: Platform): Promise<Snapshot> {
  const { served } = platform.memory
  const generation = await platform.snapshots.readPointer()
  // KV may answer with an older pointer than the one this isolate has followed already: never go back.
  const isNewer = generation !== undefined && generation > (served?.snapshot.generation ?? -1)
  const snapshot = isNewer ? await platform.snapshots.read(generation) : served?.snapshot
  return remember(platform, snapshot ?? (await readWritingSnapshot(platform)))
}

/** The newest snapshot from D1, for readers that meet a name or a version they do not know (S34, S30). */
export async function refreshServingSnapshot(platform: Platform): Promise<Snapshot> {
  return remember(platform, await readWritingSnapshot(platform))
}

/** The newest snapshot from D1: what the write path and history work under. */
export async function readWritingSnapshot(platform: Platform): Promise<Snapshot> {
  const { written } = platform.memory
  const newest = await platform.registry.readGeneration()
  if (written !== undefined && written.generation === newest) return written
  platform.memory.written = newest === 0 ? EMPTY_SNAPSHOT : await readStored(platform, newest)
  return platform.memory.written
}

/** The snapshot of one generation that has been, for work that began under it. */
export async function readSnapshotOf(platform: Platform, generation: number): Promise<Snapshot> {
  if (platform.memory.written?.generation === generation) return platform.memory.written
  return readStored(platform, generation)
}

/** Snapshots are compiled by whoever applies: neither serving nor the write path has a parser. */
async function readStored(platform: Platform, generation: number): Promise<Snapshot> {
  const snapshot = await platform.registry.readSnapshot(generation)
  if (snapshot?.format === SNAPSHOT_FORMAT) return snapshot
  throw new FeatureStoreError(
    'unavailable',
    `Cannot read generation ${generation}: it was compiled by another release; Cron compiles it again within a minute`,
    { retry_after_s: 60 },
  )
}

function remember(platform: Platform, snapshot: Snapshot): Snapshot {
  const { served } = platform.memory
  const newest =
    served !== undefined && served.snapshot.generation > snapshot.generation ? served.snapshot : snapshot
  platform.memory.served = { snapshot: newest, checkedMs: platform.clock.now() / 1_000 }
  return newest
}
