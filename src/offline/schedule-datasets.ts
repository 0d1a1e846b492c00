import { nextCronTime } from '../core/cron.ts'
import { invalid } from '../core/error.ts'
import { fillPathPattern, isPathPattern } from '../core/path-pattern.ts'
import { formatInstant, type Instant } from '../core/time.ts'
import type { LabelsRequest, Platform, Schedule } from '../platform.ts'
import { readWritingSnapshot } from '../registry/current-snapshot.ts'
import { datasetScope, datasetService } from './dataset-service.ts'
import { beginDataset, checkEntity, checkLabelPath, type DatasetSpec } from './start-dataset.ts'

/** Makes a dataset recur. Answers the schedule's id. */
export async function startSchedule(platform: Platform, spec: DatasetSpec, cron: string): Promise<string> {
  const now = platform.clock.now()
  const nextTime = nextCronTime(cron, now)
  if (nextTime === null) throw invalid(`Cannot take schedule "${cron}": there is no such time`)
  if (spec.asOf !== null) throw invalid('Cannot take as_of with a schedule: each run pins its own')
  const snapshot = await readWritingSnapshot(platform, datasetScope(spec))
  const { service } = datasetService(snapshot, spec.of)
  if (spec.labels.kind === 'file') {
    const { path } = spec.labels
    if (!isPathPattern(path)) {
      throw invalid(
        `Cannot take label path "${path}" with a schedule: each run needs labels of its own, a field such as {date} is needed`,
      )
    }
    checkLabelPath(fillPathPattern(path, nextTime))
  } else {
    if (spec.labels.at !== null)
      throw invalid('Cannot take "at" with a schedule: it is the time at which each run is due')
    checkEntity(snapshot, service, spec.labels.entity)
  }
  const id = `schedule-${platform.nextId()}`
  const request = JSON.stringify(spec)
  await platform.training.beginSchedule({
    id,
    name: spec.name,
    cron,
    request,
    createdTime: now,
    nextTime,
    leaseTime: 0,
  })
  return id
}

/** How long one Cron has for starting what is due, before another takes it over. */
const LEASE_US = 120_000_000

/** Datasets that one tick begins: each takes about eight of the thousand operations that the tick has for all its duties. */
const BEGUN_MAX = 50

/**
 * What Cron does: begins each dataset that is due, once, however many Crons there are: one takes the lease, and the id
 * follows from the schedule and the time. Of several times missed one is made up for at each tick. The longest due
 * come first, and what is more than a tick begins comes with the next. Answers what it did.
 */
export async function startDueDatasets(platform: Platform): Promise<string | undefined> {
  const { training, clock, log } = platform
  const begun: string[] = []
  const failed: string[] = []
  const due = await training.listDueSchedules({ now: clock.now(), countMax: BEGUN_MAX + 1 })
  for (const schedule of due.slice(0, BEGUN_MAX)) {
    const dueTime = schedule.nextTime!
    const now = clock.now()
    try {
      if (await training.leaseSchedule(schedule.id, dueTime, { now, until: now + LEASE_US }))
        begun.push(await beginDue(platform, schedule, dueTime))
    } catch (error) {
      // One schedule's fault keeps no other from being begun, and its lease keeps it out of the next tick's way.
      failed.push(schedule.id)
      const facts = { schedule: schedule.id, due: formatInstant(dueTime), reason: String(error) }
      log.error('A scheduled training dataset could not be begun; it is tried again in two minutes', facts)
    }
  }
  const deeds = [
    ...(begun.length === 0 ? [] : [`begun: ${begun.join(', ')}`]),
    ...(failed.length === 0 ? [] : [`not begun: ${failed.join(', ')}`]),
    ...(due.length > BEGUN_MAX ? ['more are due'] : []),
  ]
  return deeds.length === 0 ? undefined : deeds.join('; ')
}

async function beginDue(platform: Platform, schedule: Schedule, dueTime: Instant): Promise<string> {
  const spec = JSON.parse(schedule.request) as DatasetSpec
  const labels: LabelsRequest =
    spec.labels.kind === 'file'
      ? { kind: 'file', path: fillPathPattern(spec.labels.path, dueTime) }
      : { ...spec.labels, at: dueTime }
  const id = `${schedule.id.replace(/^schedule/, 'training')}-${dueTime / 60_000_000}`
  await beginDataset(platform, { id, spec, labels, schedule: schedule.id })
  await platform.training.advanceSchedule(schedule.id, dueTime, nextCronTime(schedule.cron, dueTime))
  platform.log.info('A scheduled training dataset was begun', { id, due: formatInstant(dueTime) })
  return id
}
