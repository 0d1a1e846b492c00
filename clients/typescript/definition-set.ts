import { DefinitionSet } from '../../src/definitions/definition-set.ts'
import type { Definition } from './definition.ts'

/**
 * The document that the store is told: these definitions and all that they refer to, each once. Throws when two of a
 * kind have one name.
 */
export function definitionSet(definitions: readonly Definition[]): DefinitionSet {
  const found = new Map<string, Definition>()
  for (const definition of definitions) collect(definition, found)
  const all = [...found.values()]
  return DefinitionSet.parse({
    entities: all.flatMap((one) => (one.kind === 'entity' ? [one.definition] : [])),
    sources: all.flatMap((one) => (one.kind === 'source' ? [one.definition] : [])),
    feature_views: all.flatMap((one) => (one.kind === 'feature_view' ? [one.definition] : [])),
    on_demand_views: all.flatMap((one) => (one.kind === 'on_demand_view' ? [one.definition] : [])),
    feature_services: all.flatMap((one) => (one.kind === 'feature_service' ? [one.definition] : [])),
  })
}

/** Whether something that a module exports is a definition. */
export function isDefinition(value: unknown): value is Definition {
  return typeof value === 'object' && value !== null && 'kind' in value && 'definition' in value
}

function collect(one: Definition, found: Map<string, Definition>): void {
  const id = `${one.kind} "${one.name}"`
  const known = found.get(id)
  if (known === one) return
  if (known !== undefined) throw new Error(`Cannot make a set: ${id} is defined twice`)
  if (one.kind === 'feature_view') {
    collect(one.entity, found)
    collect(one.source, found)
  }
  if (one.kind === 'feature_service') for (const view of one.views) collect(view, found)
  found.set(id, one)
}
