import { FeatureStoreError } from '../core/error.ts'
import { formatInstant } from '../core/time.ts'
import {
  cutPage,
  type DatasetRequest,
  type JobRecord,
  type ListCut,
  type ListPlace,
  type Platform,
  type Schedule,
  type TrainingDataset,
} from '../platform.ts'

/** A dataset as clients see it; what is not known yet is null. */
export type DatasetReport = Readonly<Record<string, unknown>>

/** How far a dataset has come and what it is made of; or a schedule. Throws `not_found`. */
export async function describeDataset(platform: Platform, id: string): Promise<DatasetReport> {
  const dataset = await platform.training.find(id)
  if (dataset !== undefined) return datasetReport(dataset, await platform.jobRecords.find(id))
  const schedule = await platform.training.findSchedule(id)
  if (schedule !== undefined) return scheduleReport(schedule)
  throw new FeatureStoreError('not_found', `Cannot find training dataset "${id}": there is none of that id`)
}

/** A page of datasets and one of schedules, newest first, each after a place of its own. */
export async function listDatasets(
  { training, jobRecords }: Platform,
  [dataset, schedule]: readonly (ListPlace | undefined)[],
  countMax: number,
): Promise<{ readonly datasets: ListCut<DatasetReport>; readonly schedules: ListCut<DatasetReport> }> {
  const [datasets, schedules] = await Promise.all([
    training.list({ after: dataset, countMax: countMax + 1 }),
    training.listSchedules({ after: schedule, countMax: countMax + 1 }),
  ])
  const [made, recurring] = [
    cutPage(datasets, { after: dataset, countMax }, placeOf),
    cutPage(schedules, { after: schedule, countMax }, placeOf),
  ]
  const jobs = await jobRecords.findAll(made.page.map(({ id }) => id))
  const jobById = new Map(jobs.map((job) => [job.id, job]))
  return {
    datasets: { ...made, page: made.page.map((one) => datasetReport(one, jobById.get(one.id))) },
    schedules: { ...recurring, page: recurring.page.map(scheduleReport) },
  }
}

function placeOf({ createdTime: time, id }: TrainingDataset | Schedule): ListPlace {
  return { time, id }
}

function datasetReport(
  { id, name, request, pins, result, touched, createdTime, schedule }: TrainingDataset,
  job: JobRecord | undefined,
): DatasetReport {
  // The job is read after the dataset, which may have been made in between: its end is told together with its files.
  const isEndEarly = job?.status === 'succeeded' && result === null
  return {
    id,
    name,
    ...subjectOf(request),
    labels: labelsOf(request),
    knowledge_cutoff: request.isKnowledgeCutoff,
    statuses: request.hasStatuses,
    status: isEndEarly ? 'running' : (job?.status ?? 'queued'),
    progress: { done: job?.done ?? 0, total: job?.total ?? 0 },
    row_count: result?.rowCount ?? null,
    files: result?.files ?? [],
    generation: pins?.generation ?? null,
    feature_views: pins?.viewIds ?? null,
    as_of: pins === null ? null : formatInstant(pins.asOf),
    commit: pins?.commit ?? null,
    manifest: result?.manifest ?? null,
    created_time: formatInstant(createdTime),
    schedule,
    touched,
    error: job?.error ?? null,
  }
}

function scheduleReport({ id, name, cron, nextTime, createdTime, request }: Schedule): DatasetReport {
  const { of, labels } = JSON.parse(request) as DatasetRequest
  return {
    id,
    name,
    ...subjectOf({ of }),
    labels: labels.kind === 'file' ? { path: labels.path } : { entities: labels.entity },
    status: nextTime === null ? 'cancelled' : 'scheduled',
    schedule: cron,
    next_time: nextTime === null ? null : formatInstant(nextTime),
    created_time: formatInstant(createdTime),
  }
}

function subjectOf({ of }: Pick<DatasetRequest, 'of'>) {
  return of.kind === 'service' ? { feature_service: of.name } : { feature_view: of.name }
}

function labelsOf({ labels }: DatasetRequest) {
  return labels.kind === 'file'
    ? { path: labels.path }
    : { entities: labels.entity, at: formatInstant(labels.at) }
}
