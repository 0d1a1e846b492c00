import type { DefinitionSetInput } from '../src/definitions/definition-set.ts'

const ENTITIES = 10
const SOURCES = 100

/** A large set of definitions: views of many features, each a small expression, and a service for every tenth view. */
export function manyViews(viewCount: number, featureCount: number): DefinitionSetInput {
  const featuresOf = (view: number) =>
    list(featureCount, (at) => ({
      name: `feature_${at}`,
      type: 'float64' as const,
      // No two views share an expression.
      sql: `coalesce(amount, 0) * ${view + at / 100} + count_${at % 10}`,
    }))
  return {
    entities: list(ENTITIES, (at) => ({
      name: `entity_${at}`,
      join_keys: [{ name: `key_${at}`, type: 'string' }],
    })),
    sources: list(SOURCES, (at) => ({
      name: `source_${at}`,
      event_time: 'at',
      schema: [
        { name: 'at', type: 'timestamp' },
        ...list(ENTITIES, (key) => ({ name: `key_${key}`, type: 'string' as const })),
        { name: 'amount', type: 'float64' },
        ...list(10, (count) => ({ name: `count_${count}`, type: 'int64' as const })),
      ],
    })),
    feature_views: list(viewCount, (at) => ({
      name: `view_${at}`,
      entity: `entity_${at % ENTITIES}`,
      source: `source_${at % SOURCES}`,
      features: featuresOf(at),
    })),
    feature_services: list(Math.ceil(viewCount / 10), (at) => ({
      name: `service_${at}`,
      features: [{ view: `view_${at * 10}` }],
    })),
  }
}

function list<T>(count: number, make: (at: number) => T): T[] {
  return Array.from({ length: count }, (_, at) => make(at))
}
