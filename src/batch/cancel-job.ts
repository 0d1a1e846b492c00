import { FeatureStoreError } from '../core/error.ts'
import type { JobKind, LoadRecord, Platform } from '../platform.ts'
import { countParts, encodePartId } from './load-parts.ts'

/** Of some kinds half helps nobody, or is harm: they go on to their end. */
export function isCancellable(kind: JobKind): boolean {
  return kind === 'training' || kind === 'load'
}

/**
 * Ends a job for good, wherever it is: nothing of it shows, and what a load kept on the way is removed. A load can be cancelled
 * until history shows its rows, a schedule at any time. Throws `not_found`, or `failed_precondition` for what has ended and for
 * kinds that go on.
 */
export async function cancelJob(platform: Platform, id: string): Promise<JobKind | 'schedule'> {
  const { jobRecords, loads, training } = platform
  const refuse = (why: string) =>
    new FeatureStoreError('failed_precondition', `Cannot cancel job "${id}": ${why}`)
  const [job, load] = await Promise.all([jobRecords.find(id), loads.find(id)])
  if (job !== undefined) {
    if (job.kind === 'fill')
      throw refuse(`the definitions want "${job.subject}", apply others to be rid of it`)
    if (!isCancellable(job.kind)) throw refuse(`a job of kind "${job.kind}" has to go on to its end`)
    if (!(await jobRecords.cancel(id))) throw refuse(`it has ended as ${job.status}`)
    await platform.jobs.stop(id)
    return 'training'
  }
  if (load !== undefined) {
    if (!(await loads.cancel(id)))
      throw refuse(load.isRegistered ? 'history shows its rows' : `it has ended as ${load.status}`)
    await platform.jobs.stop(id)
    await stopParts(platform, load)
    await loads.deleteKept(id)
    return 'load'
  }
  if ((await training.findSchedule(id)) === undefined)
    throw new FeatureStoreError('not_found', `Cannot find job "${id}": there is none of that id`)
  if (!(await training.cancelSchedule(id))) throw refuse('it has none left to come')
  return 'schedule'
}

/** Those begun before the setting changed find by themselves that their load is cancelled. */
async function stopParts(
  { jobs, settings }: Platform,
  { id: load, attempt, generation, chunkCount }: LoadRecord,
): Promise<void> {
  const partCount = countParts(chunkCount, settings.loadPartsMax)
  for (let part = 1; part < partCount; part++)
    await jobs.stop(encodePartId({ load, attempt, generation, phase: 'chunk', part, partCount }))
}
