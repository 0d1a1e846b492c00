import { compareStrings } from '../core/sql/compare-values.ts'
import { viewId } from '../definitions/transition.ts'
import {
  type Catalog,
  type CatalogObject,
  type DatasetNode,
  definitionsOf,
  featuresOfView,
  findFeature,
  notInCatalog,
  splitFeature,
} from './catalog.ts'
import { featureSteps } from './feature-lineage.ts'
import {
  indexEdges,
  joinSteps,
  type LineageEdge,
  type LineageSteps,
  objectId,
  splitId,
} from './lineage-steps.ts'
import { objectSteps } from './object-lineage.ts'
import { columnsOfExpression, columnsOfView } from './source-columns.ts'
import { liveVersions } from './view-versions.ts'

export interface LineageNode extends CatalogObject {
  /** `<kind>/<name>`. */
  readonly id: string
  /** Of a training dataset, its name. */
  readonly description: string
  /** Ids of a feature view's versions that are kept up, or of those that a training dataset was made from; else absent (S33). */
  readonly versions?: readonly string[]
}

/** A thing, all that it is made from and all that is made from it. */
export interface Lineage extends CatalogObject {
  /** The thing itself first, then the others by id. */
  readonly nodes: readonly LineageNode[]
  readonly edges: readonly LineageEdge[]
  /** Ids of what it is made from, at once or through others, the nearest first. */
  readonly upstream: readonly string[]
  readonly downstream: readonly string[]
}

/**
 * Where a thing comes from and where it goes: source, view, service, training dataset. Of a feature it is told feature
 * by feature, of all else by view. Throws `not_found`.
 */
export function lineage(
  catalog: Catalog,
  datasets: readonly DatasetNode[],
  { kind, name }: CatalogObject,
): Lineage {
  const id = objectId(kind, name)
  const named = { catalog, datasets }
  if (describe(named, { kind, name }) === undefined) {
    throw notInCatalog({ kind, name }, namesOf(named, { kind, name }))
  }
  const declared = kind === 'feature' ? featureSteps(catalog) : objectSteps(catalog)
  const steps = joinSteps(declared, datasetSteps(datasets))
  const up = walk(id, steps.into, (edge) => edge.from)
  const down = walk(id, steps.outOf, (edge) => edge.to)
  const others = [...new Set([...up.ids, ...down.ids])].sort(compareStrings)
  return {
    kind,
    name,
    nodes: [id, ...others].map((one) => nodeOf(named, one)),
    edges: [...up.edges, ...down.edges].map((edge) => withColumns(catalog, edge)),
    upstream: up.ids,
    downstream: down.ids,
  }
}

/** From each service or view to what was joined with it. */
function datasetSteps(datasets: readonly DatasetNode[]): LineageSteps {
  return indexEdges(
    datasets.map(({ id, of }) => ({
      from: objectId(of.kind === 'service' ? 'feature_service' : 'feature_view', of.name),
      to: objectId('training_dataset', id),
    })),
  )
}

/** Everything that can be reached, breadth first, each thing and step once. */
function walk(
  start: string,
  edgesOf: (id: string) => readonly LineageEdge[],
  next: (edge: LineageEdge) => string,
): { readonly ids: readonly string[]; readonly edges: readonly LineageEdge[] } {
  const seen = new Set([start])
  const edges: LineageEdge[] = []
  for (const id of seen) {
    for (const edge of edgesOf(id)) {
      edges.push(edge)
      seen.add(next(edge))
    }
  }
  seen.delete(start)
  return { ids: [...seen], edges }
}

/** What a step reads of a source, by the expressions on its way. */
function withColumns(catalog: Catalog, edge: LineageEdge): LineageEdge {
  const to = splitId(edge.to)
  const from = splitId(edge.from)
  if (from.kind === 'source') {
    return { ...edge, columns: columnsOfView(catalog, catalog.featureViews.get(to.name)!) }
  }
  if (from.kind !== 'feature_view' || to.kind !== 'feature') return edge
  const view = catalog.featureViews.get(from.name)!
  const { sql } = findFeature(catalog, to.name)!
  // Its Worker may have made it of any column.
  if (view.transform !== undefined || sql === undefined)
    return { ...edge, columns: columnsOfView(catalog, view) }
  return { ...edge, columns: columnsOfExpression(sql, catalog.sources.get(view.source)!.schema) }
}

interface Named {
  readonly catalog: Catalog
  readonly datasets: readonly DatasetNode[]
}

function nodeOf(named: Named, id: string): LineageNode {
  const object = splitId(id)
  const versions = versionsOf(named, object)
  const about = { id, ...object, description: describe(named, object) ?? '' }
  return versions === undefined ? about : { ...about, versions }
}

function versionsOf(
  { catalog, datasets }: Named,
  { kind, name }: CatalogObject,
): readonly string[] | undefined {
  if (kind === 'feature_view') return liveVersions(catalog, name).map(({ version }) => viewId(name, version))
  return kind === 'training_dataset' ? datasets.find(({ id }) => id === name)?.versions : undefined
}

/** What a thing says of itself; undefined when there is none of that name. */
function describe({ catalog, datasets }: Named, { kind, name }: CatalogObject): string | undefined {
  if (kind === 'feature') return findFeature(catalog, name)?.description
  if (kind === 'training_dataset') return datasets.find(({ id }) => id === name)?.name
  return definitionsOf(catalog, kind).get(name)?.description
}

function namesOf({ catalog, datasets }: Named, { kind, name }: CatalogObject): string[] {
  if (kind === 'training_dataset') return datasets.map(({ id }) => id)
  if (kind !== 'feature') return [...definitionsOf(catalog, kind).keys()]
  const [view] = splitFeature(name)
  return (featuresOfView(catalog, view) ?? []).map((feature) => `${view}.${feature.name}`)
}
