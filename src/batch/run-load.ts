import { FeatureStoreError } from '../core/error.ts'
import type { Snapshot } from '../definitions/snapshot.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import {
  isPermanent,
  type JobSteps,
  type LoadChange,
  type LoadRecord,
  type Platform,
  runStep,
} from '../platform.ts'
import { readSnapshotOf, readWritingSnapshot } from '../registry/current-snapshot.ts'
import { failLoad, findLoad, findSource } from './load-under-way.ts'
import { planFile } from './plan-file.ts'
import { shareChunks } from './share-chunks.ts'

/** How often a load is computed again because definitions changed under it. */
const RUNS_MAX = 10

/**
 * Runs a load to its end, in steps each of which looks first whether its effect is there, so that any of them
 * may be cut off and done again:
 *
 * ```
 *  prepare -> chunk 0 … n-1 -> register -> sync 0 … n-1 -> end
 *             segments on R2   manifest    newest rows to the writers
 *                              (all at once)
 * ```
 *
 * Chunks of a large file are shared among instances that run beside this one (`share-chunks.ts`).
 * History has all of a load or none; the online store follows key by key, so whatever it shows, history
 * shows. A fault of the file or of its rows ends it as `failed`; any other is thrown, to be retried.
 */
export async function runLoad(platform: Platform, id: string, steps: JobSteps): Promise<void> {
  const step = <T extends number | boolean | null>(name: string, work: () => Promise<T>) =>
    runStep(steps, name, work)
  // Should it be tried again while this one goes on yet, nothing that this one does is heard any more.
  const attempt = await step('attempt', async () => (await findLoad(platform, id)).attempt)
  try {
    const badRowsMax = await step('max_bad_rows', async () => (await findLoad(platform, id)).badRowsMax)
    for (let run = 0; run < RUNS_MAX; run++) {
      const name = (part: string) => `run ${run} ${part}`
      const chunkCount = await step(name('prepare'), () => prepareLoad(platform, id, attempt))
      if (chunkCount === null) return
      const chunks = { id, attempt, chunkCount, badRowsMax, name }
      if (!(await shareChunks(platform, steps, { ...chunks, phase: 'chunk' }))) return
      if (!(await step(name('register'), () => registerLoad(platform, id, attempt)))) continue
      if (!(await shareChunks(platform, steps, { ...chunks, phase: 'sync' }))) return
      await step(name('end'), () => endLoad(platform, id, attempt))
      return
    }
    throw new FeatureStoreError(
      'failed_precondition',
      'Definitions changed again and again while the file was loaded',
    )
  } catch (error) {
    if (!isPermanent(error)) throw error
    await failLoad(platform, id, { attempt, error })
  }
}

/** Opens the file and cuts it into chunks; null when the load has ended already, or is tried again. */
async function prepareLoad(platform: Platform, id: string, attempt: number): Promise<number | null> {
  const load = await findLoad(platform, id)
  if (load.attempt !== attempt) return null
  if (load.status === 'cancelled') await platform.loads.deleteKept(id)
  if (load.status !== 'queued' && load.status !== 'running') return null
  const startedTime = load.startedTime ?? platform.clock.now()
  const goOn = async () => {
    await update(platform, load, { status: 'running', startedTime, error: null })
    return load.chunkCount
  }
  // History has its rows, of the chunks as they were cut: what is left to do is to sync them.
  if (load.isRegistered) return goOn()
  const snapshot = await readWritingSnapshot(platform, { sources: [load.source] })
  const isPlanned =
    load.generation === snapshot.generation &&
    (await platform.loads.readPlan(id, load.generation)) !== undefined
  if (isPlanned) return goOn()
  const { generation } = snapshot
  const plan = await planFile(
    platform,
    { snapshot, source: findSource(snapshot, load) },
    { ...load, generation },
  )
  await platform.loads.writePlan(id, generation, JSON.stringify(plan))
  const { length: chunkCount } = plan.chunks
  await platform.loads.beginRun(id, attempt, {
    status: 'running',
    generation,
    chunkCount,
    ignored: plan.ignored,
    startedTime,
    error: null,
    heartbeatTime: platform.clock.now(),
  })
  return chunkCount
}

/** False when definitions have changed the source's views meanwhile: the load has to be computed again; or when it is tried again. */
async function registerLoad(platform: Platform, id: string, attempt: number): Promise<boolean> {
  const load = await findLoad(platform, id)
  if (load.attempt !== attempt) return false
  if (load.isRegistered) return true
  if (await platform.loads.register(id, { attempt, generation: load.generation })) return true
  const [before, now] = [
    await readSnapshotOf(platform, load.generation, { sources: [load.source] }),
    await readWritingSnapshot(platform, { sources: [load.source] }),
  ]
  const isSameWork = viewIds(before, load.source) === viewIds(now, load.source)
  // A generation that touches other definitions changes nothing here.
  return isSameWork ? platform.loads.register(id, { attempt, generation: now.generation }) : false
}

/** The load's rows are published now rather than a minute after they came. */
async function endLoad(platform: Platform, id: string, attempt: number): Promise<null> {
  const load = await findLoad(platform, id)
  if (load.attempt !== attempt) return null
  const snapshot = await readWritingSnapshot(platform, { sources: [load.source] })
  const views = snapshot.sources[load.source]?.views ?? []
  const entities = new Set(views.map((view) => snapshot.entities[snapshot.views[view]!.entity]!))
  for (const { name, shardBits } of entities) {
    const shards = Array.from({ length: 2 ** shardBits }, (_, shard) => shard)
    await Promise.all(
      shards.map((shard) => platform.writers.flush(writerLayout(snapshot, name, shard), { cut: false })),
    )
  }
  await platform.loads.deleteKept(id)
  await update(platform, load, { status: 'succeeded', endedTime: platform.clock.now(), error: null })
  return null
}

async function update(
  platform: Platform,
  { id, attempt }: LoadRecord,
  change: Partial<LoadChange>,
): Promise<void> {
  await platform.loads.update(id, attempt, { ...change, heartbeatTime: platform.clock.now() })
}

function viewIds(snapshot: Snapshot, source: string): string {
  return (snapshot.sources[source]?.views ?? []).join()
}
