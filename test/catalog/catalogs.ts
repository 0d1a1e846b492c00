import flights from '../../examples/flights/definitions.ts'
import { type Catalog, createCatalog } from '../../src/catalog/catalog.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { SETTLED } from '../../src/definitions/transition.ts'
import { parseDefinitions } from '../../src/registry/plan-changes.ts'

/** The catalog of a set that was applied once. */
export function catalogOf(set: DefinitionSetInput): Catalog {
  const definitions = parseDefinitions(set)
  const version = { version: 1, fingerprint: '' }
  return createCatalog({
    generation: 1,
    appliedTime: 0,
    author: 'test',
    definitions,
    versions: Object.fromEntries(definitions.feature_views.map(({ name }) => [name, version])),
    blockBits: {},
    transition: SETTLED,
  })
}

export const FLIGHTS = catalogOf(flights)

/** A large store: `views` views of `features` features each, a quarter of them with names of several words. */
export function largeSet(views: number, features: number): DefinitionSetInput {
  const columns = Array.from({ length: features }, (_, at) => ({
    name: `column_${at}`,
    type: 'float64' as const,
  }))
  return {
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }] }],
    sources: Array.from({ length: Math.ceil(views / 50) }, (_, at) => ({
      name: `source_${at}`,
      event_time: 'at',
      schema: [{ name: 'at', type: 'timestamp' }, { name: 'user', type: 'string' }, ...columns],
    })),
    feature_views: Array.from({ length: views }, (_, view) => ({
      name: `view_${view}`,
      entity: 'user',
      source: `source_${Math.floor(view / 50)}`,
      description: `What is known of users in part ${view} of the shop`,
      owner: `team-${view % 10}`,
      features: columns.map(({ name }, at) => ({
        name: at % 4 === 0 ? `mean_basket_price_${at}` : `feature_${at}`,
        type: 'float64',
        sql: at % 2 === 0 ? name : `${name} / nullif(column_0, 0)`,
      })),
    })),
    feature_services: Array.from({ length: Math.ceil(views / 10) }, (_, at) => ({
      name: `service_${at}`,
      features: Array.from({ length: Math.min(10, views) }, (_, entry) => ({
        view: `view_${(at * 10 + entry) % views}`,
        prefix: `p${entry}_`,
      })),
    })),
  }
}
