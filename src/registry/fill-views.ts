import { FeatureStoreError } from '../core/error.ts'
import { rawLayouts } from '../definitions/raw-layout.ts'
import { rawLog } from '../definitions/raw-log.ts'
import type { CompiledSource, Snapshot } from '../definitions/snapshot.ts'
import { fillJobId, planTransition } from '../definitions/transition.ts'
import type { Generation, JobRecord, Platform } from '../platform.ts'
import { compileGeneration, versionedSet, versionNumbers } from './read-current.ts'

/** What a fill is to do; JSON in its job's record. */
export interface Filling {
  /** Id of the view. */
  readonly view: string
  /** The generation that made the version: rows taken in under it or a later one reach the view by themselves. */
  readonly generation: number
}

/** Begins the fill of every version that wants one; Cron makes good with it what a crash kept from being begun. */
export async function startFills(platform: Platform): Promise<string | undefined> {
  const started: string[] = []
  const newest = await platform.registry.read()
  for (const [view, generation] of Object.entries(newest?.transition.unfilled ?? {})) {
    const id = fillJobId(view)
    const now = platform.clock.now()
    const filling: Filling = { view, generation }
    const job: JobRecord = {
      id,
      kind: 'fill',
      subject: view,
      params: JSON.stringify(filling),
      status: 'queued',
      done: 0,
      total: 0,
      error: null,
      startedTime: now,
      heartbeatTime: now,
    }
    if ((await platform.jobRecords.find(id)) !== undefined) continue
    const begun = await platform.jobRecords.begin(job)
    // Started by whoever made it; a start that was cut off is made good by Cron.
    if (begun.startedTime !== job.startedTime) continue
    try {
      await platform.jobs.start('fill', id)
      started.push(view)
    } catch (error) {
      platform.log.error('A fill could not be started; Cron starts it', { job: id, reason: String(error) })
    }
  }
  return started.length === 0 ? undefined : `fills begun of ${started.join(', ')}`
}

/** Versions whose sources have never taken in a row need no job. Answers the generation that serves them; undefined when none can be. */
export async function fillAtOnce(platform: Platform, snapshot: Snapshot): Promise<number | undefined> {
  const unfilled = Object.values(snapshot.entities).flatMap((entity) => entity.unfilled)
  const sources = new Set(unfilled.map((id) => snapshot.views[id]!.source))
  const empty = new Set<string>()
  for (const source of sources) {
    if (await isEmpty(platform, snapshot, snapshot.sources[source]!)) empty.add(source)
  }
  const ids = unfilled.filter((id) => empty.has(snapshot.views[id]!.source))
  return ids.length === 0 ? undefined : serveFilled(platform, ids)
}

/** Calls that wait at a time: six connections may. */
const CALLS_AT_ONCE = 6

/** Has every writer of the source's raw rows refuse what was computed under older generations, and all that came before in the log. */
export async function sealRaw(platform: Platform, snapshot: Snapshot, source: CompiledSource): Promise<void> {
  const layouts = rawLayouts(snapshot, source)
  for (let at = 0; at < layouts.length; at += CALLS_AT_ONCE) {
    await Promise.all(
      layouts.slice(at, at + CALLS_AT_ONCE).map(async (layout) => {
        for (let call = 0; (await platform.rawWriters.cut(layout)) > 0; call++) {
          if (call >= CUTS_MAX)
            throw new FeatureStoreError('unavailable', `Rows of source "${source.name}" wait to be logged`)
        }
      }),
    )
  }
}

/** A writer holds no more than a few cuts. */
const CUTS_MAX = 20

async function isEmpty(platform: Platform, snapshot: Snapshot, source: CompiledSource): Promise<boolean> {
  const { view, version } = rawLog(source.name)
  const hasRows = async () => (await platform.offline.list(view, version)).length > 0
  if (await hasRows()) return false
  await sealRaw(platform, snapshot, source)
  return !(await hasRows())
}

/**
 * From now on these versions are served and services move to them, by a generation of its own (S33). `announce` is done once the
 * generation is in D1 and before readers are pointed to it. Answers its number; that of the newest generation when none of the versions
 * is still waiting.
 */
export async function serveFilled(
  platform: Platform,
  views: readonly string[],
  announce: (snapshot: Snapshot) => Promise<void> = async () => {},
): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const newest = (await platform.registry.read())!
    const { unfilled } = newest.transition
    const left = Object.entries(unfilled).filter(([id]) => !views.includes(id))
    if (left.length === Object.keys(unfilled).length) return newest.generation
    const before = versionedSet(newest)
    const next: Generation = {
      ...newest,
      generation: newest.generation + 1,
      appliedTime: platform.clock.now(),
      author: `filling ${views.join(', ')}`,
      transition: planTransition(before, {
        definitions: newest.definitions,
        versions: versionNumbers(newest.versions),
        unfilled: Object.fromEntries(left),
      }),
    }
    const snapshot = await compileGeneration(platform, next, newest)
    if (!(await platform.registry.insert(next, snapshot))) continue
    await announce(snapshot)
    await platform.snapshots.publish(snapshot)
    return next.generation
  }
  throw new FeatureStoreError('unavailable', 'Definitions are applied again and again')
}

const ATTEMPTS_MAX = 5
