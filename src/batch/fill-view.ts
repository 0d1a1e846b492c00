import { FeatureStoreError } from '../core/error.ts'
import { rawLog } from '../definitions/raw-log.ts'
import type { CompiledView, Snapshot } from '../definitions/snapshot.ts'
import { parseViewId } from '../definitions/transition.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import { isPermanent, type JobRecord, type JobSteps, type Platform, runStep } from '../platform.ts'
import { readWritingSnapshot } from '../registry/current-snapshot.ts'
import { type Filling, sealRaw, serveFilled } from '../registry/fill-views.ts'
import { readScope } from '../registry/read-scope.ts'
import { readFilled, readTombstones, writeFilled } from './fill-chunk.ts'
import { isRawErased } from './find-unfinished.ts'
import { deliverFilled, planSync } from './sync-filled.ts'

/**
 * Fills a version of a view from the raw rows of its source, beside the version that is served (S33). Every step looks first whether its
 * effect is there, so that any of them may be cut off and done again:
 *
 * ```
 *  plan ──────> writers of raw rows refuse what was computed before the version was made, and cut what they have:
 *               all rows that do not reach the version by themselves are in the log, which is pinned
 *  write 0 … n-1 -> register ──> segments on R2, then in the manifest all at once
 *  deletions, sync 0 … n-1 ────> the writers, who know by their ids the rows that the stream brought meanwhile
 *  serve ─────> a generation of its own: writers publish blocks with the version, then readers follow
 * ```
 */
export async function fillView(platform: Platform, id: string, steps: JobSteps): Promise<void> {
  const job = await find(platform, id)
  const step = <T extends number | boolean | null>(name: string, work: () => Promise<T>) =>
    runStep(steps, name, work)
  try {
    if (job.status === 'succeeded') return
    const filling = JSON.parse(job.params) as Filling
    const fill = { job, filling }
    const chunkCount = await planWhenFree(platform, fill, steps)
    if (chunkCount === null) {
      await step('end', () => update(platform, id, { status: 'succeeded', error: null }))
      return
    }
    for (let chunk = 0; chunk < chunkCount; chunk++)
      await step(`write ${chunk}`, () => writeChunk(platform, fill, chunk))
    await step('register', () => registerFill(platform, fill))
    await step('deletions', () => syncDeletions(platform, fill))
    for (let chunk = 0; chunk < chunkCount; chunk++)
      await step(`sync ${chunk}`, () => syncChunk(platform, fill, chunk))
    await step('serve', () => serve(platform, fill))
    await step('end', () => update(platform, id, { status: 'succeeded', error: null }))
  } catch (error) {
    if (!isPermanent(error)) throw error
    await update(platform, id, { status: 'failed', error: error.message })
  }
}

interface Fill {
  readonly job: JobRecord
  readonly filling: Filling
}

interface Filled {
  readonly snapshot: Snapshot
  readonly view: CompiledView
}

/** The version under the newest definitions. Throws `failed_precondition` when they want another by now. */
async function readUnfilled(platform: Platform, { filling }: Fill): Promise<Filled> {
  const snapshot = await readWritingSnapshot(platform, { views: [parseViewId(filling.view).name] })
  const view = snapshot.views[filling.view]
  if (view !== undefined && snapshot.entities[view.entity]!.unfilled.includes(view.id))
    return { snapshot, view }
  throw new FeatureStoreError(
    'failed_precondition',
    `Cannot go on filling "${filling.view}": generation ${snapshot.generation} of the definitions does not want it to be filled any more`,
  )
}

/** Whether services have the version already: a run that was cut off has done all but say so. */
async function isServed(platform: Platform, { filling }: Fill): Promise<boolean> {
  const { facts, entities } = await readWritingSnapshot(platform, {})
  const view = facts[filling.view]
  return view !== undefined && !entities[view.entity]!.unfilled.includes(filling.view)
}

/** Waits of one fill for erasures of its source's raw rows: a day and more. */
const WAITS_MAX = 3_000
const WAIT_MS = 30_000

async function planWhenFree(platform: Platform, fill: Fill, steps: JobSteps): Promise<number | null> {
  for (let wait = 0; wait < WAITS_MAX; wait++) {
    const name = wait === 0 ? 'plan' : `plan ${wait}`
    const planned = await runStep(steps, name, () => planFill(platform, fill))
    if (planned !== false) return planned
    await steps.sleep(`${name} rest`, WAIT_MS)
  }
  throw new FeatureStoreError(
    'failed_precondition',
    `Cannot fill "${fill.filling.view}": raw rows of its source are being erased again and again`,
  )
}

/**
 * How many chunks there are to fill; null when nothing is left to do, false while an erasure may take away what would be read:
 * an erasure is noted before it looks for fills that are planned, and a plan before this looks for erasures.
 */
async function planFill(platform: Platform, fill: Fill): Promise<number | null | false> {
  if (await isServed(platform, fill)) return null
  const { snapshot, view } = await readUnfilled(platform, fill)
  const source = snapshot.sources[view.source]!
  const known = await platform.fills.readProgress(fill.job.id)
  if (known.total === 0) {
    await sealRaw(platform, snapshot, source)
    const log = rawLog(source.name)
    await platform.fills.plan(fill.job.id, await platform.offline.list(log.view, log.version))
  }
  const { total, written } = await platform.fills.readProgress(fill.job.id)
  if (written === 0 && (await isRawErased(platform, source.name))) {
    await platform.fills.forget(fill.job.id)
    await update(platform, fill.job.id, {})
    return false
  }
  await update(platform, fill.job.id, { status: 'running', error: null, total: 2 * total })
  return total
}

async function writeChunk(platform: Platform, fill: Fill, chunk: number): Promise<null> {
  const { id } = fill.job
  const planned = (await platform.fills.readChunk(id, chunk))!
  if (planned.segments === null) {
    const of = { ...(await readUnfilled(platform, fill)), before: fill.filling.generation }
    const segments = await writeFilled(platform, of, { raw: planned.raw, chunk })
    await platform.fills.writeChunk(id, chunk, { ...planned, segments })
  }
  return report(platform, id)
}

async function registerFill(platform: Platform, fill: Fill): Promise<null> {
  await readUnfilled(platform, fill)
  await platform.fills.register(fill.job.id)
  return report(platform, fill.job.id)
}

/** Writers have the deletions of their keys already, unless their storage was lost. */
async function syncDeletions(platform: Platform, fill: Fill): Promise<null> {
  const { snapshot, view } = await readUnfilled(platform, fill)
  const groups = await readTombstones(platform, { snapshot, view, startedTime: fill.job.startedTime })
  await deliverFilled(platform, view.entity, groups)
  return report(platform, fill.job.id)
}

async function syncChunk(platform: Platform, fill: Fill, chunk: number): Promise<null> {
  const { id, startedTime } = fill.job
  const planned = (await platform.fills.readChunk(id, chunk))!
  if (!planned.isSynced) {
    const { snapshot, view } = await readUnfilled(platform, fill)
    const rows = await readFilled(
      platform,
      { snapshot, view },
      { raw: planned.raw, segments: planned.segments! },
    )
    const groups = planSync({ snapshot, view, chunk: `${id}.${chunk}`, startedTime }, rows)
    await deliverFilled(platform, view.entity, groups)
    await platform.fills.writeChunk(id, chunk, { ...planned, isSynced: true })
  }
  return report(platform, id)
}

async function serve(platform: Platform, fill: Fill): Promise<null> {
  if (await isServed(platform, fill)) return null
  const { view } = await readUnfilled(platform, fill)
  await serveFilled(platform, [view.id], async (index) =>
    announce(platform, await readScope(platform, index, { entities: [view.entity] }), view.entity),
  )
  return report(platform, fill.job.id)
}

/** Runs of a writer's publishing before readers are pointed to the version all the same: what they lack they ask the writers for. */
const ROUNDS_MAX = 50

/** Has every writer of the entity publish its blocks with the versions that are served from now on. */
async function announce(platform: Platform, snapshot: Snapshot, entity: string): Promise<void> {
  const { shardBits } = snapshot.entities[entity]!
  for (let shard = 0; shard < 2 ** shardBits; shard++) {
    const layout = writerLayout(snapshot, entity, shard)
    let left = await platform.writers.announce(layout)
    for (let round = 1; left > 0 && round < ROUNDS_MAX; round++) {
      const before = left
      left = await platform.writers.announce(layout)
      // What waits now came meanwhile, and is put as always.
      if (left >= before) break
    }
  }
}

/** Notes how far it has come, and that it is alive. */
async function report(platform: Platform, id: string): Promise<null> {
  const { written, synced, total } = await platform.fills.readProgress(id)
  return update(platform, id, { done: written + synced, total: 2 * total })
}

async function find(platform: Platform, id: string): Promise<JobRecord> {
  const job = await platform.jobRecords.find(id)
  if (job === undefined)
    throw new FeatureStoreError('not_found', `Cannot find job "${id}": there is none of that id`)
  return job
}

async function update(platform: Platform, id: string, change: Partial<JobRecord>): Promise<null> {
  await platform.jobRecords.update(id, { ...change, heartbeatTime: platform.clock.now() })
  return null
}
