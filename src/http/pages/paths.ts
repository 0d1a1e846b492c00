import type { CatalogKind, CatalogObject } from '../../catalog/catalog.ts'

/** How a reader calls each kind. */
export const KIND_TITLES: Readonly<Record<CatalogKind, string>> = {
  entity: 'Entity',
  source: 'Source',
  feature_view: 'Feature view',
  on_demand_view: 'On-demand view',
  feature_service: 'Feature service',
  feature: 'Feature',
  training_dataset: 'Training dataset',
}

const FOLDERS: Readonly<Record<CatalogKind, string>> = {
  entity: 'entities',
  source: 'sources',
  feature_view: 'feature-views',
  on_demand_view: 'on-demand-views',
  feature_service: 'feature-services',
  feature: 'features',
  training_dataset: 'training-datasets',
}

/** Where the page of a thing is. */
export function pathOf({ kind, name }: CatalogObject): string {
  return `/${FOLDERS[kind]}/${encodeURIComponent(name)}`
}
