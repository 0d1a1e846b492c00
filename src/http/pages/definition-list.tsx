import { type Catalog, type DefinitionKind, definitionsOf } from '../../catalog/catalog.ts'
import { summarize } from '../../catalog/describe.ts'
import { PageTurner, pageOf } from './page-turner.tsx'
import { ObjectLink, Table, Tags } from './parts.tsx'

/** The definitions of a kind, in the order of the document, a page at a time. */
export function DefinitionList({
  catalog,
  kind,
  title,
  path,
  page,
}: {
  readonly catalog: Catalog
  readonly kind: DefinitionKind
  readonly title: string
  readonly path: string
  readonly page: number
}) {
  const names = [...definitionsOf(catalog, kind).keys()]
  const shown = summarize(catalog, kind, pageOf(names, page))
  const hasFeatures = shown.some(({ feature_count }) => feature_count !== undefined)
  return (
    <>
      <h1>{title}</h1>
      <Table
        label={title}
        head={['Name', 'Description', ...(hasFeatures ? ['Features'] : []), 'Used by', 'Owner', 'Tags']}
        rows={shown.map((summary) => [
          <>
            <ObjectLink object={summary} />
            {summary.version !== undefined && <span class="soft"> @{summary.version}</span>}
          </>,
          summary.description,
          ...(hasFeatures ? [String(summary.feature_count ?? '')] : []),
          String(summary.used_by_count),
          summary.owner,
          <Tags tags={summary.tags} />,
        ])}
        empty={page === 1 ? 'None is defined yet.' : 'There are no more.'}
      />
      <PageTurner path={path} page={page} count={names.length} />
    </>
  )
}
