import { FeatureStoreError } from '../core/error.ts'
import { formatInstant } from '../core/time.ts'
import {
  compareNewest,
  cutPage,
  isAfter,
  type JobKind,
  type JobRecord,
  type ListCut,
  type ListPage,
  type ListPlace,
  type LoadRecord,
  type LoadStatus,
  type Platform,
} from '../platform.ts'
import { describeLoad } from './describe-load.ts'
import { type ErasureReport, erasureReport } from './erasure/erasure.ts'

export interface JobReport {
  readonly id: string
  readonly kind: JobKind
  /** What it works on: a group of blocks (`user/main`) or a source's file (`clicks/a.parquet`). */
  readonly subject: string
  readonly status: LoadStatus
  readonly progress?: { readonly done: number; readonly total: number }
  readonly started_time: string
  readonly error?: string
  /** Of an erasure: what was removed. */
  readonly report?: ErasureReport
}

interface Listed extends ListPlace {
  readonly job: JobReport
}

/** A page of jobs beside loads and of the loads that have not ended, newest first, with how far each has come. */
export async function listJobs(platform: Platform, page: ListPage): Promise<ListCut<JobReport>> {
  const { after, countMax } = page
  const [jobs, loads] = await Promise.all([
    platform.jobRecords.list({ after, countMax: countMax + 1 }),
    platform.loads.listUnfinished(),
  ])
  const listed: Listed[] = [
    ...jobs.map((job) => ({ time: job.startedTime, id: job.id, job: jobReport(job) })),
    ...loads.map((load) => ({ time: load.ingestTime, id: load.id, job: loadReport(load) })),
  ]
  const cut = cutPage(listed.filter((one) => isAfter(one, after)).sort(compareNewest), page, (one) => one)
  const reports = cut.page.map(({ job }) => (job.kind === 'load' ? withProgress(platform, job) : job))
  return { ...cut, page: await Promise.all(reports) }
}

async function withProgress(platform: Platform, job: JobReport): Promise<JobReport> {
  const { progress } = await describeLoad(platform, job.id)
  return { ...job, progress }
}

/** How far a job has come, loads included. Throws `not_found`. */
export async function describeJob(platform: Platform, id: string): Promise<JobReport> {
  const job = await platform.jobRecords.find(id)
  if (job !== undefined) return jobReport(job)
  const load = await platform.loads.find(id)
  if (load === undefined)
    throw new FeatureStoreError('not_found', `Cannot find job "${id}": there is none of that id`)
  return withProgress(platform, loadReport(load))
}

function jobReport(job: JobRecord): JobReport {
  const { id, kind, subject, status, done, total, startedTime, error } = job
  const progress = { done, total }
  const report = {
    id,
    kind,
    subject,
    status,
    progress,
    started_time: formatInstant(startedTime),
    ...(kind === 'erase' ? { report: erasureReport(job) } : {}),
  }
  return error === null ? report : { ...report, error }
}

function loadReport({ id, source, file, status, ingestTime, error }: LoadRecord): JobReport {
  const subject = `${source}/${file}`
  const report = { id, kind: 'load' as const, subject, status, started_time: formatInstant(ingestTime) }
  return error === null ? report : { ...report, error }
}
