import { FeatureStoreError } from '../core/error.ts'
import { formatInstant } from '../core/time.ts'
import type { JobKind, JobRecord, LoadRecord, LoadStatus, Platform } from '../platform.ts'
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

/** The newest jobs beside loads, and the loads that have not ended, with how far each has come. */
export async function listJobs(platform: Platform, countMax: number): Promise<readonly JobReport[]> {
  const [jobs, loads] = await Promise.all([
    platform.jobRecords.list(countMax),
    platform.loads.listUnfinished(),
  ])
  const newest = [...jobs.map(jobReport), ...loads.map(loadReport)]
    .sort((a, b) => (a.started_time < b.started_time ? 1 : -1))
    .slice(0, countMax)
  return Promise.all(newest.map((job) => (job.kind === 'load' ? withProgress(platform, job) : job)))
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
