// The package `featheredge`: definitions as TypeScript, held to their own names by the compiler.
export { aggregate } from './aggregate.ts'
export type {
  Definition,
  Duration,
  EntityDefinition,
  FeatureServiceDefinition,
  FeatureViewDefinition,
  OnDemandViewDefinition,
  SourceDefinition,
} from './definition.ts'
export { definitionSet } from './definition-set.ts'
export { entity } from './entity.ts'
export { featureService } from './feature-service.ts'
export { featureView } from './feature-view.ts'
export { onDemandView } from './on-demand-view.ts'
export { source } from './source.ts'
export { type Column, type Sql, sql } from './sql.ts'
