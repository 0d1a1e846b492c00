import type { Context } from 'hono'
import type { Catalog, CatalogObject, DefinitionKind } from '../../catalog/catalog.ts'
import { datasetNode, featuresOf, findFeature, notInCatalog, splitFeature } from '../../catalog/catalog.ts'
import { type Description, describe } from '../../catalog/describe.ts'
import { lineage } from '../../catalog/lineage.ts'
import { type LineageLayout, layoutLineage } from '../../catalog/lineage-layout.ts'
import { FeatureStoreError } from '../../core/error.ts'
import { parseJson } from '../../core/json.ts'
import { LIMITS } from '../../core/limits.ts'
import type { NamedType } from '../../core/segment.ts'
import type { FeatureView } from '../../definitions/feature-view.ts'
import type { Source } from '../../definitions/source.ts'
import { profileLog } from '../../monitoring/profile-log.ts'
import { parseEntities, queryToEntity } from '../../online/parse-entities.ts'
import { serveFeatures } from '../../online/serve-features.ts'
import { readExpectations } from '../../registry/read-expectations.ts'
import type { Http } from '../context.ts'
import { getJson } from '../feature-json.ts'
import { DefinitionPage, FeatureSql } from './definition-page.tsx'
import { LineageGraph } from './lineage-graph.tsx'
import { LogFacts } from './log-facts.tsx'
import { Heading, ObjectLink } from './parts.tsx'
import { type GetAnswer, Playground } from './playground.tsx'
import { SourceFacts } from './source-facts.tsx'

/** Of a drawing; the lists beside it name all. */
const NODES_MAX = 60
const LOADS_MAX = 20
/** Columns whose values one page describes. */
const PROFILED_MAX = 24

export async function definitionPage(
  c: Context<Http>,
  catalog: Catalog,
  { kind, name }: CatalogObject & { readonly kind: DefinitionKind },
) {
  const described = describe(catalog, kind, name)
  const layout = await layoutOf(c, catalog, { kind, name })
  return (
    <DefinitionPage described={described} layout={layout}>
      {kind === 'feature_view' && (await viewFacts(c, catalog, described))}
      {kind === 'source' && (await sourceFacts(c, described))}
      {kind === 'entity' && <EntityFacts described={described} />}
      {kind === 'feature_service' && (await playground(c, described))}
    </DefinitionPage>
  )
}

/** One feature: how it is computed, and where it comes from and goes, feature by feature. */
export async function featurePage(c: Context<Http>, catalog: Catalog, object: CatalogObject) {
  const [view] = splitFeature(object.name)
  const feature = findFeature(catalog, object.name)
  if (feature === undefined) throw notInCatalog(object, [...catalog.featureViews.keys()])
  const kind = catalog.featureViews.has(view) ? 'feature_view' : 'on_demand_view'
  return (
    <>
      <Heading kind={`Feature · ${feature.type}`} name={feature.name} description={feature.description} />
      <p>
        Of <ObjectLink object={{ kind, name: view }} />
      </p>
      <h2>SQL</h2>
      <p>
        <FeatureSql feature={feature} />
      </p>
      <h2>Lineage</h2>
      <LineageGraph layout={await layoutOf(c, catalog, object)} here={object} />
    </>
  )
}

async function layoutOf(c: Context<Http>, catalog: Catalog, object: CatalogObject): Promise<LineageLayout> {
  const datasets = await c.var.platform.training.list(LIMITS.lineageDatasetsMax)
  return layoutLineage(lineage(catalog, datasets.map(datasetNode), object), NODES_MAX)
}

async function viewFacts(c: Context<Http>, catalog: Catalog, { name, definition }: Description) {
  const { platform } = c.var
  const view = definition as FeatureView
  const version = catalog.versions[name]?.version ?? 1
  const profile = await profileLog(platform, { view: name, version }, loggedColumns(catalog, view))
  return (
    <>
      <p>
        Computed from <ObjectLink object={{ kind: 'source', name: view.source }} /> for{' '}
        <ObjectLink object={{ kind: 'entity', name: view.entity }} />
        {view.ttl !== undefined && `, valid for ${view.ttl}`}
        {view.where !== undefined && (
          <>
            , of rows where <code>{view.where}</code>
          </>
        )}
      </p>
      <LogFacts profile={profile} promise={view.freshness} now={platform.clock.now()} />
    </>
  )
}

/** What a view's log holds of features; of windows it holds inputs, which have no names that a reader knows. */
function loggedColumns(catalog: Catalog, view: FeatureView): NamedType[] {
  if (view.aggregations !== undefined) return []
  return featuresOf(catalog, view)
    .slice(0, PROFILED_MAX)
    .map(({ name, type }) => ({ name, type }))
}

async function sourceFacts(c: Context<Http>, { name, definition }: Description) {
  const { platform } = c.var
  const [expectations, loads] = await Promise.all([
    readExpectations(platform, name),
    platform.loads.list(name),
  ])
  return (
    <SourceFacts
      source={definition as Source}
      expectations={expectations}
      loads={loads.slice(0, LOADS_MAX)}
    />
  )
}

function EntityFacts({ described: { definition } }: { readonly described: Description }) {
  const { join_keys: keys = [] } = definition as { readonly join_keys?: readonly NamedType[] }
  return (
    <>
      <h2>Join keys</h2>
      <dl>
        {keys.map(({ name, type }) => (
          <>
            <dt>
              <code>{name}</code>
            </dt>
            <dd>{type}</dd>
          </>
        ))}
      </dl>
    </>
  )
}

/** Runs Get when every input is given. */
async function playground(c: Context<Http>, described: Description) {
  const given = c.req.query()
  const { origin } = new URL(c.req.url)
  const isAsked = (described.inputs ?? []).every(({ name }) => given[name] !== undefined)
  if (!isAsked) return <Playground described={described} given={given} origin={origin} />
  try {
    const served = await serveFeatures(c.var.platform, described.name, {
      parseRows: (service) =>
        parseEntities(service, [queryToEntity(service, new Map(Object.entries(given)))]),
      features: undefined,
      consistency: 'eventual',
    })
    const answer = parseJson(getJson(served.service, served.rows[0]!), 'an answer') as GetAnswer
    return <Playground described={described} given={given} origin={origin} answer={answer} />
  } catch (error) {
    if (!(error instanceof FeatureStoreError)) throw error
    return <Playground described={described} given={given} origin={origin} fault={error.message} />
  }
}
