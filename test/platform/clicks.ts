import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import type { Platform } from '../../src/platform.ts'
import { applyChanges } from '../../src/registry/apply-changes.ts'
import { parseDefinitions } from '../../src/registry/plan-changes.ts'

/** A small store: clicks of users on items, one view of each entity, a service that reads both. */
export const CLICKS: DefinitionSetInput = {
  entities: [
    { name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 2 },
    { name: 'item', join_keys: [{ name: 'item', type: 'int64' }], shards: 1 },
  ],
  sources: [
    {
      name: 'clicks',
      event_time: 'at',
      created_time: 'made',
      schema: [
        { name: 'at', type: 'timestamp' },
        { name: 'made', type: 'timestamp' },
        { name: 'user', type: 'string' },
        { name: 'item', type: 'int64' },
        { name: 'price', type: 'int64' },
      ],
      landing: { format: 'parquet' },
    },
  ],
  feature_views: [
    {
      name: 'last_click',
      entity: 'user',
      source: 'clicks',
      features: [{ name: 'price', type: 'int64', sql: 'price' }],
      ttl: '100s',
    },
    {
      name: 'last_sale',
      entity: 'item',
      source: 'clicks',
      features: [{ name: 'price', type: 'int64', sql: 'price' }],
    },
  ],
  feature_services: [
    {
      name: 'ranker',
      features: [
        { view: 'last_click', prefix: 'user_' },
        { view: 'last_sale', prefix: 'item_' },
      ],
    },
  ],
}

/** Of the same clicks one windowed view of users, and a service that reads it: prices of the last hour. */
export function clicksInWindow(name: string, fn: 'count' | 'sum'): DefinitionSetInput {
  return {
    ...CLICKS,
    feature_views: [
      {
        name: 'activity',
        entity: 'user',
        source: 'clicks',
        aggregations: [{ name, function: fn, sql: 'price', windows: ['1h'] }],
      },
    ],
    feature_services: [{ name: 'ranker', features: [{ view: 'activity' }] }],
  }
}

export async function applyClicks(platform: Platform, set: DefinitionSetInput = CLICKS): Promise<void> {
  await applyChanges(platform, parseDefinitions(set), { allowBreaking: true, author: 'test' })
}
