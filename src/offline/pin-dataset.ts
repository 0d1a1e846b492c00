import { FeatureStoreError } from '../core/error.ts'
import type { CompiledEntity, Snapshot } from '../definitions/snapshot.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import type { DatasetPins, Platform, StoredFile, TrainingDataset } from '../platform.ts'
import { readWritingSnapshot } from '../registry/current-snapshot.ts'
import { datasetScope, datasetService } from './dataset-service.ts'

/** Flushes of one writer before it is given up for now: a cut takes a third of what may wait at most. */
const FLUSHES_MAX = 10
/** Writers flushed at a time: each call waits for its answer, and six connections may be waiting. */
const FLUSHED_AT_ONCE = 6

/**
 * Fixes the bounds within which a dataset is read, once (S5): what was committed by now is cut into segments first, so
 * that the registered ones are all there is to be read, today and when it is made again.
 */
export async function pinDataset(platform: Platform, dataset: TrainingDataset): Promise<DatasetPins> {
  if (dataset.pins !== null) return dataset.pins
  const { request } = dataset
  const asOf = request.asOf ?? platform.clock.now()
  const snapshot = await readWritingSnapshot(platform, datasetScope(request))
  const { service } = datasetService(snapshot, request.of)
  const labels = request.labels.kind === 'file' ? await findLabels(platform, request.labels.path) : null
  const views = service.entries.map(({ view }) => snapshot.views[view]!)
  const entities = new Set(views.map(({ entity }) => snapshot.entities[entity]!))
  for (const entity of entities) await flushWriters(platform, snapshot, entity)
  const commit = await platform.offline.readCommit()
  const pins = {
    generation: snapshot.generation,
    asOf,
    commit,
    labels,
    chunkRows: platform.settings.datasetChunkRows,
    views: [...new Set(views.map(({ name }) => name))],
    viewIds: [...new Set(views.map(({ id }) => id))],
  }
  await platform.training.update(dataset.id, { pins })
  return pins
}

/** Throws `not_found` for labels that nobody has put there. */
export async function findLabels({ files }: Platform, path: string): Promise<StoredFile> {
  const file = await files.find(path)
  if (file === undefined)
    throw new FeatureStoreError('not_found', `Cannot read label file "${path}": there is no such file`)
  return file
}

async function flushWriters(platform: Platform, snapshot: Snapshot, entity: CompiledEntity): Promise<void> {
  const shards = Array.from({ length: 2 ** entity.shardBits }, (_, shard) => shard)
  for (let at = 0; at < shards.length; at += FLUSHED_AT_ONCE) {
    const some = shards.slice(at, at + FLUSHED_AT_ONCE)
    await Promise.all(some.map((shard) => flushWriter(platform, snapshot, { entity: entity.name, shard })))
  }
}

/** Has a writer cut until all that it had committed when it was first asked is registered. */
async function flushWriter(
  platform: Platform,
  snapshot: Snapshot,
  { entity, shard }: { readonly entity: string; readonly shard: number },
): Promise<void> {
  let newest: number | undefined
  for (let flush = 0; flush < FLUSHES_MAX; flush++) {
    const report = await platform.writers.flush(writerLayout(snapshot, entity, shard), { cut: true })
    newest ??= report.newest
    if (report.oldestUncut === null || report.oldestUncut > newest) return
  }
  throw new FeatureStoreError('unavailable', `A writer of entity "${entity}" cannot cut its journal`)
}
