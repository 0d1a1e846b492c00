import type { Instant } from '../../core/time.ts'
import { formatInstant, parseDuration } from '../../core/time.ts'
import type { LogProfile } from '../../monitoring/profile-log.ts'
import { Bars, formatBytes, formatNumber, Histogram } from './charts.tsx'
import { formatAge, Table, Time } from './parts.tsx'

/** How fresh a log is against its promise, how its rows arrive, and what their columns hold. */
export function LogFacts({
  profile,
  titles = new Map(),
  promise,
  now,
}: {
  readonly profile: LogProfile
  /** Of columns that are shown under another name than their own. */
  readonly titles?: ReadonlyMap<string, string>
  /** A duration; undefined where none is promised. */
  readonly promise: string | undefined
  readonly now: Instant
}) {
  const { newestEventTime, newestIngestTime, rowCount, segmentCount, bytes, arrivals } = profile
  return (
    <>
      <h2>Freshness</h2>
      <div class="card">
        <Freshness newest={newestEventTime} promise={promise} now={now} />
        <dl>
          <dt>Newest event</dt>
          <dd>
            <Time at={newestEventTime} />
          </dd>
          <dt>Last arrival</dt>
          <dd>
            <Time at={newestIngestTime} />
          </dd>
          <dt>In the log</dt>
          <dd>
            {rowCount.toLocaleString('en')} rows in {segmentCount.toLocaleString('en')}{' '}
            {segmentCount === 1 ? 'segment' : 'segments'}, {formatBytes(bytes)}
          </dd>
        </dl>
        <h3>Rows by hour of arrival</h3>
        <Bars
          counts={arrivals}
          label={`Rows that arrived in each of the last ${arrivals.length} hours`}
          from={`${arrivals.length} h ago`}
          to="now"
        />
        <p class="soft">Measured from the log: what arrived in the last minutes may not be in it yet.</p>
      </div>
      <h2>Statistics</h2>
      <p class="soft">
        {profile.sampleCount === 0
          ? 'There are no rows to describe yet.'
          : `Of the newest ${profile.sampleCount.toLocaleString('en')} rows of the log.`}
      </p>
      {profile.sampleCount > 0 && (
        <div class="grid">
          {profile.columns.map((column) => (
            <ColumnCard column={{ ...column, name: titles.get(column.name) ?? column.name }} />
          ))}
        </div>
      )}
    </>
  )
}

function Freshness({
  newest,
  promise,
  now,
}: {
  readonly newest: Instant | null
  readonly promise: string | undefined
  readonly now: Instant
}) {
  if (newest === null) return <p class="status warn">No row yet</p>
  const age = formatAge(now - newest)
  if (promise === undefined)
    return (
      <p>
        <strong>{age}</strong> old; no freshness is promised
      </p>
    )
  const isKept = now - newest <= parseDuration(promise)
  return (
    <p>
      <strong class={isKept ? 'good' : 'bad'}>{isKept ? 'Fresh' : 'Stale'}</strong>: {age} old, at most{' '}
      {promise} is promised
    </p>
  )
}

function ColumnCard({
  column: { name, type, statistics },
}: {
  readonly column: LogProfile['columns'][number]
}) {
  const { count, nullCount, distinctCount, numbers, top } = statistics
  const format =
    type === 'timestamp' ? (value: number) => formatInstant(Math.round(value)).slice(0, 16) : formatNumber
  return (
    <div class="card">
      <h3>
        {name} <span class="soft">{type}</span>
      </h3>
      <p class="soft">
        {formatNumber((100 * nullCount) / Math.max(count, 1))} % null, {distinctCount.toLocaleString('en')}{' '}
        different
      </p>
      {numbers !== undefined && (
        <>
          <Histogram numbers={numbers} name={name} format={format} />
          {type !== 'timestamp' && (
            <p class="soft">
              mean {format(numbers.mean)}, median {format(numbers.median)}
            </p>
          )}
        </>
      )}
      {top !== undefined && (
        <Table
          label={`Most frequent values of ${name}`}
          head={['Value', 'Share']}
          rows={top
            .slice(0, 5)
            .map((one) => [<code>{one.text}</code>, `${formatNumber((100 * one.count) / count)} %`])}
        />
      )}
    </div>
  )
}
