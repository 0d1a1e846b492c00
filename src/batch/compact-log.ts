import { mergeSegments } from '../core/merge-segments.ts'
import { openParquet } from '../core/parquet.ts'
import { fingerprint } from '../definitions/fingerprint.ts'
import { isRawLog } from '../definitions/raw-log.ts'
import { type RegisteredSegment, segmentRecord } from '../definitions/segment-record.ts'
import {
  isPermanent,
  type JobRecord,
  type JobSteps,
  type LogName,
  type Platform,
  runStep,
} from '../platform.ts'
import { readWritingSnapshot } from '../registry/current-snapshot.ts'
import { planCompaction, SMALL_BYTES_MAX, SMALL_COUNT_MIN } from './plan-compaction.ts'

/** Merges of one job; a log that needs more gets another job at the next tick of Cron. */
const MERGES_MAX = 500
/** Replaced segments stay this long for who has begun to read them. */
const GRACE_US = 86_400_000_000
/** Replaced segments one tick of Cron removes: so many objects one call of R2 deletes. */
const REMOVED_MAX = 1_000

/**
 * Makes few large segments of the many small ones of a log. Each merge takes the place of what it was made of in one step
 * of the manifest; readers go on with what they have listed, which stays for a day. A merge cut off anywhere is made again
 * with the same bytes under the same name.
 */
export async function compactLog(platform: Platform, id: string, steps: JobSteps): Promise<void> {
  const job = (await platform.jobRecords.find(id))!
  const log = JSON.parse(job.params) as LogName
  try {
    await update(platform, id, { status: 'running', error: null })
    for (let merge = 0; merge < MERGES_MAX; merge++)
      if (!(await runStep(steps, `merge ${merge}`, () => mergeNext(platform, log, id)))) break
    await runStep(steps, 'end', () => update(platform, id, { status: 'succeeded' }))
  } catch (error) {
    if (!isPermanent(error)) throw error
    await update(platform, id, { status: 'failed', error: error.message })
  }
}

/** False when there was nothing to merge. */
async function mergeNext(platform: Platform, log: LogName, id: string): Promise<boolean> {
  const { offline } = platform
  const manifest = await offline.list(log.view, log.version)
  const inputs = planCompaction(manifest)
  const small = manifest.filter(({ bytes }) => bytes <= SMALL_BYTES_MAX).length
  await update(platform, id, { done: manifest.length - small, total: manifest.length })
  if (inputs === undefined) return false
  const merged = await mergeSegments(
    await Promise.all(
      inputs.map(async (segment) => ({
        file: await openParquet(offline.openSegment(segment), `segment "${segment.path}"`),
        commit: segment.commit,
      })),
    ),
  )
  const paths = inputs.map(({ path }) => path)
  const record: RegisteredSegment = {
    ...segmentRecord(
      // Named from what it is made of: made again it is the same object.
      {
        viewId: `${log.view}@${log.version}`,
        bucket: inputs[0]!.bucket,
        name: `merged-${fingerprint(paths)}`,
      },
      merged.bytes.length,
      merged.statistics,
    ),
    commit: merged.commitMax,
    commitMin: merged.commitMin,
  }
  await offline.writeSegment(record.path, merged.bytes)
  // Somebody else has changed the log meanwhile: what was made of its former state must not stay.
  if (!(await offline.replace(paths, record))) await offline.deleteObject(record.path)
  return true
}

/**
 * What Cron does: compacts logs of many small segments, and removes what compaction replaced a day ago. Answers
 * what it began.
 */
export async function compactDueLogs(platform: Platform): Promise<string | undefined> {
  const begun: string[] = []
  const { offline, jobRecords, clock, jobs } = platform
  await offline.removeReplaced(clock.now() - GRACE_US, REMOVED_MAX)
  const unfinished = new Set((await jobRecords.listUnfinished()).map(({ id }) => id))
  const { entities } = await readWritingSnapshot(platform, {})
  // Writers tell the segments of a fill by their names (S10) until it has ended.
  const unfilled = new Set(Object.values(entities).flatMap((entity) => entity.unfilled))
  for (const log of await offline.listFragmented({ bytesMax: SMALL_BYTES_MAX, countMin: SMALL_COUNT_MIN })) {
    const id = `compact-${fingerprint([log.view, log.version])}`
    if (unfinished.has(id) || isRawLog(log.view) || unfilled.has(`${log.view}@${log.version}`)) continue
    const now = clock.now()
    const job: JobRecord = {
      id,
      kind: 'compact',
      subject: `${log.view}@${log.version}`,
      params: JSON.stringify(log),
      status: 'queued',
      done: 0,
      total: 0,
      error: null,
      startedTime: now,
      heartbeatTime: now,
    }
    await jobRecords.begin(job)
    await jobRecords.update(id, job)
    await jobs.start('compact', id)
    begun.push(job.subject)
  }
  return begun.length === 0 ? undefined : `compaction begun of ${begun.join(', ')}`
}

async function update(platform: Platform, id: string, change: Partial<JobRecord>): Promise<null> {
  await platform.jobRecords.update(id, { ...change, heartbeatTime: platform.clock.now() })
  return null
}
