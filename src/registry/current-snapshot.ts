import { compileDefinitions } from '../definitions/compile.ts'
import { EMPTY_DEFINITIONS } from '../definitions/definition-set.ts'
import type { Snapshot } from '../definitions/snapshot.ts'
import type { Generation, Platform } from '../platform.ts'

/** How long readers go on with a snapshot before they look at the pointer again. */
export const SNAPSHOT_TTL_MS = 5_000

/** The snapshot reads are served from: isolate memory, then KV; D1 only when KV has none (a store never applied). */
export async function readServingSnapshot(platform: Platform): Promise<Snapshot> {
  const nowMs = platform.clock.now() / 1_000
  const { served } = platform.memory
  if (served !== undefined && nowMs - served.checkedMs < SNAPSHOT_TTL_MS) return served.snapshot
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
  const generation = await platform.registry.read()
  platform.memory.written =
    generation === undefined
      ? compileDefinitions(EMPTY_DEFINITIONS, { generation: 0, versions: {}, blockBits: {} })
      : compile(generation)
  return platform.memory.written
}

/** The snapshot of one generation that has been, for work that began under it. */
export async function readSnapshotOf(platform: Platform, generation: number): Promise<Snapshot> {
  if (platform.memory.written?.generation === generation) return platform.memory.written
  const found = await platform.registry.read(generation)
  return found === undefined ? readWritingSnapshot(platform) : compile(found)
}

export function compile({ definitions, versions, generation, blockBits }: Generation): Snapshot {
  const numbers = Object.fromEntries(Object.entries(versions).map(([view, { version }]) => [view, version]))
  return compileDefinitions(definitions, { generation, versions: numbers, blockBits })
}

function remember(platform: Platform, snapshot: Snapshot): Snapshot {
  const { served } = platform.memory
  const newest =
    served !== undefined && served.snapshot.generation > snapshot.generation ? served.snapshot : snapshot
  platform.memory.served = { snapshot: newest, checkedMs: platform.clock.now() / 1_000 }
  return newest
}
