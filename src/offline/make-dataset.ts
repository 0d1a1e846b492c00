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
import { type CutText, convertPiece, cutLabels, textFormat } from './text-labels.ts'
import { writeDatasetFile } from './write-dataset-file.ts'

/**
 * Makes a dataset, in steps each of which looks first whether its effect is there, so that any of them may be cut off and
 * done again:
 *
 * ```
 *  pin ──> labels ──> divide 0 … n-1 ──> join 0 … m-1 ──> file 0 … k-1 ──> end
 *  bounds  text and   labels by key       answers by       Parquet, in      manifest, scratch
 *          entities   hash, a chunk each  partition        label order      removed
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
    const isBegun = await runStep(steps, 'pin', () => begin(platform, id))
    if (!isBegun) return
    const sourceCount = await step('sources', () => countSources(platform, id))
    await forEach(sourceCount, stepName.source, (source) => readSource(platform, id, source))
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

/** Pins the dataset. False when it has been made, or is not to be. */
async function begin(platform: Platform, id: string): Promise<boolean> {
  const job = await platform.jobRecords.find(id)
  if (job?.status === 'succeeded' || job?.status === 'cancelled') return false
  await advance(platform, id, { status: 'running', error: null })
  const dataset = await findDataset(platform, id)
  if (dataset.result !== null) {
    // Cut off between its result and its end.
    await removeScratch(platform, id)
    await advance(platform, id, { status: 'succeeded' })
    return false
  }
  await pinDataset(platform, dataset)
  return true
}

/** In how many parts the labels have to be read before they are Parquet: buckets of entities, pieces of text. */
async function countSources(platform: Platform, id: string): Promise<number> {
  const pinned = await openPinned(platform, id)
  const { labels } = pinned.dataset.request
  const source = pinned.pins.labels
  if (labels.kind === 'entities') return 2 ** pinned.resolved.snapshot.entities[labels.entity]!.bucketBits
  assert(source !== null, 'a label file is pinned')
  const format = textFormat(source.path)
  if (format === undefined) return 0
  await once(platform, { id, name: stepName.cut }, () => cutLabels(platform, pinned, { source, format }))
  await advance(platform, id, {})
  return (await readCut(platform, id)).pieces.length
}

async function readSource(platform: Platform, id: string, number: number): Promise<null> {
  await once(platform, { id, name: stepName.source(number) }, async () => {
    const pinned = await openPinned(platform, id)
    const { labels } = pinned.dataset.request
    if (labels.kind === 'entities') return writeKnownEntities(platform, { ...pinned, ...labels }, number)
    return convertPiece(platform, pinned, { cut: await readCut(platform, id), number })
  })
  return advance(platform, id, {})
}

async function readCut({ training }: Platform, id: string): Promise<CutText> {
  return JSON.parse((await training.readSteps(id)).get(stepName.cut)!) as CutText
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
