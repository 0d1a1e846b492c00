import type { Catalog } from '../../catalog/catalog.ts'
import { featuresOf } from '../../catalog/catalog.ts'
import { Author, type AuthorNames, ObjectLink, Table, Time } from './parts.tsx'

/** Newest first that the first page lists; the search finds the others. */
const SERVICES_MAX = 20

/** What is there, and the way into it. */
export function Home({ catalog, authors }: { readonly catalog: Catalog; readonly authors: AuthorNames }) {
  const featureCount = [...catalog.featureViews.values()].reduce(
    (sum, view) => sum + featuresOf(catalog, view).length,
    [...catalog.onDemandViews.values()].reduce((sum, { features }) => sum + features.length, 0),
  )
  const counts = [
    ['Features', featureCount, '/search?q=&kind=feature'],
    ['Feature views', catalog.featureViews.size, '/feature-views'],
    ['On-demand views', catalog.onDemandViews.size, '/on-demand-views'],
    ['Feature services', catalog.services.size, '/feature-services'],
    ['Sources', catalog.sources.size, '/sources'],
    ['Entities', catalog.entities.size, '/entities'],
  ] as const
  const services = [...catalog.services.values()].slice(0, SERVICES_MAX)
  return (
    <>
      <h1>Feature catalog</h1>
      <p class="lead">
        {catalog.generation === 0 ? (
          'Nothing is defined yet. Write definitions and apply them; this page then shows them.'
        ) : (
          <>
            <a href={`/generations/${catalog.generation}`}>Generation {catalog.generation}</a>, applied{' '}
            <Time at={catalog.appliedTime} /> by <Author id={catalog.author} names={authors} />.
          </>
        )}
      </p>
      <div class="grid">
        {counts.map(([title, count, path]) => (
          <a class="card" href={path}>
            <strong>{count.toLocaleString('en')}</strong> {title}
          </a>
        ))}
      </div>
      <h2>Feature services</h2>
      <Table
        label="Feature services"
        head={['Service', 'Description', 'Owner']}
        rows={services.map(({ name, description, owner }) => [
          <ObjectLink object={{ kind: 'feature_service', name }} />,
          description,
          owner,
        ])}
        empty="No service is defined yet."
      />
    </>
  )
}
