import type { DefinitionIndex } from '../definitions/definition-index.ts'

/** What is defined and leads nowhere, one sentence each: most likely something was forgotten. */
export function findUnused(index: DefinitionIndex): string[] {
  const entities = new Set(index.feature_views.map(({ uses }) => uses[0]))
  const sources = new Set(index.feature_views.map(({ uses }) => uses[1]))
  const served = new Set(
    index.feature_services.flatMap(({ uses }) => uses.map((view) => view.split('@')[0]!)),
  )
  return [
    ...index.entities
      .filter(({ name }) => !entities.has(name))
      .map(({ name }) => `entity "${name}" has no feature view`),
    ...index.sources
      .filter(({ name }) => !sources.has(name))
      .map(({ name }) => `source "${name}": no feature view is computed from it`),
    ...index.feature_views
      .filter(({ name }) => !served.has(name))
      .map(({ name }) => `feature view "${name}" is in no feature service`),
    ...index.on_demand_views
      .filter(({ name }) => !served.has(name))
      .map(({ name }) => `on-demand view "${name}" is in no feature service`),
  ]
}
