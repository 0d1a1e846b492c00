import { assert } from '../core/error.ts'
import { writeCachedPiece } from '../definitions/piece-cache.ts'
import type { CompiledSource, CompiledView, EntityLayout, Snapshot } from '../definitions/snapshot.ts'
import type { ServicePiece, SnapshotIndex } from '../definitions/snapshot-index.ts'
import { parseViewId } from '../definitions/transition.ts'
import type { Platform } from '../platform.ts'

/** What is wanted of a snapshot, by name. A name that there is none of is left out. */
export interface SnapshotScope {
  /** With the views computed from them, and what the writers of those have to know. */
  readonly sources?: readonly string[] | undefined
  /** Without their views; `all` for every one. */
  readonly onlySources?: readonly string[] | 'all'
  /** What the writers of these entities have to know. */
  readonly entities?: readonly string[]
  /** All versions of all views of these entities, with their sources. */
  readonly viewsOf?: readonly string[]
  /** All versions of these views, with their sources. */
  readonly views?: readonly string[]
  /** With the views they read and the sources of those. */
  readonly services?: readonly string[]
  /** Without their views. */
  readonly onlyServices?: 'all'
}

/** Reads what is wanted of a snapshot, from memory what was read before. */
export async function readScope(
  platform: Platform,
  index: SnapshotIndex,
  scope: SnapshotScope,
): Promise<Snapshot> {
  const { pieces, facts, format, generation, entities, pending } = index
  const wanted = scope.services ?? []
  const served = await readPieces<ServicePiece>(
    platform,
    scope.onlyServices === undefined ? pick(pieces.services, wanted) : pieces.services,
  )
  const ids = new Set(viewsIn(index, scope))
  for (const name of wanted) for (const { view } of served[name]?.service.entries ?? []) ids.add(view)
  const own = [...ids].flatMap((id) => facts[id] ?? [])
  const { onlySources = [] } = scope
  const alone = onlySources === 'all' ? Object.keys(pieces.sources) : onlySources
  const sourceNames = [...(scope.sources ?? []), ...alone, ...own.map(({ source }) => source)]
  const entityNames = [...(scope.entities ?? []), ...own.map(({ entity }) => entity)]
  const [sources, views, layouts] = await Promise.all([
    readPieces<CompiledSource>(platform, pick(pieces.sources, sourceNames)),
    readPieces<CompiledView>(platform, pick(pieces.views, ids)),
    readPieces<EntityLayout>(platform, pick(pieces.layouts, entityNames)),
  ])
  return {
    format,
    generation,
    entities,
    facts,
    pending,
    sources,
    views,
    layouts,
    services: Object.fromEntries(Object.entries(served).map(([name, { service }]) => [name, service])),
    onDemandViews: Object.assign({}, ...Object.values(served).map(({ onDemandViews }) => onDemandViews)),
    names: { sources: Object.keys(pieces.sources), services: Object.keys(pieces.services) },
  }
}

/** Ids of the views that a scope wants by themselves. */
function viewsIn(
  { facts }: SnapshotIndex,
  { sources = [], viewsOf = [], views = [] }: SnapshotScope,
): string[] {
  if (sources.length + viewsOf.length + views.length === 0) return []
  const found: string[] = []
  for (const [id, { source, entity, isComputed }] of Object.entries(facts)) {
    const isWanted =
      (isComputed && sources.includes(source)) ||
      viewsOf.includes(entity) ||
      views.includes(parseViewId(id).name)
    if (isWanted) found.push(id)
  }
  return found
}

function pick(hashes: Readonly<Record<string, string>>, names: Iterable<string>): Record<string, string> {
  const picked: Record<string, string> = {}
  for (const name of names) if (Object.hasOwn(hashes, name)) picked[name] = hashes[name]!
  return picked
}

/** Pieces by the names that their hashes are given under: from memory, the rest from D1. */
export async function readPieces<T>(
  { registry, memory }: Pick<Platform, 'registry' | 'memory'>,
  hashes: Readonly<Record<string, string>>,
): Promise<Record<string, T>> {
  const held = new Map<string, unknown>()
  const lacking: string[] = []
  for (const hash of Object.values(hashes)) {
    const entry = memory.pieces.entries.get(hash)
    if (entry === undefined) lacking.push(hash)
    else held.set(hash, entry.piece)
  }
  if (lacking.length > 0) {
    for (const [hash, text] of await registry.readPieces(lacking))
      held.set(hash, writeCachedPiece(memory.pieces, hash, text))
  }
  return Object.fromEntries(
    Object.entries(hashes).map(([name, hash]) => {
      assert(held.has(hash), 'a generation names no piece that is not stored')
      return [name, held.get(hash) as T]
    }),
  )
}
