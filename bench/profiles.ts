import type { DefinitionSetInput } from '../src/definitions/definition-set.ts'
import { createRandom } from './random.ts'

/** What the benches serve: one view of users, with so many features of float64. */
export function profileDefinitions(featureCount: number): DefinitionSetInput {
  const names = featureNames(featureCount)
  return {
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'int64' }], shards: 16 }],
    sources: [
      {
        name: 'profiles',
        event_time: 'time',
        schema: [
          { name: 'time', type: 'timestamp' },
          { name: 'user', type: 'int64' },
          ...names.map((name) => ({ name, type: 'float64' as const })),
        ],
        landing: { format: 'parquet' },
      },
    ],
    feature_views: [
      {
        name: 'profile',
        entity: 'user',
        source: 'profiles',
        features: names.map((name) => ({ name, type: 'float64', sql: name })),
      },
    ],
    feature_services: [{ name: 'bench', features: [{ view: 'profile' }] }],
  }
}

export function featureNames(featureCount: number): string[] {
  return Array.from({ length: featureCount }, (_, at) => `f${at}`)
}

/** A user's values, the same in every run. */
export function createProfile(user: number, featureCount: number): number[] {
  const random = createRandom(user + 1)
  return Array.from({ length: featureCount }, () => random() * 1_000)
}
