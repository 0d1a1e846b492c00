import type { NamedType } from '../core/segment.ts'
import type { FeatureService } from './feature-service.ts'
import type {
  CompiledEntity,
  CompiledEntry,
  CompiledLookup,
  CompiledService,
  ServedView,
} from './snapshot.ts'
import { inputName } from './validate.ts'

/** The service of the entries that name feature views; `views` are those by the names that entries give them. */
export function compileService(
  service: FeatureService,
  entities: Readonly<Record<string, CompiledEntity>>,
  views: Readonly<Record<string, ServedView>>,
): CompiledService {
  const inputs: NamedType[] = []
  const lookups: CompiledLookup[] = []
  const entries: CompiledEntry[] = []
  const features: NamedType[] = []
  for (const entry of service.features) {
    if (!Object.hasOwn(views, entry.view)) continue
    const view = views[entry.view]!
    const entity = entities[view.entity]!
    const positions = entity.joinKeys.map(({ name, type }) => {
      const input = inputName(entry, name)
      const at = inputs.findIndex((known) => known.name === input)
      return at >= 0 ? at : inputs.push({ name: input, type }) - 1
    })
    const taken = entry.features ?? view.features.map(({ name }) => name)
    const taking = taken.map((name) => view.features.findIndex((feature) => feature.name === name))
    entries.push({
      view: view.id,
      lookup: lookupOf(lookups, {
        entity: entity.name,
        group: view.group,
        inputs: positions,
        views: [view.id],
      }),
      features: taking,
      isWhole: taking.length === view.features.length && taking.every((feature, at) => feature === at),
    })
    features.push(
      ...taking.map((at) => ({
        name: entry.prefix + view.features[at]!.name,
        type: view.features[at]!.type,
      })),
    )
  }
  return { name: service.name, inputs, lookups: lookups.map(withAllViews), entries, features, onDemand: null }
}

/**
 * Two entries that name the same entity by the same inputs share one lookup, if they look into the same
 * blocks.
 */
function lookupOf(lookups: CompiledLookup[], wanted: CompiledLookup): number {
  const found = lookups.findIndex(
    ({ entity, group, inputs }) =>
      entity === wanted.entity && group === wanted.group && inputs.join() === wanted.inputs.join(),
  )
  if (found < 0) return lookups.push(wanted) - 1
  const { views, ...lookup } = lookups[found]!
  lookups[found] = { ...lookup, views: [...new Set([...views, ...wanted.views])] }
  return found
}

/** Blocks are shared by all lookups of one group: they have to hold the views of all of them. */
function withAllViews(lookup: CompiledLookup, _: number, all: readonly CompiledLookup[]): CompiledLookup {
  const sameBlocks = all.filter(({ entity, group }) => entity === lookup.entity && group === lookup.group)
  return { ...lookup, views: [...new Set(sameBlocks.flatMap(({ views }) => views))] }
}
