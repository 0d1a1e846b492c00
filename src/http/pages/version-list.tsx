import type { VersionReport } from '../../catalog/version-history.ts'
import { Author, type AuthorNames, FieldDiffs, Progress, Table, Time } from './parts.tsx'

/** Versions of a view side by side: what each is for, how far its fill has come, and how it differs from the one before. */
export function VersionList({
  view,
  versions,
  isWhole,
  authors,
}: {
  readonly view: string
  readonly versions: readonly VersionReport[]
  /** Whether these are all there ever were. */
  readonly isWhole: boolean
  readonly authors: AuthorNames
}) {
  const isLive = versions.some(({ state }) => state === 'filling')
  return (
    <>
      <h2>Versions</h2>
      <div id="versions" data-live={isLive ? '' : undefined}>
        <Table
          label={`Versions of ${view}`}
          head={['Version', 'State', 'Rows in the log', 'Made', 'By', 'Changed from the one before']}
          rows={versions.map((one) => [
            `@${one.version}`,
            <VersionState version={one} />,
            one.rowCount.toLocaleString('en'),
            <>
              <a href={`/generations/${one.generation}`}>Generation {one.generation}</a>,{' '}
              <Time at={one.appliedTime} />
            </>,
            <Author id={one.author} names={authors} />,
            <FieldDiffs diffs={one.details} />,
          ])}
        />
      </div>
      {!isWhole && (
        <p class="soft">
          Older versions are in the <a href="/generations">history</a>.
        </p>
      )}
    </>
  )
}

const STATES = { served: 'good', filling: 'warn', past: 'soft' } as const

function VersionState({ version: { state, progress } }: { readonly version: VersionReport }) {
  return (
    <>
      <span class={`status ${STATES[state]}`}>{state}</span>
      {progress !== undefined && <Progress {...progress} />}
    </>
  )
}
