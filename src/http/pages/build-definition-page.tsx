import type { Context } from 'hono'
import { readAuthorNames } from '../../auth/author-names.ts'
import { describeLoad } from '../../batch/describe-load.ts'
import type { Catalog, CatalogObject, DefinitionKind } from '../../catalog/catalog.ts'
import { datasetNode, featuresOf, findFeature, notInCatalog, splitFeature } from '../../catalog/catalog.ts'
import { type Description, describe } from '../../catalog/describe.ts'
import { lineage } from '../../catalog/lineage.ts'
import { type LineageLayout, layoutLineage } from '../../catalog/lineage-layout.ts'
import { versionHistory } from '../../catalog/version-history.ts'
import { liveVersions } from '../../catalog/view-versions.ts'
import { FeatureStoreError, invalid } from '../../core/error.ts'
import { parseJson } from '../../core/json.ts'
import { LIMITS } from '../../core/limits.ts'
import type { NamedType } from '../../core/segment.ts'
import { compileWindows } from '../../definitions/compile-windows.ts'
import type { FeatureView } from '../../definitions/feature-view.ts'
import { rawLog } from '../../definitions/raw-log.ts'
import type { Source } from '../../definitions/source.ts'
import { profileLog } from '../../monitoring/profile-log.ts'
import { parseQuery } from '../../online/parse-entities.ts'
import { serveFeatures } from '../../online/serve-features.ts'
import type { Platform } from '../../platform.ts'
import { readExpectations } from '../../registry/read-expectations.ts'
import type { Http } from '../context.ts'
import { getJson } from '../feature-json.ts'
import { numberParameter } from '../number-parameter.ts'
import { DefinitionPage, FEATURES_PAGE, FeatureSql } from './definition-page.tsx'
import { LineageGraph } from './lineage-graph.tsx'
import { LogFacts } from './log-facts.tsx'
import { Heading, ObjectLink } from './parts.tsx'
import { type GetAnswer, Playground } from './playground.tsx'
import { SourceFacts } from './source-facts.tsx'
import { VersionList } from './version-list.tsx'

/** Of a drawing; the lists beside it name more. */
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
    <DefinitionPage described={described} layout={layout} page={readFeaturesPage(c)}>
      {kind === 'feature_view' && (await viewFacts(c, catalog, described))}
      {kind === 'source' && (await sourceFacts(c, described))}
      {kind === 'entity' && <EntityFacts described={described} />}
      {kind === 'feature_service' && (await playground(c, described))}
    </DefinitionPage>
  )
}

const FeaturesPage = numberParameter(1, 1_000_000).default(1)

/** Beside it a service's page may be given the inputs of its playground. */
function readFeaturesPage(c: Context<Http>): number {
  const given = c.req.query(FEATURES_PAGE)
  const parsed = FeaturesPage.safeParse(given)
  if (parsed.success) return parsed.data
  throw invalid(
    `Cannot read parameter "${FEATURES_PAGE}": "${given}" is given, ${parsed.error.issues[0]!.message}`,
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
  const datasets = await c.var.platform.training.list({ countMax: LIMITS.lineageDatasetsMax })
  return layoutLineage(lineage(catalog, datasets.map(datasetNode), object), NODES_MAX)
}

async function viewFacts(c: Context<Http>, catalog: Catalog, { name, definition }: Description) {
  const { platform } = c.var
  const view = definition as FeatureView
  // While a version is filled, the one that is served is what its log should be judged by.
  const live = liveVersions(catalog, name)
  const { version } = live.findLast(({ state }) => state === 'served') ?? live.at(-1)!
  const columns = loggedColumns(catalog, view)
  const [profile, { history, authors }] = await Promise.all([
    profileLog(platform, { view: name, version }, columns),
    readHistory(platform, catalog, name),
  ])
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
      <VersionList view={name} {...history} authors={authors} />
      <LogFacts
        profile={profile}
        titles={titlesOf(view)}
        promise={view.freshness}
        now={platform.clock.now()}
      />
    </>
  )
}

async function readHistory(platform: Platform, catalog: Catalog, view: string) {
  const history = await versionHistory(platform, catalog, view)
  const authors = await readAuthorNames(
    platform,
    history.versions.map(({ author }) => author),
  )
  return { history, authors }
}

/** What a view's log holds: its features, or what its windows are made of. */
function loggedColumns(catalog: Catalog, view: FeatureView): NamedType[] {
  const columns =
    view.aggregations === undefined
      ? featuresOf(catalog, view)
      : compileWindows(view, catalog.sources.get(view.source)!).columns
  return columns.slice(0, PROFILED_MAX).map(({ name, type }) => ({ name, type }))
}

/** What readers know a column of the log by, where that is not its name: the expression that windows are made of. */
function titlesOf({ aggregations = [] }: FeatureView): ReadonlyMap<string, string> {
  return new Map(aggregations.map(({ name, sql }) => [name, sql]))
}

async function sourceFacts(c: Context<Http>, { name, definition }: Description) {
  const { platform } = c.var
  const source = definition as Source
  const [profile, expectations, loads] = await Promise.all([
    profileLog(platform, rawLog(name), source.schema.slice(0, PROFILED_MAX)),
    readExpectations(platform, name),
    platform.loads
      .list(name)
      .then((all) => Promise.all(all.slice(0, LOADS_MAX).map(({ id }) => describeLoad(platform, id)))),
  ])
  return (
    <>
      <SourceFacts source={source} expectations={expectations} loads={loads} />
      <LogFacts profile={profile} promise={undefined} now={platform.clock.now()} />
    </>
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
      parseRows: (service) => parseQuery(service, new Map(Object.entries(given))),
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
