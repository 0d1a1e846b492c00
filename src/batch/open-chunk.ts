import { FeatureStoreError } from '../core/error.ts'
import type { CompiledSource, Snapshot } from '../definitions/snapshot.ts'
import type { LoadChunk, LoadRecord, Platform } from '../platform.ts'
import { readSnapshotOf } from '../registry/current-snapshot.ts'
import type { ChunkWork, OpenedChunk } from './load-chunk.ts'
import type { LoadPlan } from './load-plan.ts'
import { findSource } from './load-under-way.ts'
import { planFile } from './plan-file.ts'
import { readRows } from './read-rows.ts'

/** Reads a chunk's rows from the file, as the load's generation has its source. */
export async function openChunk(platform: Platform, { load, chunk }: ChunkWork): Promise<OpenedChunk> {
  const snapshot = await readSnapshotOf(platform, load.generation, { sources: [load.source] })
  const source = findSource(snapshot, load)
  const kept = await platform.loads.readPlan(load.id, load.generation)
  const plan =
    kept === undefined
      ? await planAgain(platform, { snapshot, source }, load)
      : (JSON.parse(kept) as LoadPlan)
  return { snapshot, source, rows: await readRows(platform, source, { load, plan, chunk }) }
}

/** What a load keeps is deleted once it has failed, by a run that ended late maybe after the next one has planned. */
async function planAgain(
  platform: Platform,
  by: { readonly snapshot: Snapshot; readonly source: CompiledSource },
  load: LoadRecord,
): Promise<LoadPlan> {
  const plan = await planFile(platform, by, load)
  // Another release may cut it otherwise, but what counts of a chunk, here and with the writers, counts by its number.
  if (!isCutAlike(plan, load, await platform.loads.listChunks(load.id)))
    throw new FeatureStoreError(
      'failed_precondition',
      `Cannot go on loading "${load.file}": it is cut into other chunks than before, rebuild the views of its source to serve what history has of it`,
    )
  await platform.loads.writePlan(load.id, load.generation, JSON.stringify(plan))
  return plan
}

function isCutAlike({ chunks }: LoadPlan, { chunkCount }: LoadRecord, done: readonly LoadChunk[]): boolean {
  return (
    chunks.length === chunkCount &&
    done.every(({ chunk, read }) => chunks[chunk]!.rowEnd - chunks[chunk]!.rowStart === read)
  )
}
