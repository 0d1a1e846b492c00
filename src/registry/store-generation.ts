import type { SnapshotIndex } from '../definitions/snapshot-index.ts'
import type { Platform } from '../platform.ts'
import { type MadeGeneration, makeGeneration, NEVER_APPLIED } from './make-generation.ts'
import { publishGeneration } from './publish-generation.ts'
import { readKnown } from './read-current.ts'

/**
 * Makes a generation the one in force: its pieces first, which nobody asks for yet, then the generation in D1 in one step, then where
 * readers look. `announce` is done before readers are pointed to it. False when its number is taken.
 */
export async function storeGeneration(
  platform: Platform,
  { head, snapshot, texts }: MadeGeneration,
  {
    author,
    announce = async () => {},
  }: { readonly author: string; readonly announce?: (snapshot: SnapshotIndex) => Promise<void> },
): Promise<boolean> {
  const { registry, clock } = platform
  await registry.writePieces(texts)
  if (!(await registry.insert({ ...head, appliedTime: clock.now(), author }, snapshot))) return false
  await announce(snapshot)
  await publishGeneration(platform, snapshot, texts)
  return true
}

/** Puts the newest generation where readers look; Cron repairs with it what a crashed apply left behind. */
export async function publishNewest(platform: Platform): Promise<string | undefined> {
  const newest = await platform.registry.readGeneration()
  if (newest === 0) return undefined
  const isCompiled = !(await recompileGeneration(platform, newest))
  if (isCompiled && (await platform.snapshots.readPointer()) === newest) return undefined
  await publishGeneration(platform, (await platform.registry.readSnapshot(newest))!)
  return `generation ${newest} published`
}

/**
 * Compiles a generation again that another release compiled, for work that is pinned to it. Answers whether that was to be done.
 */
export async function recompileGeneration(platform: Platform, number: number): Promise<boolean> {
  const { registry } = platform
  const { head, snapshot } = await readKnown(platform, await registry.readHead(number))
  if (snapshot !== undefined || head.generation === 0) return false
  const anew = { head: NEVER_APPLIED, snapshot: undefined }
  const made = await makeGeneration(platform, anew, { head })
  await registry.writePieces(made.texts)
  await registry.replaceSnapshot(made.snapshot)
  return true
}
