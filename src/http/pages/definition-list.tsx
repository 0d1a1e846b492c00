import type { Summary } from '../../catalog/describe.ts'
import { ObjectLink, Table, Tags } from './parts.tsx'

/** All definitions of a kind. */
export function DefinitionList({
  title,
  summaries,
}: {
  readonly title: string
  readonly summaries: readonly Summary[]
}) {
  const hasFeatures = summaries.some(({ feature_count }) => feature_count !== undefined)
  return (
    <>
      <h1>{title}</h1>
      <Table
        label={title}
        head={['Name', 'Description', ...(hasFeatures ? ['Features'] : []), 'Used by', 'Owner', 'Tags']}
        rows={summaries.map((summary) => [
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
        empty="None is defined yet."
      />
    </>
  )
}
