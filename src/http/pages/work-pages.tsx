import { isCancellable } from '../../batch/cancel-job.ts'
import type { JobReport } from '../../batch/describe-job.ts'
import type { LoadReport } from '../../batch/describe-load.ts'
import { parseViewId } from '../../definitions/transition.ts'
import type { DatasetReport } from '../../offline/describe-dataset.ts'
import { FormToken } from './layout.tsx'
import { Heading, isLive, Progress, Status, Table } from './parts.tsx'

/** Long work, the newest first. */
export function Jobs({
  jobs,
  isFirst,
}: {
  readonly jobs: readonly JobReport[]
  /** Whether these are the newest. */
  readonly isFirst: boolean
}) {
  return (
    <>
      <h1>Jobs</h1>
      <div id="jobs" data-live={jobs.some(({ status }) => isLive(status)) ? '' : undefined}>
        <Table
          label="Jobs"
          head={['Job', 'Kind', 'Works on', 'Status', 'Progress', 'Started']}
          rows={jobs.map(({ id, kind, subject, status, progress, started_time }) => [
            <a href={kind === 'training' ? `/training-datasets/${id}` : `/jobs/${encodeURIComponent(id)}`}>
              {id}
            </a>,
            kind,
            subject,
            <Status status={status} />,
            progress === undefined ? '' : <Progress {...progress} />,
            <time datetime={started_time}>{readable(started_time)}</time>,
          ])}
          empty={isFirst ? 'Nothing has been done yet, and nothing is going on.' : 'There are no more.'}
        />
      </div>
    </>
  )
}

/** How far a job has come; of a load, what became of its rows. */
export function Job({
  job,
  load,
  formToken,
}: {
  readonly job: JobReport
  readonly load?: LoadReport | undefined
  readonly formToken: string
}) {
  const isOngoing = isLive(job.status)
  return (
    <>
      <Heading kind={`Job · ${job.kind}`} name={job.subject} />
      <div class="card" id="job" data-live={isOngoing ? '' : undefined}>
        <p>
          <Status status={job.status} /> <code>{job.id}</code>
        </p>
        {job.progress !== undefined && <Progress {...job.progress} />}
        {job.error !== undefined && (
          <p class="bad" role="alert">
            {job.error}
          </p>
        )}
        {load !== undefined && (
          <dl>
            {Object.entries(load.rows).map(([what, count]) => (
              <>
                <dt>{what}</dt>
                <dd>{count.toLocaleString('en')} rows</dd>
              </>
            ))}
          </dl>
        )}
        {job.report !== undefined && (
          <pre>
            <code>{JSON.stringify(job.report, null, 2)}</code>
          </pre>
        )}
        {isOngoing && isCancellable(job.kind) && <Cancel id={job.id} formToken={formToken} />}
      </div>
      {load !== undefined && load.rejections.length > 0 && (
        <>
          <h2>Rejected rows</h2>
          <Table
            label="Rejected rows"
            head={['Row', 'Reason']}
            rows={load.rejections.map(({ row, message }) => [String(row), message])}
          />
        </>
      )}
    </>
  )
}

export function Datasets({
  datasets,
  schedules,
  isFirst,
}: {
  readonly datasets: readonly DatasetReport[]
  readonly schedules: readonly DatasetReport[]
  /** Whether these are the newest. */
  readonly isFirst: boolean
}) {
  return (
    <>
      <h1>Training datasets</h1>
      <div id="datasets" data-live={datasets.some(({ status }) => isLive(status)) ? '' : undefined}>
        <Table
          label="Training datasets"
          head={['Dataset', 'Made of', 'Status', 'Rows', 'Created']}
          rows={datasets.map((dataset) => [
            <a href={`/training-datasets/${text(dataset.id)}`}>{text(dataset.name)}</a>,
            subjectOf(dataset),
            <Status status={text(dataset.status)} />,
            grouped(dataset.row_count),
            readable(text(dataset.created_time)),
          ])}
          empty={isFirst ? 'No dataset has been made yet.' : 'There are no more.'}
        />
      </div>
      {schedules.length > 0 && (
        <>
          <h2>Schedules</h2>
          <Table
            label="Schedules"
            head={['Schedule', 'Made of', 'Cron (UTC)', 'Next']}
            rows={schedules.map((schedule) => [
              <a href={`/training-datasets/${text(schedule.id)}`}>{text(schedule.name)}</a>,
              subjectOf(schedule),
              <code>{text(schedule.schedule)}</code>,
              readable(text(schedule.next_time)),
            ])}
          />
        </>
      )}
    </>
  )
}

/** One dataset: how far it has come, what it is made of, where its files are; or a schedule, and when it is due. */
export function Dataset({
  dataset,
  formToken,
}: {
  readonly dataset: DatasetReport
  readonly formToken: string
}) {
  const progress = dataset.progress as { readonly done: number; readonly total: number } | undefined
  const files = datasetFiles(dataset)
  const facts = [
    'schedule',
    'next_time',
    'generation',
    'as_of',
    'commit',
    'knowledge_cutoff',
    'touched',
  ] as const
  const bytes = files.reduce((sum, file) => sum + (file.bytes ?? 0), 0)
  return (
    <>
      <Heading kind="Training dataset" name={text(dataset.name)} />
      <div class="card" id="dataset" data-live={isLive(dataset.status) ? '' : undefined}>
        <p>
          <Status status={text(dataset.status)} /> <code>{text(dataset.id)}</code>
        </p>
        {progress !== undefined && <Progress {...progress} />}
        {text(dataset.error) !== '' && (
          <p class="bad" role="alert">
            {text(dataset.error)}
          </p>
        )}
        <dl>
          <dt>Made of</dt>
          <dd>{subjectOf(dataset)}</dd>
          <dt>Versions of views</dt>
          <dd>
            {((dataset.feature_views ?? []) as readonly string[]).map((id) => (
              <>
                <a href={`/feature-views/${parseViewId(id).name}`}>{id}</a>{' '}
              </>
            ))}
          </dd>
          <dt>Labels</dt>
          <dd>
            <code>{JSON.stringify(dataset.labels)}</code>
          </dd>
          {facts
            .filter((fact) => text(dataset[fact]) !== '')
            .map((fact) => (
              <>
                <dt>{fact.replaceAll('_', ' ')}</dt>
                <dd>{text(dataset[fact])}</dd>
              </>
            ))}
          {files.length > 0 && (
            <>
              <dt>Rows</dt>
              <dd>{grouped(dataset.row_count)}</dd>
              <dt>Bytes</dt>
              <dd>{grouped(bytes)}</dd>
            </>
          )}
        </dl>
        {(isLive(dataset.status) || dataset.status === 'scheduled') && (
          <Cancel id={text(dataset.id)} formToken={formToken} />
        )}
        <Table
          label="Files"
          head={['File', 'Rows', 'Bytes']}
          rows={files.map(({ path, rows, bytes }) => [
            <a
              href={`/training-datasets/${text(dataset.id)}/files/${encodeURIComponent(fileNameOf(path))}`}
              download
            >
              <code>{path}</code>
            </a>,
            grouped(rows),
            grouped(bytes),
          ])}
          empty="There are no files yet."
        />
      </div>
    </>
  )
}

interface ShownFile {
  readonly path: string
  /** Of the manifest neither is told. */
  readonly rows?: number
  readonly bytes?: number
}

/** The files that a dataset has, its manifest last. */
export function datasetFiles({ files = [], manifest }: DatasetReport): readonly ShownFile[] {
  const all = files as readonly ShownFile[]
  return typeof manifest === 'string' && all.length > 0 ? [...all, { path: manifest }] : all
}

export function fileNameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function Cancel({ id, formToken }: { readonly id: string; readonly formToken: string }) {
  return (
    <form action={`/jobs/${encodeURIComponent(id)}/cancel`} method="post">
      <FormToken token={formToken} />
      <button class="plain" type="submit">
        Cancel
      </button>
    </form>
  )
}

function subjectOf({ feature_service: service, feature_view: view }: DatasetReport) {
  return service === undefined ? (
    <a href={`/feature-views/${text(view)}`}>{text(view)}</a>
  ) : (
    <a href={`/feature-services/${text(service)}`}>{text(service)}</a>
  )
}

function text(value: unknown): string {
  return value === null || value === undefined ? '' : String(value)
}

/** A number that is read by people. */
function grouped(count: unknown): string {
  return typeof count === 'number' ? count.toLocaleString('en') : ''
}

function readable(time: string): string {
  return time.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC')
}
