import { type Catalog, takenFeatures, viewName } from './catalog.ts'
import { indexEdges, type LineageEdge, type LineageSteps, objectId } from './lineage-steps.ts'
import { onDemandReads } from './service-features.ts'

const stepsByCatalog = new WeakMap<Catalog, LineageSteps>()

/** Lineage by view: sources and entities, views, on-demand views, services. */
export function objectSteps(catalog: Catalog): LineageSteps {
  let steps = stepsByCatalog.get(catalog)
  if (steps === undefined) {
    steps = indexEdges([...viewEdges(catalog), ...onDemandEdges(catalog), ...serviceEdges(catalog)])
    stepsByCatalog.set(catalog, steps)
  }
  return steps
}

/** The steps into each feature view. */
export function viewEdges({ definitions }: Catalog): LineageEdge[] {
  return definitions.feature_views.flatMap(({ name, source, entity }) => {
    const to = objectId('feature_view', name)
    return [
      { from: objectId('source', source), to },
      { from: objectId('entity', entity), to },
    ]
  })
}

function onDemandEdges(catalog: Catalog): LineageEdge[] {
  return onDemandReads(catalog).map(({ view, feature, onDemandView }) => ({
    from: viewId(catalog, view),
    to: objectId('on_demand_view', onDemandView),
    features: [feature],
  }))
}

function serviceEdges(catalog: Catalog): LineageEdge[] {
  return catalog.definitions.feature_services.flatMap((service) =>
    service.features.map((entry) => ({
      from: viewId(catalog, viewName(entry)),
      to: objectId('feature_service', service.name),
      features: takenFeatures(catalog, entry).map(({ name }) => name),
    })),
  )
}

/** A view of either kind. */
export function viewId(catalog: Catalog, view: string): string {
  return objectId(catalog.featureViews.has(view) ? 'feature_view' : 'on_demand_view', view)
}
