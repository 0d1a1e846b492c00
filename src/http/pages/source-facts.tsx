import type { LoadReport } from '../../batch/describe-load.ts'
import type { Source } from '../../definitions/source.ts'
import type { SourceExpectation } from '../../registry/read-expectations.ts'
import { isLive, Progress, Status, Table } from './parts.tsx'

/** What a source's rows look like, what is expected of them, and the files that brought them. */
export function SourceFacts({
  source,
  expectations,
  loads,
}: {
  readonly source: Source
  readonly expectations: readonly SourceExpectation[]
  /** The newest, newest first. */
  readonly loads: readonly LoadReport[]
}) {
  return (
    <>
      <h2>Schema</h2>
      <Table
        label="Schema"
        head={['Column', 'Type', 'Required', 'Description']}
        rows={source.schema.map(({ name, type, required, unit, description }) => [
          <code>{name}</code>,
          unit === undefined ? type : `${type}, epoch in ${unit}`,
          required || name === source.event_time ? 'yes' : '',
          [
            name === source.event_time ? 'event time' : '',
            name === source.event_id ? 'event id' : '',
            description,
          ]
            .filter((part) => part !== '')
            .join('; '),
        ])}
      />
      <h2>Expectations</h2>
      <Table
        label="Expectations"
        head={['Expectation', 'Condition', 'On failure', 'Rows that failed', 'In the last day']}
        rows={expectations.map(({ definition, sum }) => [
          definition.name,
          <code>{definition.sql}</code>,
          definition.on_failure,
          (sum?.unmet ?? 0).toLocaleString('en'),
          (sum?.unmetSince ?? 0).toLocaleString('en'),
        ])}
        empty="None is declared."
      />
      <h2>Loads</h2>
      <div id="loads" data-live={loads.some(({ status }) => isLive(status)) ? '' : undefined}>
        <Table
          label="Loads"
          head={['File', 'Status', 'Progress', 'Rows written', 'Bytes']}
          rows={loads.map(({ id, file, status, progress, rows, bytes }) => [
            <a href={`/jobs/${encodeURIComponent(id)}`}>{file}</a>,
            <Status status={status} />,
            isLive(status) ? <Progress {...progress} /> : '',
            rows.written.toLocaleString('en'),
            bytes.toLocaleString('en'),
          ])}
          empty="No file has been loaded."
        />
      </div>
    </>
  )
}
