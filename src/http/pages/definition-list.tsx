import type { Summary } from '../../catalog/describe.ts'
import { ObjectLink, Table, Tags } from './parts.tsx'

const SHOWN_MAX = 100

/** The definitions of a kind, in the order of the document, a page of 100 at a time, from 1. */
export function DefinitionList({
  title,
  path,
  summaries,
  page,
}: {
  readonly title: string
  readonly path: string
  readonly summaries: readonly Summary[]
  readonly page: number
}) {
  const start = (page - 1) * SHOWN_MAX
  const shown = summaries.slice(start, start + SHOWN_MAX)
  const hasFeatures = summaries.some(({ feature_count }) => feature_count !== undefined)
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
      {shown.length > 0 && shown.length < summaries.length && (
        <p>
          {`${(start + 1).toLocaleString('en')} to ${(start + shown.length).toLocaleString('en')} of ${summaries.length.toLocaleString('en')} `}
          {page > 1 && <a href={`${path}?page=${page - 1}`}>Before</a>}{' '}
          {start + SHOWN_MAX < summaries.length && <a href={`${path}?page=${page + 1}`}>After</a>}
        </p>
      )}
    </>
  )
}
