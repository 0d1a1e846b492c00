import { assert } from '../core/error.ts'
import { SNAPSHOT_FORMAT } from '../definitions/snapshot.ts'
import { type Pack, planPacks, type SnapshotIndex, servingIndex } from '../definitions/snapshot-index.ts'
import type { Platform } from '../platform.ts'

/** Packs put at a time: their texts are in memory together. */
const PACKS_AT_ONCE = 20

/** How long readers may go on with a generation that another has followed, and longer than KV may lag. */
const PUBLICATION_AGE_US = 3_600_000_000
/** Keys that one tick deletes at least, if there are any to delete. */
const DELETED_MIN = 200

/** A piece that was written and is named by no generation after this time never is. */
const UNNAMED_AGE_US = 86_400_000_000

/**
 * Puts a generation where readers look: the packs that the one they look at now does not have, then the index, then the pointer.
 * `known` are texts of pieces at hand.
 */
export async function publishGeneration(
  platform: Platform,
  index: SnapshotIndex,
  known: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  const { registry, snapshots } = platform
  const pointer = await snapshots.readPointer()
  const published = new Set(await packsOf(platform, pointer))
  for (const pieces of [index.pieces.services, index.pieces.layouts]) {
    const lacking = planPacks(pieces).filter(({ hash }) => !published.has(hash))
    for (let at = 0; at < lacking.length; at += PACKS_AT_ONCE) {
      const some = lacking.slice(at, at + PACKS_AT_ONCE)
      const hashes = some.flatMap(({ names }) => names.map((name) => pieces[name]!))
      const stored = await registry.readPieces(hashes.filter((hash) => !known.has(hash)))
      const texts = new Map([...known, ...stored])
      await Promise.all(some.map((pack) => snapshots.writePack(pack.hash, packText(pack, pieces, texts))))
    }
  }
  await snapshots.publish(servingIndex(index))
}

/** The text of a pack as it is made of the pieces in D1, for readers that do not find it in KV. */
export async function readPackText(
  { registry }: Platform,
  pieces: Readonly<Record<string, string>>,
  hash: string,
): Promise<string> {
  const pack = planPacks(pieces).find((one) => one.hash === hash)
  assert(pack !== undefined, 'packs follow from the pieces of their generation')
  return packText(pack, pieces, await registry.readPieces(pack.names.map((name) => pieces[name]!)))
}

/** What KV holds under a pack's key. */
export function packText(
  { names }: Pack,
  pieces: Readonly<Record<string, string>>,
  texts: ReadonlyMap<string, string>,
): string {
  return `{${names.map((name) => `${JSON.stringify(name)}:${texts.get(pieces[name]!)!}`).join()}}`
}

/** Hashes of the packs that a generation's index in KV names; none where another release put it. */
async function packsOf({ registry }: Platform, generation: number | undefined): Promise<readonly string[]> {
  const index = generation === undefined ? undefined : await registry.readSnapshot(generation)
  if (index?.format !== SNAPSHOT_FORMAT) return []
  const { services, layouts } = servingIndex(index).packs
  return [...services, ...layouts]
}

/**
 * What Cron does: deletes from KV what only generations had that were followed by another long ago, and from D1 what an apply wrote that
 * was cut off. Generations themselves stay, to be applied again and for work that is pinned to them.
 */
export async function forgetPublications(platform: Platform): Promise<string | undefined> {
  const { registry, snapshots, clock } = platform
  const unnamed = await registry.forgetPieces(clock.now() - UNNAMED_AGE_US)
  const [newest, ...former] = await registry.listPublished()
  const done: number[] = []
  if (former.length > 0) {
    const followed = followedTimes(await registry.list())
    const isOld = (generation: number) => followed.get(generation)! < clock.now() - PUBLICATION_AGE_US
    const kept = new Set<string>()
    for (const generation of [newest!, ...former.filter((one) => !isOld(one))])
      for (const hash of await packsOf(platform, generation)) kept.add(hash)
    let deletedCount = 0
    for (const generation of former.filter(isOld)) {
      if (deletedCount >= DELETED_MIN) break
      const gone = [...new Set(await packsOf(platform, generation))].filter((hash) => !kept.has(hash))
      await snapshots.delete(generation, gone)
      await registry.endPublication(generation)
      deletedCount += gone.length + 1
      done.push(generation)
    }
  }
  const deeds = [
    ...(done.length === 0 ? [] : [`generations ${done.join(', ')} taken from KV`]),
    ...(unnamed === 0 ? [] : [`${unnamed} pieces of no generation forgotten`]),
  ]
  return deeds.length === 0 ? undefined : deeds.join(', ')
}

/** When each generation was followed by the next; `generations` are newest first. */
function followedTimes(
  generations: readonly { readonly generation: number; readonly appliedTime: number }[],
): ReadonlyMap<number, number> {
  return new Map(generations.slice(1).map(({ generation }, at) => [generation, generations[at]!.appliedTime]))
}
