import * as z from 'zod'
import { LIMITS } from '../core/limits.ts'
import { Entity } from './entity.ts'
import { FeatureService } from './feature-service.ts'
import { FeatureView } from './feature-view.ts'
import { OnDemandView } from './on-demand-view.ts'
import { Source } from './source.ts'

/** Everything a store is told, as one document. Names are unique within a kind. */
export const DefinitionSet = z.strictObject({
  entities: z.array(Entity).max(LIMITS.definitionsMax).default([]),
  sources: z.array(Source).max(LIMITS.definitionsMax).default([]),
  feature_views: z.array(FeatureView).max(LIMITS.definitionsMax).default([]),
  on_demand_views: z.array(OnDemandView).max(LIMITS.definitionsMax).default([]),
  feature_services: z.array(FeatureService).max(LIMITS.definitionsMax).default([]),
})
export type DefinitionSet = z.infer<typeof DefinitionSet>

/** One of any kind. */
export type Definition = DefinitionSet[keyof DefinitionSet][number]

/** What users write: every field with a default may be left out. */
export type DefinitionSetInput = z.input<typeof DefinitionSet>

export const EMPTY_DEFINITIONS: DefinitionSet = DefinitionSet.parse({})

/** The kinds of definitions, in the order in which they refer to each other, and their singular. */
export const DEFINITION_KINDS = {
  entities: 'entity',
  sources: 'source',
  feature_views: 'feature_view',
  on_demand_views: 'on_demand_view',
  feature_services: 'feature_service',
} as const satisfies Record<keyof DefinitionSet, string>
