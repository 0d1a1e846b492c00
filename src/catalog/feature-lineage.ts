import { type Catalog, featuresOfView } from './catalog.ts'
import { indexEdges, type LineageEdge, type LineageSteps, objectId } from './lineage-steps.ts'
import { viewEdges, viewId } from './object-lineage.ts'
import { onDemandReads, serviceFeatures } from './service-features.ts'
import { columnsOfExpression } from './source-columns.ts'

const stepsByCatalog = new WeakMap<Catalog, LineageSteps>()

/** Lineage by feature: a view's features one by one, those computed of them, and the services that take each. */
export function featureSteps(catalog: Catalog): LineageSteps {
  let steps = stepsByCatalog.get(catalog)
  if (steps === undefined) {
    steps = indexEdges([
      ...viewEdges(catalog),
      ...featureEdges(catalog),
      ...computedEdges(catalog),
      ...serviceEdges(catalog),
    ])
    stepsByCatalog.set(catalog, steps)
  }
  return steps
}

/** From each view to its features. */
function featureEdges(catalog: Catalog): LineageEdge[] {
  const { feature_views, on_demand_views } = catalog.definitions
  return [...feature_views, ...on_demand_views].flatMap(({ name: view }) =>
    (featuresOfView(catalog, view) ?? []).map(({ name }) => ({
      from: viewId(catalog, view),
      to: featureId(view, name),
    })),
  )
}

/** From each feature to the on-demand features whose expressions read it. */
function computedEdges(catalog: Catalog): LineageEdge[] {
  return onDemandReads(catalog).flatMap(({ onDemandView, input, view, feature }) => {
    const { inputs, features } = catalog.onDemandViews.get(onDemandView)!
    return features
      .filter(({ sql }) => columnsOfExpression(sql, inputs).includes(input))
      .map(({ name }) => ({ from: featureId(view, feature), to: featureId(onDemandView, name) }))
  })
}

/** From each feature to the services that answer it, with its names there. */
function serviceEdges(catalog: Catalog): LineageEdge[] {
  return catalog.definitions.feature_services.flatMap((service) =>
    serviceFeatures(catalog, service).map(({ view, feature, name }) => ({
      from: featureId(view, feature),
      to: objectId('feature_service', service.name),
      features: [name],
    })),
  )
}

function featureId(view: string, feature: string): string {
  return objectId('feature', `${view}.${feature}`)
}
