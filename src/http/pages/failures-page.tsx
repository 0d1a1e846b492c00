import type { DeadLetter } from '../../definitions/dead-letter.ts'
import type { ListCut, QuarantineSummary } from '../../platform.ts'
import { nextOf } from '../cursor.ts'
import { FormToken } from './layout.tsx'
import { ListTurner } from './page-turner.tsx'
import { Status, Table, Time } from './parts.tsx'

/** Where the page of each list begins, as its links say it; undefined: with the newest. */
export interface FailurePlaces {
  readonly letters?: string | undefined
  readonly quarantine?: string | undefined
}

export interface FailuresProps {
  readonly letters: ListCut<DeadLetter>
  readonly quarantine: ListCut<QuarantineSummary>
  readonly places: FailurePlaces
  /** Whether there is a source of that name. */
  readonly isDefined: (source: string) => boolean
  readonly formToken: string
  /** What the last form did. */
  readonly done?: string | undefined
}

/** What did not get through, why, and sending it again. */
export function Failures({
  letters,
  quarantine,
  places: { letters: letter, quarantine: batch },
  isDefined,
  formToken,
  done,
}: FailuresProps) {
  const query = { letters: letter, quarantine: batch }
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
        rows={letters.page.map(({ id, source, rows, time, reason, status }) => [
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
        empty={letter === undefined ? 'There is none.' : 'There are no more.'}
      />
      <ListTurner path="/failures" parameter="letters" query={query} next={nextOf(letters).next} />
      <h2>Quarantine</h2>
      <p class="soft">Rows that an expectation or a failing expression keeps back until they are released.</p>
      <Table
        label="Quarantine"
        head={['Came', 'Source', 'Rows', 'First reason', 'Again']}
        rows={quarantine.page.map(({ id, source, rowCount, doorTime, reason }) => [
          <Time at={doorTime} />,
          isDefined(source) ? <a href={`/sources/${encodeURIComponent(source)}`}>{source}</a> : source,
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
        empty={batch === undefined ? 'There is none.' : 'There are no more.'}
      />
      <ListTurner path="/failures" parameter="quarantine" query={query} next={nextOf(quarantine).next} />
    </>
  )
}
