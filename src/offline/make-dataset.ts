import { assert } from '../core/error.ts'
import { isPermanent, type JobRecord, type JobSteps, type Platform, runStep } from '../platform.ts'
import { datasetManifest } from './dataset-manifest.ts'
import {
  type DividedChunk,
  datasetPath,
  type JoinedLabels,
  once,
  readSteps,
  stepName,
  type WrittenFile,
} from './dataset-steps.ts'
import { divideLabels } from './divide-labels.ts'
import { joinLabels } from './join-labels.ts'
import { writeKnownEntities } from './known-entities.ts'
import { findDataset, openDataset, openPinned } from './open-dataset.ts'
import { pinDataset } from './pin-dataset.ts'
import { countFiles, type DatasetPlan, planJoins } from './plan-dataset.ts'
import { writeDatasetFile } from './write-dataset-file.ts'

/**
 * Makes a dataset, in steps each of which looks first whether its effect is there, so that any of them may be cut off and
 * done again:
 *
 * ```
 *  pin ──> labels ──> divide 0 … n-1 ──> join 0 … m-1 ──> file 0 … k-1 ──> end
 *  bounds  entities   labels by key       answers by       Parquet, in      manifest, scratch
 *          as labels  hash, a chunk each  partition        label order      removed
 * ```
 *
 * What a dataset is depends on its pins alone (S5). Memory holds a chunk, a partition or a file, whatever the size.
 * Faults of the labels end it as `failed`; any other is thrown, to be retried.
 */
export async function makeDataset(platform: Platform, id: string, steps: JobSteps): Promise<void> {
  const step = (name: string, work: () => Promise<number | null>) => runStep(steps, name, work)
  const forEach = async (
    count: number | null,
    name: (at: number) => string,
    work: (at: number) => Promise<null>,
  ) => {
    for (let at = 0; at < count!; at++) await step(name(at), () => work(at))
  }
  try {
    const bucketCount = await step('pin', () => begin(platform, id))
    if (bucketCount === null) return
    await forEach(bucketCount, stepName.entities, (bucket) => findEntities(platform, id, bucket))
    const chunkCount = await step('labels', () => countChunks(platform, id))
    await forEach(chunkCount, stepName.divided, (chunk) => divideChunk(platform, id, chunk))
    const joinCount = await step('joins', () => countJoins(platform, id))
    await forEach(joinCount, stepName.joined, (join) => joinOne(platform, id, join))
    await forEach(countFiles(chunkCount!), stepName.file, (file) => writeFile(platform, id, file))
    await step('end', () => end(platform, id))
  } catch (error) {
    if (!isPermanent(error)) throw error
    await platform.jobRecords.update(id, {
      status: 'failed',
      error: error.message,
      heartbeatTime: platform.clock.now(),
    })
    await removeScratch(platform, id)
  }
}

/** Pins the dataset. Answers in how many buckets its labels are to be found; null when it has been made. */
async function begin(platform: Platform, id: string): Promise<number | null> {
  const job = await platform.jobRecords.find(id)
  if (job?.status === 'succeeded' || job?.status === 'cancelled') return null
  await advance(platform, id, { status: 'running', error: null })
  const found = await findDataset(platform, id)
  if (found.result !== null) {
    // Cut off between its result and its end.
    await removeScratch(platform, id)
    await advance(platform, id, { status: 'succeeded' })
    return null
  }
  await pinDataset(platform, found)
  const { dataset, resolved } = await openPinned(platform, id)
  const { labels } = dataset.request
  return labels.kind === 'file' ? 0 : 2 ** resolved.snapshot.entities[labels.entity]!.bucketBits
}

async function findEntities(platform: Platform, id: string, bucket: number): Promise<null> {
  await once(platform, { id, name: stepName.entities(bucket) }, async () => {
    const pinned = await openPinned(platform, id)
    const { labels } = pinned.dataset.request
    assert(labels.kind === 'entities', 'a label file is in no buckets')
    return writeKnownEntities(platform, { ...pinned, ...labels }, bucket)
  })
  return advance(platform, id, {})
}

async function countChunks(platform: Platform, id: string): Promise<number> {
  const { plan } = await openDataset(platform, id)
  const chunkCount = plan.chunks.length
  await advance(platform, id, { total: chunkCount + plan.files.length })
  return chunkCount
}

async function divideChunk(platform: Platform, id: string, chunk: number): Promise<null> {
  await once(platform, { id, name: stepName.divided(chunk) }, async () =>
    divideLabels(platform, await openDataset(platform, id), chunk),
  )
  return advance(platform, id, { done: chunk + 1 })
}

async function countJoins(platform: Platform, id: string): Promise<number> {
  const { plan } = await openDataset(platform, id)
  const { planned } = await readJoins(platform, id, plan)
  await advance(platform, id, { total: plan.chunks.length + planned.length + plan.files.length })
  return planned.length
}

async function joinOne(platform: Platform, id: string, number: number): Promise<null> {
  const work = await openDataset(platform, id)
  const { planned, divided } = await readJoins(platform, id, work.plan)
  await once(platform, { id, name: stepName.joined(number) }, () =>
    joinLabels(platform, work, { join: planned[number]!, number, divided }),
  )
  return advance(platform, id, { done: divided.length + number + 1 })
}

async function writeFile(platform: Platform, id: string, number: number): Promise<null> {
  const work = await openDataset(platform, id)
  const { planned, divided } = await readJoins(platform, id, work.plan)
  await once(platform, { id, name: stepName.file(number) }, async () => {
    const joined = await readSteps<JoinedLabels>(platform, id, {
      count: planned.length,
      name: stepName.joined,
    })
    return writeDatasetFile(platform, work, { number, joins: { planned, joined } })
  })
  return advance(platform, id, { done: divided.length + planned.length + number + 1 })
}

/** The joins there are to be done, which follow from how many labels each chunk has of each partition. */
async function readJoins(platform: Platform, id: string, plan: DatasetPlan) {
  const divided = await readSteps<DividedChunk>(platform, id, {
    count: plan.chunks.length,
    name: stepName.divided,
  })
  const counts = divided.map((chunk) => chunk.counts)
  return { planned: planJoins(counts, plan), divided }
}

/** The manifest first, then what names it, and only then is the scratch removed. */
async function end(platform: Platform, id: string): Promise<null> {
  const work = await openDataset(platform, id)
  const { length: count } = work.plan.files
  const written = await readSteps<WrittenFile>(platform, id, { count, name: stepName.file })
  const manifest = datasetPath.manifest(id)
  const text = await datasetManifest(platform, work, written)
  await platform.files.put(manifest, text)
  const files = written.map(({ path, rows, bytes }) => ({ path, rows, bytes }))
  const rowCount = files.reduce((sum, { rows }) => sum + rows, 0)
  await platform.training.update(id, { result: { rowCount, files, manifest } })
  await removeScratch(platform, id)
  return advance(platform, id, { status: 'succeeded' })
}

/** What was made on the way. */
export async function removeScratch({ files, training }: Platform, id: string): Promise<void> {
  await files.deleteAll(datasetPath.scratch(id))
  await training.deleteSteps(id)
}

async function advance(
  { jobRecords, clock }: Platform,
  id: string,
  change: Partial<JobRecord>,
): Promise<null> {
  await jobRecords.update(id, { ...change, heartbeatTime: clock.now() })
  return null
}
