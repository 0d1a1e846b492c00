import { hashKey, topBits } from '../core/entity-key.ts'
import { assert, FeatureStoreError } from '../core/error.ts'
import type { CompiledEntity, CompiledSource, Snapshot } from '../definitions/snapshot.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import { isPermanent, type JobSteps, type LoadRecord, type Platform, runStep } from '../platform.ts'
import { readSnapshotOf, readWritingSnapshot } from '../registry/current-snapshot.ts'
import { loadChunk } from './load-chunk.ts'
import type { LoadPlan } from './load-plan.ts'
import { planFile } from './plan-file.ts'
import { readRows } from './read-rows.ts'

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
 * History has all of a load or none; the online store follows key by key, so whatever it shows, history
 * shows. A fault of the file or of its rows ends it as `failed`; any other is thrown, to be retried.
 */
export async function runLoad(platform: Platform, id: string, steps: JobSteps): Promise<void> {
  const step = <T extends number | boolean | null>(name: string, work: () => Promise<T>) =>
    runStep(steps, name, work)
  try {
    const badRowsMax = await step('max_bad_rows', async () => (await find(platform, id)).badRowsMax)
    for (let run = 0; run < RUNS_MAX; run++) {
      const name = (part: string) => `run ${run} ${part}`
      const chunkCount = await step(name('prepare'), () => prepareLoad(platform, id))
      if (chunkCount === null) return
      // Summed from what the steps came to: no step looks at all chunks, or a load of many would be quadratic.
      let rejected = 0
      for (let chunk = 0; chunk < chunkCount; chunk++) {
        rejected += await step(name(`chunk ${chunk}`), () => runChunk(platform, id, chunk))
        const count = rejected
        if (count > badRowsMax) await step(name('refuse'), () => refuseBadRows(platform, id, count))
      }
      if (!(await step(name('register'), () => registerLoad(platform, id)))) continue
      for (let chunk = 0; chunk < chunkCount; chunk++) {
        await step(name(`sync ${chunk}`), () => syncChunk(platform, id, chunk))
      }
      await step(name('end'), () => endLoad(platform, id))
      return
    }
    throw new FeatureStoreError(
      'failed_precondition',
      'Definitions changed again and again while the file was loaded',
    )
  } catch (error) {
    if (!isPermanent(error)) throw error
    await platform.loads.deleteKept(id)
    await update(platform, id, { status: 'failed', endedTime: platform.clock.now(), error: error.message })
  }
}

/** Opens the file and cuts it into chunks; null when the load has ended already. */
async function prepareLoad(platform: Platform, id: string): Promise<number | null> {
  const load = await find(platform, id)
  await refuseCancelled(platform, load)
  if (load.status === 'succeeded') return null
  if (load.isRegistered) return load.chunkCount
  const snapshot = await readWritingSnapshot(platform, { sources: [load.source] })
  const isPlanned =
    load.generation === snapshot.generation && (await platform.loads.readPlan(id)) !== undefined
  const startedTime = load.startedTime ?? platform.clock.now()
  if (isPlanned) {
    await update(platform, id, { status: 'running', startedTime, error: null })
    return load.chunkCount
  }
  await platform.loads.deleteChunks(id)
  const plan = await planFile(platform, { snapshot, source: findSource(snapshot, load) }, load)
  await platform.loads.writePlan(id, JSON.stringify(plan))
  const { length: chunkCount } = plan.chunks
  await update(platform, id, {
    status: 'running',
    generation: snapshot.generation,
    chunkCount,
    ignored: plan.ignored,
    startedTime,
    error: null,
  })
  return chunkCount
}

/** Answers how many rows of the chunk are bad. */
async function runChunk(platform: Platform, id: string, chunk: number): Promise<number> {
  let done = await platform.loads.findChunk(id, chunk)
  if (done === undefined) {
    const load = await find(platform, id)
    const snapshot = await readSnapshotOf(platform, load.generation, { sources: [load.source] })
    const source = findSource(snapshot, load)
    try {
      const rows = await readRows(platform, source, { load, plan: await readPlan(platform, id), chunk })
      done = await loadChunk(platform, { snapshot, source, rows }, { load, chunk })
    } catch (error) {
      // The engine tries again and tells nobody why: whoever asks for the load sees the reason meanwhile.
      if (!isPermanent(error)) await update(platform, id, { error: String((error as Error).message) })
      throw error
    }
  }
  // The engine ends a cancelled job between two steps: one that runs meanwhile removes what it kept by itself.
  await refuseCancelled(platform, await find(platform, id))
  await update(platform, id, { error: null })
  return done.rejected
}

async function refuseCancelled({ loads }: Platform, { id, file, status }: LoadRecord): Promise<void> {
  if (status !== 'cancelled') return
  await loads.deleteKept(id)
  throw new FeatureStoreError('failed_precondition', `Cannot go on loading "${file}": the load was cancelled`)
}

async function readPlan(platform: Platform, id: string): Promise<LoadPlan> {
  const text = await platform.loads.readPlan(id)
  assert(text !== undefined, 'a load is planned before its chunks are read')
  return JSON.parse(text) as LoadPlan
}

async function refuseBadRows(platform: Platform, id: string, rejected: number): Promise<null> {
  const { file, badRowsMax } = await find(platform, id)
  const [first] = (await platform.loads.listChunks(id)).flatMap(({ rejections }) => rejections)
  assert(first !== undefined, 'a chunk with bad rows tells some of them')
  throw new FeatureStoreError(
    'invalid_argument',
    `Cannot load "${file}": ${rejected} rows are bad and max_bad_rows is ${badRowsMax}; row ${first.row}: ${first.message}`,
  )
}

/** False when definitions have changed the source's views meanwhile: the load has to be computed again. */
async function registerLoad(platform: Platform, id: string): Promise<boolean> {
  const load = await find(platform, id)
  if (load.isRegistered) return true
  if (await platform.loads.register(id, load.generation)) return true
  const [before, now] = [
    await readSnapshotOf(platform, load.generation, { sources: [load.source] }),
    await readWritingSnapshot(platform, { sources: [load.source] }),
  ]
  const isSameWork = viewIds(before, load.source) === viewIds(now, load.source)
  // A generation that touches other definitions changes nothing here: its number is all there is to take
  // over.
  if (isSameWork) await update(platform, id, { generation: now.generation })
  return isSameWork ? platform.loads.register(id, now.generation) : false
}

/** Sends the newest row of each key of a chunk to the writers; they decide (S8). */
async function syncChunk(platform: Platform, id: string, chunk: number): Promise<null> {
  const load = await find(platform, id)
  const done = await platform.loads.findChunk(id, chunk)
  assert(done !== undefined, 'a chunk is loaded before it is synced')
  if (done.isSynced) return null
  const rows = await platform.loads.readNewest(id, chunk)
  for (let attempt = 0; ; attempt++) {
    const snapshot = await readWritingSnapshot(platform, { sources: [load.source] })
    const answers = await Promise.all(
      planSync(snapshot, rows).map(({ entity, shard, view, part, lines }) =>
        platform.writers.deliver({
          layout: writerLayout(snapshot, entity, shard),
          kind: 'load',
          groups: [{ id: `${id}.${chunk}.${part}/${view}`, time: load.ingestTime, rows: lines.join('\n') }],
        }),
      ),
    )
    if (answers.every(({ status }) => status === 'committed')) break
    if (attempt > 2)
      throw new FeatureStoreError('unavailable', 'A writer knows a newer generation of definitions')
  }
  await platform.loads.writeChunk(id, { ...done, isSynced: true })
  await update(platform, id, {})
  return null
}

interface SyncPart {
  readonly entity: string
  readonly shard: number
  readonly view: string
  /** Which of the writer's parts this is: each is small enough for one row of its journal. */
  readonly part: number
  readonly lines: string[]
  chars: number
}

const PART_CHARS_MAX = 1_000_000

/** Groups rows by view version and writer; rows of versions no longer in force stay in the log alone. */
function planSync(snapshot: Snapshot, rows: string): SyncPart[] {
  const entityByView = new Map<string, CompiledEntity>()
  for (const { id, entity } of Object.values(snapshot.views)) entityByView.set(id, snapshot.entities[entity]!)
  const parts: SyncPart[] = []
  const openParts = new Map<string, SyncPart>()
  for (const line of rows === '' ? [] : rows.split('\n')) {
    const [view, key] = line.split('\t', 2) as [string, string]
    const entity = entityByView.get(view)
    if (entity === undefined) continue
    const shard = topBits(hashKey(key).high, entity.shardBits)
    const address = `${view}/${shard}`
    let part = openParts.get(address)
    if (part === undefined || part.chars + line.length > PART_CHARS_MAX) {
      part = { entity: entity.name, shard, view, part: (part?.part ?? -1) + 1, lines: [], chars: 0 }
      openParts.set(address, part)
      parts.push(part)
    }
    part.lines.push(line)
    part.chars += line.length + 1
  }
  return parts
}

/** The load's rows are published now rather than a minute after they came. */
async function endLoad(platform: Platform, id: string): Promise<null> {
  const load = await find(platform, id)
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
  await update(platform, id, { status: 'succeeded', endedTime: platform.clock.now() })
  return null
}

function findSource(snapshot: Snapshot, load: LoadRecord): CompiledSource {
  const source = snapshot.sources[load.source]
  if (source?.landing) return source
  throw new FeatureStoreError(
    'failed_precondition',
    `Cannot load "${load.file}": there is no source "${load.source}" with a landing`,
  )
}

async function find(platform: Platform, id: string): Promise<LoadRecord> {
  const load = await platform.loads.find(id)
  if (load === undefined)
    throw new FeatureStoreError('not_found', `Cannot find load "${id}": there is none of that id`)
  return load
}

async function update(platform: Platform, id: string, change: Partial<LoadRecord>): Promise<void> {
  await platform.loads.update(id, { ...change, heartbeatTime: platform.clock.now() })
}

function viewIds(snapshot: Snapshot, source: string): string {
  return (snapshot.sources[source]?.views ?? []).join()
}
