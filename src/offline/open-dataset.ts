import { assert, FeatureStoreError } from '../core/error.ts'
import type { Platform, StoredFile, TrainingDataset } from '../platform.ts'
import { readSnapshotOf } from '../registry/current-snapshot.ts'
import { datasetScope, datasetService, neededColumns, planRoles } from './dataset-service.ts'
import { type DatasetWork, type PinnedDataset, stepName } from './dataset-steps.ts'
import { checkLabelColumns, type LabelRows, openLabelRows } from './label-rows.ts'
import { planDataset } from './plan-dataset.ts'
import { type ConvertedPiece, type CutText, openTextLabels, textFormat } from './text-labels.ts'

/** Throws `not_found`. */
export async function findDataset({ training }: Platform, id: string): Promise<TrainingDataset> {
  const dataset = await training.find(id)
  if (dataset === undefined)
    throw new FeatureStoreError('not_found', `Cannot find training dataset "${id}": there is none of that id`)
  return dataset
}

/** A dataset under the generation that it was pinned to, whatever is in force since. */
export async function openPinned(platform: Platform, id: string): Promise<PinnedDataset> {
  const dataset = await findDataset(platform, id)
  const { pins } = dataset
  assert(pins !== null, 'steps come after the pin')
  const snapshot = await readSnapshotOf(platform, pins.generation, datasetScope(dataset.request))
  return { dataset, pins, resolved: datasetService(snapshot, dataset.request.of) }
}

/** A dataset with its labels, as every step but the first needs it. Throws when it has been cancelled. */
export async function openDataset(platform: Platform, id: string): Promise<DatasetWork> {
  const job = await platform.jobRecords.find(id)
  if (job?.status === 'cancelled')
    throw new FeatureStoreError('failed_precondition', `Cannot go on with job "${id}": it was cancelled`)
  const { dataset, pins, resolved } = await openPinned(platform, id)
  const { request } = dataset
  const labels = await openLabels(platform, { dataset, pins, resolved })
  const path = request.labels.kind === 'file' ? request.labels.path : request.labels.entity
  checkLabelColumns(resolved.service, labels.columns, { path, hasStatuses: request.hasStatuses })
  return {
    dataset,
    pins,
    resolved,
    labels,
    roles: planRoles(resolved.service),
    plan: planDataset(labels, pins.chunkRows),
  }
}

/** A Parquet file as it is, or what the job made of another file, or of entities. */
async function openLabels(
  { files, training }: Platform,
  { dataset, pins, resolved }: PinnedDataset,
): Promise<LabelRows> {
  const { labels } = pins
  if (labels !== null && textFormat(labels.path) === undefined) return openLabelRows(files, [labels])
  const steps = await training.readSteps(dataset.id)
  const sources: string[] = []
  for (let at = 0; steps.has(stepName.source(at)); at++) sources.push(steps.get(stepName.source(at))!)
  if (labels === null)
    return openLabelRows(
      files,
      sources.map((text) => JSON.parse(text) as StoredFile),
    )
  const pieces = sources.map((text) => JSON.parse(text) as ConvertedPiece)
  const cut = JSON.parse(steps.get(stepName.cut)!) as CutText
  return openTextLabels(files, cut, { pieces, needed: neededColumns(resolved.service) })
}
