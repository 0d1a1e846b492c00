import type { DeadLetter } from '../../definitions/dead-letter.ts'
import type { QuarantineSummary } from '../../platform.ts'
import { FormToken } from './layout.tsx'
import { Status, Table, Time } from './parts.tsx'

export interface FailuresProps {
  readonly letters: readonly DeadLetter[]
  readonly quarantine: readonly QuarantineSummary[]
  readonly formToken: string
  /** What the last form did. */
  readonly done?: string | undefined
}

/** What did not get through, why, and sending it again. */
export function Failures({ letters, quarantine, formToken, done }: FailuresProps) {
  return (
    <>
      <h1>What did not get through</h1>
      {done !== undefined && (
        <p class="good status" role="status">
          {done}
        </p>
      )}
      <h2>Dead letters</h2>
      <p class="soft">
        Messages that failed ten times. Mend the fault, then send them again; nothing is repeated.
      </p>
      <Table
        label="Dead letters"
        head={['Kept', 'Source', 'Rows', 'Reason', 'Status', 'Again']}
        rows={letters.map(({ id, source, rows, time, reason, status }) => [
          <Time at={time} />,
          source ?? '',
          rows === null ? '' : String(rows),
          reason,
          <Status status={status} />,
          <form action="/failures/replay" method="post">
            <FormToken token={formToken} />
            <button class="plain" name="id" value={id} type="submit">
              Replay
            </button>
          </form>,
        ])}
        empty="There is none."
      />
      <h2>Quarantine</h2>
      <p class="soft">Rows that an expectation or a failing expression keeps back until they are released.</p>
      <Table
        label="Quarantine"
        head={['Came', 'Source', 'Rows', 'First reason', 'Again']}
        rows={quarantine.map(({ id, source, rowCount, doorTime, reason }) => [
          <Time at={doorTime} />,
          <a href={`/sources/${encodeURIComponent(source)}`}>{source}</a>,
          String(rowCount),
          reason,
          <form action="/failures/release" method="post">
            <FormToken token={formToken} />
            <input type="hidden" name="source" value={source} />
            <button class="plain" name="id" value={id} type="submit">
              Release
            </button>
          </form>,
        ])}
        empty="There is none."
      />
    </>
  )
}
