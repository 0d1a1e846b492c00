import type { DefinitionIndex, DefinitionsByHash } from '../definitions/definition-index.ts'
import type { DefinitionSet } from '../definitions/definition-set.ts'
import { findTouched, type Touched } from '../definitions/find-touched.ts'
import type { Platform } from '../platform.ts'
import { type NewHead, versionNumbers } from './make-generation.ts'
import { readDefinitions } from './read-definitions.ts'

/** What a plan is about: of the definitions in force and of those that are to follow what is touched, and what that refers to. */
export interface PlannedDefinitions {
  readonly before: DefinitionSet
  readonly after: DefinitionSet
  /** Names of those of `after` that stand as they did, and so does all that they refer to. */
  readonly unchanged: Touched
}

/** `definitions` are those that are new with the index. */
export async function readPlanned(
  platform: Platform,
  { versions: given, ...head }: NewHead,
  { index, definitions }: { readonly index: DefinitionIndex; readonly definitions: DefinitionsByHash },
): Promise<PlannedDefinitions> {
  const before = { ...head, versions: versionNumbers(given) }
  const touched = findTouched(before, { ...before, index })
  const names = withContext(touched, [head.index, index])
  const [was, is] = await Promise.all([
    readDefinitions(platform, head.index, { names }),
    readDefinitions(platform, index, { names, definitions }),
  ])
  return { before: was, after: is, unchanged: differenceOf(names, touched) }
}

/** Adds the views that touched services read, and the entities and sources of all views. */
function withContext(touched: Touched, indexes: readonly DefinitionIndex[]): Touched {
  const views = new Set(touched.feature_views)
  const onDemandViews = new Set(touched.on_demand_views)
  const entities = new Set(touched.entities)
  const sources = new Set(touched.sources)
  for (const { feature_services } of indexes) {
    for (const { name, uses } of feature_services) {
      if (!touched.feature_services.has(name)) continue
      // A name may be that of either kind; both are refused where both have it.
      for (const use of uses) {
        views.add(use.split('@')[0]!)
        onDemandViews.add(use.split('@')[0]!)
      }
    }
  }
  for (const { feature_views } of indexes) {
    for (const { name, uses } of feature_views) {
      if (!views.has(name)) continue
      entities.add(uses[0]!)
      sources.add(uses[1]!)
    }
  }
  return {
    entities,
    sources,
    feature_views: views,
    on_demand_views: onDemandViews,
    feature_services: touched.feature_services,
  }
}

function differenceOf(names: Touched, touched: Touched): Touched {
  return {
    entities: names.entities.difference(touched.entities),
    sources: names.sources.difference(touched.sources),
    feature_views: names.feature_views.difference(touched.feature_views),
    on_demand_views: names.on_demand_views.difference(touched.on_demand_views),
    feature_services: new Set(),
  }
}
