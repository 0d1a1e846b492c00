import type { ValueType } from '../core/value.ts'
import { inputName } from '../definitions/validate.ts'
import {
  type Catalog,
  type CatalogFeature,
  type CatalogObject,
  type Definition,
  type DefinitionKind,
  definitionsOf,
  featuresOfView,
  notInCatalog,
  viewName,
} from './catalog.ts'
import { type LineageEdge, objectId, splitId } from './lineage-steps.ts'
import { objectSteps } from './object-lineage.ts'
import { type ServiceFeature, serviceFeatures } from './service-features.ts'
import { type LiveVersion, liveVersions } from './view-versions.ts'

/** One definition among others of its kind. */
export interface Summary extends CatalogObject {
  readonly description: string
  readonly owner: string
  readonly tags: Readonly<Record<string, string>>
  /** Version in force; of a feature view, else absent. */
  readonly version?: number
  /** Features it serves; of views and services, else absent. */
  readonly feature_count?: number
  /** How many definitions are made from it. */
  readonly used_by_count: number
}

/** One definition, and what it takes part in. */
export interface Description extends Omit<Summary, 'used_by_count' | 'feature_count'> {
  readonly definition: Definition
  /** Of a feature view those that are kept up beside each other, the newest last; else absent. */
  readonly versions?: readonly LiveVersion[]
  /** Of views and services, else absent. */
  readonly features?: readonly (CatalogFeature | ServiceFeature)[]
  /** What requests and labels have to bring; of services, else absent. */
  readonly inputs?: readonly { readonly name: string; readonly type: ValueType }[]
  /** What it is made from at once. */
  readonly uses: readonly CatalogObject[]
  /** What is made from it at once. */
  readonly used_by: readonly CatalogObject[]
}

/** The definitions of a kind that have these names, in their order. */
export function summarize(catalog: Catalog, kind: DefinitionKind, names: readonly string[]): Summary[] {
  const { outOf } = objectSteps(catalog)
  const definitions = definitionsOf(catalog, kind)
  return names.map((name) => {
    const definition = definitions.get(name)!
    const features = featuresOfDefinition(catalog, kind, definition.name)
    return {
      ...aboutOf(catalog, kind, definition),
      ...(features === undefined ? {} : { feature_count: features.length }),
      used_by_count: outOf(objectId(kind, definition.name)).length,
    }
  })
}

/** One definition. Throws `not_found`. */
export function describe(catalog: Catalog, kind: DefinitionKind, name: string): Description {
  const definition = definitionsOf(catalog, kind).get(name)
  if (definition === undefined) throw notInCatalog({ kind, name }, definitionsOf(catalog, kind).keys())
  const { into, outOf } = objectSteps(catalog)
  const objects = (edges: readonly LineageEdge[], end: 'from' | 'to') =>
    edges.map((edge) => splitId(edge[end]))
  const features = featuresOfDefinition(catalog, kind, name)
  return {
    ...aboutOf(catalog, kind, definition),
    ...(kind === 'feature_view' ? { versions: liveVersions(catalog, name) } : {}),
    definition,
    ...(features === undefined ? {} : { features }),
    ...(kind === 'feature_service' ? { inputs: inputsOf(catalog, name) } : {}),
    uses: objects(into(objectId(kind, name)), 'from'),
    used_by: objects(outOf(objectId(kind, name)), 'to'),
  }
}

function aboutOf(catalog: Catalog, kind: DefinitionKind, { name, description, owner, tags }: Definition) {
  const version = kind === 'feature_view' ? catalog.versions[name]?.version : undefined
  return { kind, name, description, owner, tags, ...(version === undefined ? {} : { version }) }
}

function featuresOfDefinition(
  catalog: Catalog,
  kind: DefinitionKind,
  name: string,
): readonly (CatalogFeature | ServiceFeature)[] | undefined {
  switch (kind) {
    case 'entity':
    case 'source':
      return undefined
    case 'feature_view':
      return featuresOfView(catalog, name)
    case 'on_demand_view':
      return catalog.onDemandViews.get(name)!.features
    case 'feature_service':
      return serviceFeatures(catalog, catalog.services.get(name)!)
  }
}

/** Join keys under the names they have in the service, then request inputs. */
function inputsOf(catalog: Catalog, name: string): { readonly name: string; readonly type: ValueType }[] {
  const inputs = new Map<string, ValueType>()
  const { features } = catalog.services.get(name)!
  for (const entry of features) {
    const entity = catalog.featureViews.get(viewName(entry))?.entity
    for (const key of catalog.entities.get(entity ?? '')?.join_keys ?? []) {
      inputs.set(inputName(entry, key.name), key.type)
    }
  }
  for (const entry of features) {
    for (const input of catalog.onDemandViews.get(entry.view)?.inputs ?? []) {
      if (input.from === 'request') inputs.set(input.name, input.type)
    }
  }
  return [...inputs].map(([input, type]) => ({ name: input, type }))
}
