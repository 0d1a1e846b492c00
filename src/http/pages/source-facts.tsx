import type { Source } from '../../definitions/source.ts'
import type { LoadRecord } from '../../platform.ts'
import type { SourceExpectation } from '../../registry/read-expectations.ts'
import { Status, Table } from './parts.tsx'

/** What a source's rows look like, what is expected of them, and the files that brought them. */
export function SourceFacts({
  source,
  expectations,
  loads,
}: {
  readonly source: Source
  readonly expectations: readonly SourceExpectation[]
  readonly loads: readonly LoadRecord[]
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
        head={['Expectation', 'Condition', 'On failure', 'Rows that failed, in the last day']}
        rows={expectations.map(({ definition, sum }) => [
          definition.name,
          <code>{definition.sql}</code>,
          definition.on_failure,
          sum === undefined
            ? '0'
            : `${sum.unmet.toLocaleString('en')}, ${sum.unmetSince.toLocaleString('en')}`,
        ])}
        empty="None is declared."
      />
      <h2>Loads</h2>
      <Table
        label="Loads"
        head={['File', 'Status', 'Bytes']}
        rows={loads.map(({ id, file, status, bytes }) => [
          <a href={`/jobs/${encodeURIComponent(id)}`}>{file}</a>,
          <Status status={status} />,
          bytes.toLocaleString('en'),
        ])}
        empty="No file has been loaded."
      />
    </>
  )
}
