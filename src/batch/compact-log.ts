import { mergeSegments } from '../core/merge-segments.ts'
import { openParquet } from '../core/parquet.ts'
import { fingerprint } from '../definitions/fingerprint.ts'
import { isRawLog, logTitle } from '../definitions/raw-log.ts'
import type { RegisteredSegment } from '../definitions/segment-record.ts'
import { viewId } from '../definitions/transition.ts'
import {
  isPermanent,
  type JobRecord,
  type JobSteps,
  type LogName,
  type Platform,
  runStep,
} from '../platform.ts'
import { readWritingSnapshot } from '../registry/current-snapshot.ts'
import { mergeRawLog } from './merge-raw-log.ts'
import {
  type LogPosition,
  listSmall,
  planCompaction,
  SMALL_COUNT_MIN,
  smallSegments,
} from './plan-compaction.ts'
import { putMerged } from './put-merged.ts'

/** Merges of one job; a log that needs more gets another job at the next tick of Cron. */
const MERGES_MAX = 500
/** Replaced segments stay this long for who has begun to read them. */
const GRACE_US = 86_400_000_000
/** Replaced segments one tick of Cron removes: so many objects one call of R2 deletes. */
const REMOVED_MAX = 1_000
/** Raw rows are compacted no more often: nobody waits for it, and the more segments one merge takes the fewer there are. */
const RAW_REST_US = 3_600_000_000

/** What a job has to do; JSON in its record. */
interface Compaction extends LogName {
  /** Of raw rows, how far it has come; absent at first. */
  readonly after?: LogPosition | null
}

/**
 * Makes few large segments of the many small ones of a log: of a view's sorted ones by key, of raw rows by putting one behind
 * the other. Each merge takes the place of what it was made of in one step of the manifest; readers go on with what they have
 * listed, which stays for a day. A merge cut off anywhere is made again with the same bytes under the same name.
 */
export async function compactLog(platform: Platform, id: string, steps: JobSteps): Promise<void> {
  try {
    await update(platform, id, { status: 'running', error: null })
    for (let merge = 0; merge < MERGES_MAX; merge++)
      if (!(await runStep(steps, `merge ${merge}`, () => mergeNext(platform, id)))) break
    await runStep(steps, 'end', () => update(platform, id, { status: 'succeeded' }))
  } catch (error) {
    if (!isPermanent(error)) throw error
    await update(platform, id, { status: 'failed', error: error.message })
  }
}

/** False when there was nothing to merge. */
async function mergeNext(platform: Platform, id: string): Promise<boolean> {
  const job = (await platform.jobRecords.find(id))!
  const { after = null, ...log } = JSON.parse(job.params) as Compaction
  const manifest = await platform.offline.list(log.view, log.version)
  await update(platform, id, {
    done: manifest.length - listSmall(manifest).length,
    total: manifest.length,
  })
  if (!isRawLog(log.view)) return mergeViewLog(platform, manifest)
  const next = await mergeRawLog(platform, manifest, after)
  if (next === undefined) return false
  await update(platform, id, { params: JSON.stringify({ ...log, after: next } satisfies Compaction) })
  return true
}

async function mergeViewLog(platform: Platform, manifest: readonly RegisteredSegment[]): Promise<boolean> {
  const inputs = planCompaction(manifest)
  if (inputs === undefined) return false
  const merged = await mergeSegments(
    await Promise.all(
      inputs.map(async (segment) => ({
        file: await openParquet(platform.offline.openSegment(segment), `segment "${segment.path}"`),
        commit: segment.commit,
      })),
    ),
  )
  // Where somebody else has changed the log meanwhile, the next merge is of its state by then.
  await putMerged(platform, inputs, merged)
  return true
}

/**
 * What Cron does: compacts logs of many small segments, and removes what compaction replaced a day ago. Answers
 * what it began.
 */
export async function compactDueLogs(platform: Platform): Promise<string | undefined> {
  const begun: string[] = []
  const { offline, jobRecords, clock, jobs } = platform
  const jobsUnfinished = await jobRecords.listUnfinished()
  await offline.removeReplaced(replacedBefore(jobsUnfinished, clock.now()), REMOVED_MAX)
  const unfinished = new Set(jobsUnfinished.map(({ id }) => id))
  for (const log of await listDue(platform)) {
    const id = `compact-${fingerprint([log.view, log.version])}`
    if (unfinished.has(id)) continue
    const now = clock.now()
    if (isRawLog(log.view)) {
      const last = await jobRecords.find(id)
      if (last !== undefined && now - last.startedTime < RAW_REST_US) continue
    }
    const job: JobRecord = {
      id,
      kind: 'compact',
      subject: logTitle(log),
      params: JSON.stringify(log satisfies Compaction),
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

/** A fill reads the segments of raw rows that it has listed for as long as it goes on: what was replaced since it began stays. */
function replacedBefore(jobsUnfinished: readonly JobRecord[], now: number): number {
  const fills = jobsUnfinished.filter(({ kind }) => kind === 'fill')
  return Math.min(now - GRACE_US, ...fills.map(({ startedTime }) => startedTime))
}

async function listDue(platform: Platform): Promise<LogName[]> {
  const { offline } = platform
  const { entities } = await readWritingSnapshot(platform, {})
  // A fill reads the segments that it has written by their names until it has ended.
  const unfilled = new Set(Object.values(entities).flatMap((entity) => entity.unfilled))
  const countMin = SMALL_COUNT_MIN
  const views = await offline.listFragmented({ ...smallSegments('view'), countMin })
  const raw = await offline.listFragmented({ ...smallSegments('raw'), countMin })
  return [
    ...views.filter(({ view, version }) => !isRawLog(view) && !unfilled.has(viewId(view, version))),
    ...raw.filter(({ view }) => isRawLog(view)),
  ]
}

async function update(platform: Platform, id: string, change: Partial<JobRecord>): Promise<null> {
  await platform.jobRecords.update(id, { ...change, heartbeatTime: platform.clock.now() })
  return null
}
