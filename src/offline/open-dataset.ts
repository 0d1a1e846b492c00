import { assert, FeatureStoreError } from '../core/error.ts'
import type { DatasetPins, Platform, StoredFile, TrainingDataset } from '../platform.ts'
import { readSnapshotOf } from '../registry/current-snapshot.ts'
import type { ResolvedService } from '../registry/resolve-name.ts'
import { datasetService, planRoles } from './dataset-service.ts'
import { type DatasetWork, stepName } from './dataset-steps.ts'
import { checkLabelColumns, openLabelRows } from './label-rows.ts'
import { planDataset } from './plan-dataset.ts'

export interface PinnedDataset {
  readonly dataset: TrainingDataset
  readonly pins: DatasetPins
  readonly resolved: ResolvedService
}

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
  const snapshot = await readSnapshotOf(platform, pins.generation)
  return { dataset, pins, resolved: datasetService(snapshot, dataset.request.of) }
}

/** A dataset with its labels, as every step but the first needs it. Throws when it has been cancelled. */
export async function openDataset(platform: Platform, id: string): Promise<DatasetWork> {
  const job = await platform.jobRecords.find(id)
  if (job?.status === 'cancelled')
    throw new FeatureStoreError('failed_precondition', `Cannot go on with job "${id}": it was cancelled`)
  const { dataset, pins, resolved } = await openPinned(platform, id)
  const { request } = dataset
  const labels = await openLabelRows(
    platform.files,
    pins.labels === null ? await listEntityFiles(platform, id) : [pins.labels],
  )
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

async function listEntityFiles({ training }: Platform, id: string): Promise<StoredFile[]> {
  const steps = await training.readSteps(id)
  const files: StoredFile[] = []
  for (let bucket = 0; steps.has(stepName.entities(bucket)); bucket++)
    files.push(JSON.parse(steps.get(stepName.entities(bucket))!) as StoredFile)
  return files
}
