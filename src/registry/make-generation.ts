import { type CompiledOthers, compileDefinitions } from '../definitions/compile.ts'
import {
  type DefinitionIndex,
  type DefinitionsByHash,
  definitionHashes,
  type NewDefinitions,
} from '../definitions/definition-index.ts'
import type { DefinitionSet } from '../definitions/definition-set.ts'
import { findTouched, type IndexedGeneration, type Touched } from '../definitions/find-touched.ts'
import type { CompiledView, EntityLayout } from '../definitions/snapshot.ts'
import { pieceHashes, type SnapshotIndex, splitSnapshot } from '../definitions/snapshot-index.ts'
import { parseViewId, SETTLED, serviceViews } from '../definitions/transition.ts'
import type { GenerationHead, Platform, ViewVersion } from '../platform.ts'
import { readDefinitions, readFormers } from './read-definitions.ts'
import { readPieces } from './read-scope.ts'

/** A generation that is to be: what it consists of, and the texts of the pieces that are new with it. */
export interface MadeGeneration {
  readonly head: NewHead
  readonly snapshot: SnapshotIndex
  readonly texts: ReadonlyMap<string, string>
}

export type NewHead = Omit<GenerationHead, 'appliedTime' | 'author'>

/** A generation that there is, with what it was compiled to; undefined where another release compiled it. */
export interface KnownGeneration {
  readonly head: NewHead
  readonly snapshot: SnapshotIndex | undefined
}

/** Where nothing was ever applied. */
export const NEVER_APPLIED: NewHead = {
  generation: 0,
  index: { entities: [], sources: [], feature_views: [], on_demand_views: [], feature_services: [] },
  versions: {},
  blockBits: {},
  transition: SETTLED,
}

/** Compiles a generation that follows a known one: what differs from that and what hangs on it, the rest is taken over. */
export async function makeGeneration(
  platform: Platform,
  before: KnownGeneration,
  { head, fresh = NOTHING_NEW }: { readonly head: NewHead; readonly fresh?: NewDefinitions },
): Promise<MadeGeneration> {
  const known = before.snapshot
  const base = known === undefined ? NEVER_APPLIED : before.head
  const touched = findTouched(indexed(base), indexed(head))
  const formers = await readFormers(platform, head.transition, before.head)
  const former = [...formers.values()].flatMap(({ feature_views }) => feature_views)
  const compiledBefore = Object.entries(known?.facts ?? {}).filter(([id]) => isTouched(touched, id))
  // Versions of a touched view may be of other entities and sources than the view is by its definition.
  for (const { entity, source } of [...former, ...compiledBefore.map(([, facts]) => facts)]) {
    touched.entities.add(entity)
    touched.sources.add(source)
  }
  const set = await readTouched(platform, head.index, { touched, definitions: fresh.definitions })
  const others = await readOthers(platform, { known, touched, set, head })
  const compiled = compileDefinitions(set, {
    generation: head.generation,
    versions: versionNumbers(head.versions),
    blockBits: head.blockBits,
    transition: head.transition,
    formers,
    others,
  })
  const made = splitSnapshot(compiled, others.views)
  const snapshot =
    known === undefined ? made.index : mergeIndexes(known, made.index, { touched, index: head.index })
  const stored = new Set([
    ...definitionHashes(before.head.index),
    ...(known === undefined ? [] : pieceHashes(known)),
  ])
  const added = [...fresh.texts, ...made.texts].filter(([hash]) => !stored.has(hash))
  return { head, snapshot, texts: new Map(added) }
}

const NOTHING_NEW: NewDefinitions = { definitions: new Map(), texts: new Map() }

export function versionNumbers(versions: Readonly<Record<string, ViewVersion>>): Record<string, number> {
  return Object.fromEntries(Object.entries(versions).map(([view, { version }]) => [view, version]))
}

function indexed({ versions, ...head }: NewHead): IndexedGeneration {
  return { ...head, versions: versionNumbers(versions) }
}

/** Whether an id is that of a version of a touched view. */
function isTouched(touched: Touched, id: string): boolean {
  return touched.feature_views.has(parseViewId(id).name)
}

/** The definitions of an index that are touched, and the on-demand views that their services read. */
async function readTouched(
  platform: Platform,
  index: DefinitionIndex,
  { touched, definitions }: { readonly touched: Touched; readonly definitions: DefinitionsByHash },
): Promise<DefinitionSet> {
  const services = index.feature_services.filter(({ name }) => touched.feature_services.has(name))
  const used = services.flatMap(({ uses }) => uses)
  const names = { ...touched, on_demand_views: new Set([...touched.on_demand_views, ...used]) }
  return readDefinitions(platform, index, { names, definitions })
}

/** What is not touched and is needed all the same. */
async function readOthers(
  platform: Platform,
  {
    known,
    touched,
    set,
    head,
  }: {
    readonly known: SnapshotIndex | undefined
    readonly touched: Touched
    readonly set: DefinitionSet
    readonly head: NewHead
  },
): Promise<CompiledOthers> {
  if (known === undefined) return { entities: {}, facts: {}, views: {}, layouts: {} }
  const numbers = versionNumbers(head.versions)
  const read = head.index.feature_services
    .filter(({ name }) => touched.feature_services.has(name))
    .flatMap(({ name, uses }) =>
      Object.values(head.transition.held[name]?.views ?? serviceViews(uses, numbers)),
    )
  const pick = (hashes: Readonly<Record<string, string>>, names: readonly string[]) =>
    Object.fromEntries(names.flatMap((name) => (Object.hasOwn(hashes, name) ? [[name, hashes[name]!]] : [])))
  const [views, layouts] = await Promise.all([
    readPieces<CompiledView>(
      platform,
      pick(
        known.pieces.views,
        read.filter((id) => !isTouched(touched, id)),
      ),
    ),
    readPieces<EntityLayout>(
      platform,
      pick(
        known.pieces.layouts,
        set.entities.map(({ name }) => name),
      ),
    ),
  ])
  const facts = filterKeys(known.facts, (id) => !isTouched(touched, id))
  return { entities: known.entities, facts, views, layouts }
}

/** The index of what was compiled, and of what is taken over. */
function mergeIndexes(
  known: SnapshotIndex,
  made: SnapshotIndex,
  { touched, index }: { readonly touched: Touched; readonly index: DefinitionIndex },
): SnapshotIndex {
  /** What stands under a name of the index now: made anew where that was touched, and then perhaps not there. */
  const merge = <T>(
    kind: keyof DefinitionIndex,
    [before, after]: readonly [Readonly<Record<string, T>>, Readonly<Record<string, T>>],
  ): Record<string, T> => {
    const names = new Set(index[kind].map(({ name }) => name))
    return { ...filterKeys(before, (name) => names.has(name) && !touched[kind].has(name)), ...after }
  }
  const isKept = (id: string) => Object.hasOwn(made.facts, id) && !isTouched(touched, id)
  return {
    ...made,
    entities: merge('entities', [known.entities, made.entities]),
    pending: merge('feature_services', [known.pending, made.pending]),
    pieces: {
      sources: merge('sources', [known.pieces.sources, made.pieces.sources]),
      views: { ...filterKeys(known.pieces.views, isKept), ...made.pieces.views },
      services: merge('feature_services', [known.pieces.services, made.pieces.services]),
      layouts: merge('entities', [known.pieces.layouts, made.pieces.layouts]),
    },
  }
}

function filterKeys<T>(
  record: Readonly<Record<string, T>>,
  isWanted: (key: string) => boolean,
): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => isWanted(key)))
}
