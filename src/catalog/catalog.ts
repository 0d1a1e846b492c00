import type { AggregationFunction } from '../core/aggregate/aggregation-function.ts'
import { FeatureStoreError } from '../core/error.ts'
import { nearestName } from '../core/nearest-name.ts'
import type { ValueType } from '../core/value.ts'
import { planWindows } from '../core/window/window-plan.ts'
import { compileWindows } from '../definitions/compile-windows.ts'
import type { Entity } from '../definitions/entity.ts'
import type { FeatureService } from '../definitions/feature-service.ts'
import type { FeatureView } from '../definitions/feature-view.ts'
import type { OnDemandView } from '../definitions/on-demand-view.ts'
import type { Source } from '../definitions/source.ts'
import type { Generation, TrainingDataset } from '../platform.ts'

/** One generation as people look at it: every definition by its name, and what every view serves. */
export interface Catalog extends Omit<Generation, 'index'> {
  readonly entities: ReadonlyMap<string, Entity>
  readonly sources: ReadonlyMap<string, Source>
  readonly featureViews: ReadonlyMap<string, FeatureView>
  readonly onDemandViews: ReadonlyMap<string, OnDemandView>
  readonly services: ReadonlyMap<string, FeatureService>
}

/** A feature as its view serves it. */
export interface CatalogFeature {
  readonly name: string
  readonly type: ValueType
  /** A feature of a view with a transform may have none: its Worker returns it. */
  readonly sql?: string | undefined
  readonly description: string
  /** Of a windowed feature. */
  readonly function?: AggregationFunction
  readonly window?: string
}

/** What lineage is told in; a feature's name is `<view>.<feature>`. */
export const CATALOG_KINDS = [
  'entity',
  'source',
  'feature_view',
  'on_demand_view',
  'feature_service',
  'feature',
  'training_dataset',
] as const
export type CatalogKind = (typeof CATALOG_KINDS)[number]

/** The kinds that are declared, not made or counted. */
export type DefinitionKind = Exclude<CatalogKind, 'feature' | 'training_dataset'>
export type Definition = Entity | Source | FeatureView | OnDemandView | FeatureService

export interface CatalogObject {
  readonly kind: CatalogKind
  readonly name: string
}

/** A training dataset as far as lineage goes, where it goes by its id. */
export type DatasetNode = Pick<TrainingDataset, 'id' | 'name'> & {
  /** What it was joined with: a feature service, or a feature view by itself. */
  readonly of: TrainingDataset['request']['of']
  /** Ids of the versions of views that it was made from; none before it is pinned. */
  readonly versions: readonly string[]
}

export function datasetNode({ id, name, request, pins }: TrainingDataset): DatasetNode {
  return { id, name, of: request.of, versions: pins?.viewIds ?? [] }
}

export function createCatalog(generation: Omit<Generation, 'index'>): Catalog {
  const { definitions } = generation
  return {
    ...generation,
    entities: byName(definitions.entities),
    sources: byName(definitions.sources),
    featureViews: byName(definitions.feature_views),
    onDemandViews: byName(definitions.on_demand_views),
    services: byName(definitions.feature_services),
  }
}

/** The definitions of a kind by name, in the order of the document. */
export function definitionsOf(catalog: Catalog, kind: DefinitionKind): ReadonlyMap<string, Definition> {
  switch (kind) {
    case 'entity':
      return catalog.entities
    case 'source':
      return catalog.sources
    case 'feature_view':
      return catalog.featureViews
    case 'on_demand_view':
      return catalog.onDemandViews
    case 'feature_service':
      return catalog.services
  }
}

const featuresByView = new WeakMap<FeatureView, readonly CatalogFeature[]>()

/** What a feature view serves, a windowed one an aggregation and window at a time; made once for each definition. */
export function featuresOf({ sources }: Catalog, view: FeatureView): readonly CatalogFeature[] {
  let features = featuresByView.get(view)
  if (features === undefined) {
    features =
      view.aggregations === undefined ? view.features! : windowedFeatures(view, sources.get(view.source)!)
    featuresByView.set(view, features)
  }
  return features
}

function windowedFeatures(view: FeatureView, source: Source): CatalogFeature[] {
  const { outputs } = planWindows(compileWindows(view, source).windows.aggregations)
  const declared = view.aggregations!.flatMap(({ windows, function: aggregate, sql, description }) =>
    windows.map((window) => ({ sql, description, function: aggregate, window })),
  )
  return outputs.map(({ name, type }, at) => ({ name, type, ...declared[at]! }))
}

/** The features of a view of either kind; a feature view comes first where both have the name. */
export function featuresOfView(catalog: Catalog, name: string): readonly CatalogFeature[] | undefined {
  const view = catalog.featureViews.get(name)
  return view === undefined ? catalog.onDemandViews.get(name)?.features : featuresOf(catalog, view)
}

/** The feature named `<view>.<feature>`. */
export function findFeature(catalog: Catalog, name: string): CatalogFeature | undefined {
  const [view, feature] = splitFeature(name)
  return featuresOfView(catalog, view)?.find((one) => one.name === feature)
}

/** View and feature of `<view>.<feature>`; neither name has a point. */
export function splitFeature(name: string): readonly [view: string, feature: string] {
  const at = name.indexOf('.')
  return [name.slice(0, Math.max(at, 0)), name.slice(at + 1)]
}

/** Says that there is none of a name, and which one may have been meant. */
export function notInCatalog({ kind, name }: CatalogObject, known: Iterable<string>): FeatureStoreError {
  const nearest = nearestName(name, known)
  const hint = nearest === undefined ? '' : ` (did you mean "${nearest}"?)`
  const what = kind.replaceAll('_', ' ')
  return new FeatureStoreError(
    'not_found',
    `Cannot find ${what} "${name}": there is none of that name${hint}`,
  )
}

/** The view that a service's entry names, whatever version it is pinned to. */
export function viewName(entry: FeatureService['features'][number]): string {
  return entry.view.split('@')[0]!
}

/** The features that an entry takes of its view, in order; none where its view is gone. */
export function takenFeatures(
  catalog: Catalog,
  entry: FeatureService['features'][number],
): readonly CatalogFeature[] {
  const all = featuresOfView(catalog, viewName(entry))
  if (all === undefined || entry.features === undefined) return all ?? []
  const byFeature = byName(all)
  return entry.features.flatMap((feature) => byFeature.get(feature) ?? [])
}

function byName<T extends { readonly name: string }>(named: readonly T[]): ReadonlyMap<string, T> {
  return new Map(named.map((one) => [one.name, one]))
}
