import { FeatureStoreError } from '../core/error.ts'
import {
  addPack,
  type PackKind,
  packHash,
  type ServedGeneration,
  serveGeneration,
} from '../definitions/served-generation.ts'
import { EMPTY_SNAPSHOT, SNAPSHOT_FORMAT, type Snapshot } from '../definitions/snapshot.ts'
import { type SnapshotIndex, servingIndex, splitSnapshot } from '../definitions/snapshot-index.ts'
import type { Platform } from '../platform.ts'
import { readPackText } from './publish-generation.ts'
import { readScope, type SnapshotScope } from './read-scope.ts'

/** How long readers go on with a snapshot before they look at the pointer again. */
export const SNAPSHOT_TTL_MS = 5_000

/** Of what an isolate has read of a generation to serve it; past that it begins anew. */
const SERVED_CHARS_MAX = 8_000_000

/** What reads are served from: isolate memory, then KV; D1 only when KV has none (a store never applied). */
export function readServing(platform: Platform): ServedGeneration | Promise<ServedGeneration> {
  const nowMs = platform.clock.now() / 1_000
  const { served } = platform.memory
  if (served !== undefined && nowMs - served.checkedMs < SNAPSHOT_TTL_MS) return served.generation
  return followPointer(platform)
}

async function followPointer(platform: Platform): Promise<ServedGeneration> {
  const { served } = platform.memory
  const pointer = await platform.snapshots.readPointer()
  // KV may answer with an older pointer than the one this isolate has followed already: never go back.
  const isNewer = pointer !== undefined && pointer > (served?.generation.generation ?? -1)
  if (!isNewer && served !== undefined) return remember(platform, served.generation)
  const index = isNewer ? await platform.snapshots.read(pointer) : undefined
  return index === undefined ? readServingNewest(platform) : remember(platform, serveGeneration(index))
}

/** The newest generation in D1, for readers that meet a name or a version they do not know (S34, S30). */
export async function readServingNewest(platform: Platform): Promise<ServedGeneration> {
  const index = await readWritingIndex(platform)
  const { served } = platform.memory
  if (served !== undefined && served.generation.generation >= index.generation)
    return remember(platform, served.generation)
  return remember(platform, serveGeneration(servingIndex(index)))
}

/** Reads the pack that a service, or an entity's layout, is in, unless that is read: from KV, from D1 where KV has lost it. */
export async function readPack(
  platform: Platform,
  served: ServedGeneration,
  { kind, name }: { readonly kind: PackKind; readonly name: string },
): Promise<ServedGeneration> {
  const hash = packHash(served, kind, name)
  if (served.added.has(hash)) return served
  let text = await platform.snapshots.readPack(hash)
  if (text === undefined) {
    const index = await readStoredIndex(platform, served.generation)
    text = await readPackText(platform, index.pieces[kind], hash)
    platform.background(platform.snapshots.writePack(hash, text))
  }
  const isFull = served.chars > 0 && served.chars + text.length > SERVED_CHARS_MAX
  const target = isFull ? serveGeneration(served) : served
  addPack(target, { kind, hash, text })
  const { memory } = platform
  if (isFull && memory.served?.generation === served) memory.served = { ...memory.served, generation: target }
  return target
}

/** What is wanted of the newest snapshot, from D1: what the write path and history work under. */
export async function readWritingSnapshot(platform: Platform, scope: SnapshotScope): Promise<Snapshot> {
  return readScope(platform, await readWritingIndex(platform), scope)
}

/** What is wanted of the snapshot of one generation that has been, for work that began under it. */
export async function readSnapshotOf(
  platform: Platform,
  generation: number,
  scope: SnapshotScope,
): Promise<Snapshot> {
  const { written } = platform.memory
  const index = written?.generation === generation ? written : await readStoredIndex(platform, generation)
  return readScope(platform, index, scope)
}

const EMPTY_INDEX = splitSnapshot(EMPTY_SNAPSHOT).index

/** What the newest generation in D1 consists of. */
export async function readWritingIndex(platform: Platform): Promise<SnapshotIndex> {
  const { written } = platform.memory
  const newest = await platform.registry.readGeneration()
  if (written !== undefined && written.generation === newest) return written
  platform.memory.written = newest === 0 ? EMPTY_INDEX : await readStoredIndex(platform, newest)
  return platform.memory.written
}

/** Snapshots are compiled by whoever applies: neither serving nor the write path has a parser. */
async function readStoredIndex(platform: Platform, generation: number): Promise<SnapshotIndex> {
  const index = generation === 0 ? EMPTY_INDEX : await platform.registry.readSnapshot(generation)
  if (index?.format === SNAPSHOT_FORMAT) return index
  throw new FeatureStoreError(
    'unavailable',
    `Cannot read generation ${generation}: it was compiled by another release; Cron compiles it again within a minute`,
    { retry_after_s: 60 },
  )
}

function remember(platform: Platform, generation: ServedGeneration): ServedGeneration {
  const { served } = platform.memory
  const newest =
    served !== undefined && served.generation.generation > generation.generation
      ? served.generation
      : generation
  platform.memory.served = { generation: newest, checkedMs: platform.clock.now() / 1_000 }
  return newest
}
