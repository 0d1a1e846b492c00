import type { DefinitionIndex, IndexedDefinition } from './definition-index.ts'
import { parseViewId, type Transition, type VersionNumbers } from './transition.ts'

/** A generation as far as it can be told what another changes of it. */
export interface IndexedGeneration {
  readonly index: DefinitionIndex
  readonly versions: VersionNumbers
  readonly blockBits: Readonly<Record<string, number>>
  readonly transition: Transition
}

/** Names, by kind, of definitions that stand otherwise in one generation than in another, or mean something else by what they refer to. */
export type Touched = { readonly [kind in keyof DefinitionIndex]: Set<string> }

/**
 * What one generation changes of another, and all that hangs on it. What is left out is compiled to the same, planned as unchanged and
 * was found good before. Views that are being filled or are kept up, and services that wait for them, are never left out. Pure.
 */
export function findTouched(before: IndexedGeneration, after: IndexedGeneration): Touched {
  const both = [before, after]
  const entities = changedNames(before.index.entities, after.index.entities)
  const sources = changedNames(before.index.sources, after.index.sources)
  const views = changedNames(before.index.feature_views, after.index.feature_views)
  const onDemandViews = changedNames(before.index.on_demand_views, after.index.on_demand_views)
  const services = changedNames(before.index.feature_services, after.index.feature_services)
  for (const { transition } of both) {
    for (const id of [...Object.keys(transition.unfilled), ...Object.keys(transition.kept)])
      views.add(parseViewId(id).name)
    for (const name of Object.keys(transition.held)) services.add(name)
  }
  for (const [name, version] of Object.entries(after.versions))
    if (before.versions[name] !== version) views.add(name)
  // An entity that stays keeps its join keys: its views do not hang on what else is said of it.
  const movedEntities = new Set(
    [...entities].filter((name) => !both.every((one) => has(one.index.entities, name))),
  )
  for (const { index } of both) {
    for (const { name, uses } of index.feature_views)
      if (movedEntities.has(uses[0]!) || sources.has(uses[1]!)) views.add(name)
  }
  for (const { index } of both) {
    for (const { name, uses } of index.feature_views) {
      if (!views.has(name)) continue
      entities.add(uses[0]!)
      sources.add(uses[1]!)
    }
    for (const { name, uses } of index.feature_services) {
      const isTouched = (use: string) => views.has(use.split('@')[0]!) || onDemandViews.has(use)
      if (!services.has(name) && uses.some(isTouched)) services.add(name)
    }
  }
  for (const name of changedKeys(before.blockBits, after.blockBits)) entities.add(name.split('/')[0]!)
  return {
    entities,
    sources,
    feature_views: views,
    on_demand_views: onDemandViews,
    feature_services: services,
  }
}

function has(definitions: readonly IndexedDefinition[], name: string): boolean {
  return definitions.some((one) => one.name === name)
}

function changedNames(
  before: readonly IndexedDefinition[],
  after: readonly IndexedDefinition[],
): Set<string> {
  const hashesByName = (all: readonly IndexedDefinition[]) =>
    Object.fromEntries(all.map(({ name, hash }) => [name, hash]))
  return new Set(changedKeys(hashesByName(before), hashesByName(after)))
}

/** Keys under which two records hold different things. */
function changedKeys<T>(before: Readonly<Record<string, T>>, after: Readonly<Record<string, T>>): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].filter((key) => before[key] !== after[key])
}
