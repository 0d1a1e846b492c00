import type { DefinitionSet } from '../definitions/definition-set.ts'

/** What is defined and leads nowhere, one sentence each: most likely something was forgotten. */
export function findUnused(set: DefinitionSet): string[] {
  const sources = new Set(set.feature_views.map(({ source }) => source))
  const entities = new Set(set.feature_views.map(({ entity }) => entity))
  const served = new Set(
    set.feature_services.flatMap(({ features }) => features.map(({ view }) => view.split('@')[0]!)),
  )
  return [
    ...set.entities
      .filter(({ name }) => !entities.has(name))
      .map(({ name }) => `entity "${name}" has no feature view`),
    ...set.sources
      .filter(({ name }) => !sources.has(name))
      .map(({ name }) => `source "${name}": no feature view is computed from it`),
    ...set.feature_views
      .filter(({ name }) => !served.has(name))
      .map(({ name }) => `feature view "${name}" is in no feature service`),
    ...set.on_demand_views
      .filter(({ name }) => !served.has(name))
      .map(({ name }) => `on-demand view "${name}" is in no feature service`),
  ]
}
