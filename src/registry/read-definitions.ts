import type { DefinitionIndex, DefinitionsByHash } from '../definitions/definition-index.ts'
import { DEFINITION_KINDS, type DefinitionSet } from '../definitions/definition-set.ts'
import { parseViewId, type Transition } from '../definitions/transition.ts'
import type { GenerationHead, Platform } from '../platform.ts'

type Names = { readonly [kind in keyof DefinitionIndex]: ReadonlySet<string> }

/** Definitions of an index by name, in its order. `definitions` are those at hand. */
export async function readDefinitions(
  { registry }: Pick<Platform, 'registry'>,
  index: DefinitionIndex,
  { names, definitions }: { readonly names: Names; readonly definitions?: DefinitionsByHash },
): Promise<DefinitionSet> {
  const kinds = Object.keys(DEFINITION_KINDS) as (keyof DefinitionIndex)[]
  const hashes = kinds.map((kind) =>
    index[kind].filter(({ name }) => names[kind].has(name)).map(({ hash }) => hash),
  )
  const lacking = hashes.flat().filter((hash) => !definitions?.has(hash))
  const stored = lacking.length === 0 ? undefined : await registry.readPieces(lacking)
  const parse = (hash: string): unknown => definitions?.get(hash) ?? JSON.parse(stored!.get(hash)!)
  return Object.fromEntries(
    kinds.map((kind, at) => [kind, hashes[at]!.map(parse)]),
  ) as unknown as DefinitionSet
}

/**
 * Of each generation that a transition names, the versions and services that it names of it, and what those are made of. `known` is one
 * at hand.
 */
export async function readFormers(
  platform: Platform,
  { kept, held }: Transition,
  known: Pick<GenerationHead, 'generation' | 'index'>,
): Promise<ReadonlyMap<number, DefinitionSet>> {
  const views = Map.groupBy(Object.keys(kept), (id) => kept[id]!)
  const services = Map.groupBy(Object.keys(held), (name) => held[name]!.generation)
  const formers = new Map<number, DefinitionSet>()
  for (const generation of new Set([...views.keys(), ...services.keys()])) {
    const head = generation === known.generation ? known : await platform.registry.readHead(generation)
    if (generation === 0 || head === undefined) continue
    const names = namesOf(head.index, {
      views: (views.get(generation) ?? []).map((id) => parseViewId(id).name),
      services: services.get(generation) ?? [],
    })
    formers.set(generation, await readDefinitions(platform, head.index, { names }))
  }
  return formers
}

/** Views with what they are computed of, and services with the on-demand views that they read. */
function namesOf(
  index: DefinitionIndex,
  { views, services }: { readonly views: readonly string[]; readonly services: readonly string[] },
): Names {
  const used = index.feature_views.filter(({ name }) => views.includes(name))
  const read = index.feature_services.filter(({ name }) => services.includes(name))
  return {
    entities: new Set(used.map(({ uses }) => uses[0]!)),
    sources: new Set(used.map(({ uses }) => uses[1]!)),
    feature_views: new Set(views),
    on_demand_views: new Set(read.flatMap(({ uses }) => uses)),
    feature_services: new Set(services),
  }
}
