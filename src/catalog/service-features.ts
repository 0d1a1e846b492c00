import type { FeatureService } from '../definitions/feature-service.ts'
import { type Catalog, type CatalogFeature, takenFeatures, viewName } from './catalog.ts'

/** A feature of a service: what it is called there, and where it comes from. */
export interface ServiceFeature extends CatalogFeature {
  readonly view: string
  /** Its name in its view. */
  readonly feature: string
}

/** What a service answers, in order. */
export function serviceFeatures(catalog: Catalog, service: FeatureService): ServiceFeature[] {
  return service.features.flatMap((entry) =>
    takenFeatures(catalog, entry).map((feature) => ({
      ...feature,
      name: entry.prefix + feature.name,
      view: viewName(entry),
      feature: feature.name,
    })),
  )
}

/** One on-demand view that reads a feature of a service, under the name that the feature has there. */
export interface OnDemandRead {
  readonly service: string
  readonly onDemandView: string
  readonly input: string
  /** What it reads: a feature of a feature view or of an on-demand view. */
  readonly view: string
  readonly feature: string
}

const readsByCatalog = new WeakMap<Catalog, readonly OnDemandRead[]>()

/** What on-demand views read, service by service: the same input may be another feature elsewhere. */
export function onDemandReads(catalog: Catalog): readonly OnDemandRead[] {
  let reads = readsByCatalog.get(catalog)
  if (reads === undefined) {
    reads = catalog.definitions.feature_services.flatMap((service) => readsOfService(catalog, service))
    readsByCatalog.set(catalog, reads)
  }
  return reads
}

function readsOfService(catalog: Catalog, service: FeatureService): OnDemandRead[] {
  const views = service.features.flatMap((entry) => catalog.onDemandViews.get(entry.view) ?? [])
  if (views.length === 0) return []
  const given = new Map(serviceFeatures(catalog, service).map((feature) => [feature.name, feature]))
  return views.flatMap(({ name: onDemandView, inputs }) =>
    inputs.flatMap(({ name: input, from }) => {
      const read = from === 'features' ? given.get(input) : undefined
      if (read === undefined) return []
      return [{ service: service.name, onDemandView, input, view: read.view, feature: read.feature }]
    }),
  )
}
