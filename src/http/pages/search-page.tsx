import type { Catalog, CatalogObject } from '../../catalog/catalog.ts'
import { SEARCH_KINDS, type SearchQuery, type SearchResult } from '../../catalog/search.ts'
import { VALUE_TYPES } from '../../core/value.ts'
import { Tags } from './parts.tsx'
import { KIND_TITLES, pathOf } from './paths.ts'

export interface SearchProps {
  readonly catalog: Catalog
  readonly query: SearchQuery
  readonly found: { readonly total: number; readonly results: readonly SearchResult[] }
}

/** What a search has found, with its filters. */
export function SearchResults({ catalog, query, found }: SearchProps) {
  const owners = new Set(
    [
      catalog.entities,
      catalog.sources,
      catalog.featureViews,
      catalog.onDemandViews,
      catalog.services,
    ].flatMap((definitions) =>
      [...definitions.values()].map(({ owner }) => owner).filter((owner) => owner !== ''),
    ),
  )
  return (
    <>
      <h1>Search</h1>
      <form class="row card" action="/search" method="get">
        <label>
          Words
          <input type="search" name="q" value={query.text} />
        </label>
        <Choice name="kind" title="Kind" chosen={query.kind} options={SEARCH_KINDS} />
        <Choice name="entity" title="Entity" chosen={query.entity} options={[...catalog.entities.keys()]} />
        <Choice name="owner" title="Owner" chosen={query.owner} options={[...owners].sort()} />
        <Choice name="type" title="Type" chosen={query.type} options={VALUE_TYPES} />
        <label>
          Tag
          <input name="tag" value={query.tag ?? ''} placeholder="team:ops" />
        </label>
        <button type="submit">Search</button>
      </form>
      <p role="status" class="soft">
        {found.total === 0
          ? 'Nothing was found. A word may be misspelt in a letter or two; fewer words find more.'
          : `${found.total.toLocaleString('en')} found${found.total > found.results.length ? `, the best ${found.results.length} shown` : ''}`}
      </p>
      <ul class="results">
        {found.results.map((result) => (
          <li>
            <p class="kind">
              {KIND_TITLES[result.kind]}
              {result.type === null ? '' : ` · ${result.type}`}
            </p>
            <p>
              <a href={pathOf(objectOf(result))}>
                <strong>{result.name}</strong>
              </a>
              {result.view !== null && <span class="soft"> of {result.view}</span>}
            </p>
            {result.description !== '' && <p>{result.description}</p>}
            <p class="soft">
              {result.owner !== '' && <span>{result.owner} </span>}
              <Tags tags={result.tags} />
              {result.matched.length > 0 && <small>found in {result.matched.join(', ')}</small>}
            </p>
          </li>
        ))}
      </ul>
    </>
  )
}

function objectOf({ kind, name, view }: SearchResult): CatalogObject {
  return { kind, name: kind === 'feature' ? `${view}.${name}` : name }
}

function Choice({
  name,
  title,
  chosen,
  options,
}: {
  readonly name: string
  readonly title: string
  readonly chosen: string | undefined
  readonly options: readonly string[]
}) {
  return (
    <label>
      {title}
      <select name={name}>
        <option value="">any</option>
        {options.map((option) => (
          <option value={option} selected={option === chosen}>
            {option.replaceAll('_', ' ')}
          </option>
        ))}
      </select>
    </label>
  )
}
