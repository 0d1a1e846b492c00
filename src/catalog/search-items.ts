import { type Catalog, type CatalogFeature, type DefinitionKind, featuresOf, viewName } from './catalog.ts'

/** A definition that can be found, and the features that can be found of it. */
export interface SearchItem {
  readonly kind: DefinitionKind
  readonly name: string
  readonly description: string
  readonly owner: string
  readonly tags: Readonly<Record<string, string>>
  /** The entities that it is about, by name. */
  readonly entities: readonly string[]
  readonly texts: readonly SearchText[]
  /** Of a view, else none. What they say and how they are computed is searched as it stands: to hold it here, too, costs more. */
  readonly features: readonly CatalogFeature[]
  /** Their names, in the same order. */
  readonly featureNames: readonly SearchText[]
}

/** A text that is searched, in lower case. */
export interface SearchText {
  readonly field: SearchField
  readonly text: string
  /** What a misspelt word is compared with: a name as a whole and its parts. None of prose and SQL: too much is near. */
  readonly words: readonly string[]
  /** Its place in the index. */
  readonly at: number
}

/** Everything of a catalog that can be found. */
export interface SearchIndex {
  readonly items: readonly SearchItem[]
  /** The distinct texts of all items, and names of features, which repeat from view to view. */
  readonly texts: readonly SearchText[]
  /** The distinct words of all its names. */
  readonly words: ReadonlySet<string>
}

export const SEARCH_FIELDS = ['name', 'owner', 'tag', 'column', 'description', 'sql'] as const
export type SearchField = (typeof SEARCH_FIELDS)[number]

/** The distinct texts of an index while it is made: in order, and by field as they were given. */
interface Texts {
  readonly all: SearchText[]
  readonly byField: Readonly<Record<SearchField, Map<string, SearchText>>>
}

const indexes = new WeakMap<Catalog, SearchIndex>()

/** Made once for each catalog. */
export function searchIndex(catalog: Catalog): SearchIndex {
  let index = indexes.get(catalog)
  if (index === undefined) {
    const texts = createTexts()
    const items = [entityItems, viewItems, onDemandItems, serviceItems, sourceItems].flatMap((itemsOf) =>
      itemsOf(catalog, texts),
    )
    index = { items, texts: texts.all, words: new Set(texts.all.flatMap(({ words }) => words)) }
    indexes.set(catalog, index)
  }
  return index
}

/** What every definition says of itself, and whose text is searched for every kind. */
interface Described {
  readonly name: string
  readonly description: string
  readonly owner: string
  readonly tags: Readonly<Record<string, string>>
}

function entityItems({ definitions }: Catalog, texts: Texts): SearchItem[] {
  return definitions.entities.map((entity) =>
    item(texts, entity, {
      kind: 'entity',
      entities: [entity.name],
      more: entity.join_keys.map(({ name }) => text(texts, 'column', name)),
    }),
  )
}

function sourceItems({ definitions }: Catalog, texts: Texts): SearchItem[] {
  const entitiesBySource = new Map<string, Set<string>>()
  for (const { source, entity } of definitions.feature_views) {
    const entities = entitiesBySource.get(source) ?? new Set()
    entitiesBySource.set(source, entities.add(entity))
  }
  return definitions.sources.map((source) =>
    item(texts, source, {
      kind: 'source',
      entities: [...(entitiesBySource.get(source.name) ?? [])],
      more: [
        ...source.schema.flatMap(({ name, description }) => [
          text(texts, 'column', name),
          ...(description === '' ? [] : [text(texts, 'description', description)]),
        ]),
        ...source.expectations.map(({ sql }) => text(texts, 'sql', sql)),
      ],
    }),
  )
}

function viewItems(catalog: Catalog, texts: Texts): SearchItem[] {
  return catalog.definitions.feature_views.map((view) => {
    const sqls = [...Object.values(view.join_keys), ...(view.where === undefined ? [] : [view.where])]
    const more = sqls.map((sql) => text(texts, 'sql', sql))
    const features = featuresOf(catalog, view)
    return item(texts, view, { kind: 'feature_view', entities: [view.entity], more, features })
  })
}

function onDemandItems(catalog: Catalog, texts: Texts): SearchItem[] {
  const entitiesByView = new Map<string, Set<string>>()
  for (const service of catalog.definitions.feature_services) {
    const names = service.features.map(viewName)
    const about = names.flatMap((name) => catalog.featureViews.get(name)?.entity ?? [])
    for (const name of names) {
      if (!catalog.onDemandViews.has(name)) continue
      entitiesByView.set(name, new Set([...(entitiesByView.get(name) ?? []), ...about]))
    }
  }
  return catalog.definitions.on_demand_views.map((view) => {
    const entities = [...(entitiesByView.get(view.name) ?? [])]
    const more = view.inputs.map(({ name }) => text(texts, 'column', name))
    return item(texts, view, { kind: 'on_demand_view', entities, more, features: view.features })
  })
}

function serviceItems(catalog: Catalog, texts: Texts): SearchItem[] {
  return catalog.definitions.feature_services.map((service) => {
    const about = service.features.flatMap((entry) => catalog.featureViews.get(viewName(entry))?.entity ?? [])
    return item(texts, service, { kind: 'feature_service', entities: [...new Set(about)], more: [] })
  })
}

interface Particulars extends Pick<SearchItem, 'kind' | 'entities'> {
  /** Texts beside those that every definition has. */
  readonly more: readonly SearchText[]
  readonly features?: readonly CatalogFeature[]
}

function item(
  texts: Texts,
  definition: Described,
  { kind, entities, more, features = [] }: Particulars,
): SearchItem {
  const { name, description, owner, tags } = definition
  const own = [text(texts, 'name', name)]
  if (owner !== '') own.push(text(texts, 'owner', owner))
  for (const said of Object.entries(tags).flat()) own.push(text(texts, 'tag', said))
  if (description !== '') own.push(text(texts, 'description', description))
  return {
    kind,
    name,
    description,
    owner,
    tags,
    entities,
    texts: [...own, ...more],
    features,
    featureNames: features.map((feature) => text(texts, 'name', feature.name)),
  }
}

function createTexts(): Texts {
  const none = () => new Map<string, SearchText>()
  return {
    all: [],
    byField: { name: none(), owner: none(), tag: none(), column: none(), description: none(), sql: none() },
  }
}

function text({ all, byField }: Texts, field: SearchField, given: string): SearchText {
  // A key put together of both would have to be made and hashed for every text of every item.
  const known = byField[field]
  let found = known.get(given)
  if (found === undefined) {
    const lower = given.toLowerCase()
    const words = field === 'description' || field === 'sql' ? NO_WORDS : wordsOf(lower)
    found = { field, text: lower, words, at: all.length }
    all.push(found)
    known.set(given, found)
  }
  return found
}

const NO_WORDS: readonly string[] = []

function wordsOf(text: string): readonly string[] {
  const parts = text.split(/[^a-z0-9\u0080-\uffff]+/)
  return parts.length === 1 ? parts : [text, ...parts]
}
