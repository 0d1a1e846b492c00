import { FeatureStoreError } from '../core/error.ts'
import { rawLayouts } from '../definitions/raw-layout.ts'
import { rawLog } from '../definitions/raw-log.ts'
import { tombstoneLog } from '../definitions/segment-record.ts'
import type { CompiledSource, Snapshot } from '../definitions/snapshot.ts'
import type { SnapshotIndex } from '../definitions/snapshot-index.ts'
import { fillJobId, planTransition } from '../definitions/transition.ts'
import type { JobRecord, Platform } from '../platform.ts'
import { makeGeneration, versionNumbers } from './make-generation.ts'
import { readCurrent, versionedSet } from './read-current.ts'
import { readScope } from './read-scope.ts'
import { storeGeneration } from './store-generation.ts'

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
  const newest = await platform.registry.readHead()
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

/** Versions whose sources have never taken in a row, of entities that have lost none, need no job. Answers the generation that serves them; undefined when none can be. */
export async function fillAtOnce(platform: Platform, index: SnapshotIndex): Promise<number | undefined> {
  const unfilled = Object.values(index.entities).flatMap((entity) => entity.unfilled)
  if (unfilled.length === 0) return undefined
  const sourceOf = (id: string) => index.facts[id]!.source
  const snapshot = await readScope(platform, index, { onlySources: unfilled.map(sourceOf) })
  const empty = new Set<string>()
  for (const source of Object.values(snapshot.sources)) {
    if (await isEmpty(platform, snapshot, source)) empty.add(source.name)
  }
  const ids: string[] = []
  for (const [entity, { unfilled: waiting }] of Object.entries(index.entities)) {
    const free = waiting.filter((id) => empty.has(sourceOf(id)))
    // Deletions have to reach writers that may have lost them, be there rows or not.
    if (free.length > 0 && !(await hasDeletions(platform, entity))) ids.push(...free)
  }
  return ids.length === 0 ? undefined : serveFilled(platform, ids)
}

async function hasDeletions(platform: Platform, entity: string): Promise<boolean> {
  const { view, version } = tombstoneLog(entity)
  return (await platform.offline.list(view, version)).length > 0
}

/** Calls that wait at a time: six connections may. */
const CALLS_AT_ONCE = 6

/** Has every writer of the source's raw rows refuse what was computed under older generations, and all that came before in the log. */
export async function sealRaw(
  platform: Platform,
  snapshot: Pick<Snapshot, 'generation'>,
  source: CompiledSource,
): Promise<void> {
  const layouts = rawLayouts(snapshot, source)
  for (let at = 0; at < layouts.length; at += CALLS_AT_ONCE) {
    await Promise.all(layouts.slice(at, at + CALLS_AT_ONCE).map((layout) => platform.rawWriters.cut(layout)))
  }
}

async function isEmpty(
  platform: Platform,
  snapshot: Pick<Snapshot, 'generation'>,
  source: CompiledSource,
): Promise<boolean> {
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
  announce: (snapshot: SnapshotIndex) => Promise<void> = async () => {},
): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const newest = await readCurrent(platform)
    const { head } = newest
    const { unfilled } = head.transition
    const left = Object.entries(unfilled).filter(([id]) => !views.includes(id))
    if (left.length === Object.keys(unfilled).length) return head.generation
    const transition = planTransition(versionedSet(head), {
      services: head.index.feature_services,
      versions: versionNumbers(head.versions),
      unfilled: Object.fromEntries(left),
    })
    const next = { ...head, generation: head.generation + 1, transition }
    const made = await makeGeneration(platform, newest, { head: next })
    if (await storeGeneration(platform, made, { author: `filling ${views.join(', ')}`, announce }))
      return next.generation
  }
  throw new FeatureStoreError('unavailable', 'Definitions are applied again and again')
}

const ATTEMPTS_MAX = 5
