import { FeatureStoreError, invalid } from '../core/error.ts'
import { checkFilePath } from '../core/file-path.ts'
import { isPathPattern } from '../core/path-pattern.ts'
import type { Instant } from '../core/time.ts'
import type { CompiledService, Snapshot } from '../definitions/snapshot.ts'
import type { DatasetRequest, LabelsRequest, Platform, TrainingDataset } from '../platform.ts'
import { readWritingSnapshot } from '../registry/current-snapshot.ts'
import { findEntity } from '../registry/resolve-name.ts'
import { datasetScope, datasetService } from './dataset-service.ts'
import { checkLabelColumns, openLabelRows } from './label-rows.ts'
import { findDataset } from './open-dataset.ts'
import { findLabels } from './pin-dataset.ts'
import { textFormat } from './text-labels.ts'

/** Where label files are. */
export const LABELS_FOLDER = 'labels/'

/** What a client asks for. Where it recurs, the path is a pattern and the entities' time is that of each run. */
export interface DatasetSpec {
  readonly name: string
  readonly of: DatasetRequest['of']
  readonly labels:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'entities'; readonly entity: string; readonly at: Instant | null }
  readonly asOf: Instant | null
  readonly isKnowledgeCutoff: boolean
  readonly hasStatuses: boolean
}

/** Begins a dataset. What can be told of its labels without reading them is checked before. */
export async function startDataset(platform: Platform, spec: DatasetSpec): Promise<TrainingDataset> {
  const request = { ...spec, labels: labelsOf(spec) }
  const snapshot = await readWritingSnapshot(platform, datasetScope(request))
  const { service } = datasetService(snapshot, request.of)
  await checkLabels(platform, { snapshot, service, request })
  return beginDataset(platform, { id: `training-${platform.nextId()}`, spec, labels: request.labels })
}

/**
 * Begins the same dataset again, within the same bounds (S5). Throws `failed_precondition` where they cannot be kept: the
 * labels were replaced, or erasure or retention has touched what it was made from.
 */
export async function startAgain(platform: Platform, id: string): Promise<TrainingDataset> {
  const { name, request, pins, touched } = await findDataset(platform, id)
  const refuse = (why: string) =>
    new FeatureStoreError('failed_precondition', `Cannot make training dataset "${id}" again: ${why}`)
  if (pins === null) throw refuse('it has not been begun, nothing is pinned')
  if (touched !== null) throw refuse(touched)
  if (pins.labels !== null) {
    const found = await platform.files.find(pins.labels.path)
    if (found === undefined) throw refuse(`its label file "${pins.labels.path}" is gone`)
    if (found.etag !== pins.labels.etag)
      throw refuse(`its label file "${pins.labels.path}" has been replaced`)
  }
  return begin(platform, {
    id: `training-${platform.nextId()}`,
    name,
    request,
    pins,
    result: null,
    touched: null,
    createdTime: platform.clock.now(),
    schedule: null,
  })
}

export interface BegunDataset {
  readonly id: string
  readonly spec: DatasetSpec
  readonly labels: LabelsRequest
  readonly schedule?: string
}

/** Begins a dataset of this id, unless it has been begun. */
export async function beginDataset(
  platform: Platform,
  { id, spec, labels, schedule }: BegunDataset,
): Promise<TrainingDataset> {
  const { of, asOf, isKnowledgeCutoff, hasStatuses } = spec
  return begin(platform, {
    id,
    name: spec.name,
    request: { of, labels, asOf, isKnowledgeCutoff, hasStatuses },
    pins: null,
    result: null,
    touched: null,
    createdTime: platform.clock.now(),
    schedule: schedule ?? null,
  })
}

/** The dataset, then its job, then the start: Cron makes good a start that was cut off. */
async function begin(platform: Platform, dataset: TrainingDataset): Promise<TrainingDataset> {
  const now = platform.clock.now()
  const begun = await platform.training.begin(dataset)
  const job = await platform.jobRecords.begin({
    id: begun.id,
    kind: 'training',
    subject: begun.name,
    params: '{}',
    status: 'queued',
    done: 0,
    total: 0,
    error: null,
    startedTime: now,
    heartbeatTime: now,
  })
  if (job.status === 'queued') await platform.jobs.start('training', begun.id)
  return begun
}

function labelsOf({ labels }: DatasetSpec): LabelsRequest {
  if (labels.kind === 'entities') {
    if (labels.at === null) throw invalid('Cannot take entities as labels: "at", their time, is needed')
    return { ...labels, at: labels.at }
  }
  if (isPathPattern(labels.path)) {
    throw invalid(`Cannot take label path "${labels.path}": a pattern needs a schedule, a file is needed`)
  }
  checkLabelPath(labels.path)
  return labels
}

export function checkLabelPath(path: string): void {
  checkFilePath(path)
  if (!path.startsWith(LABELS_FOLDER))
    throw invalid(`Cannot take label path "${path}": it is not under ${LABELS_FOLDER}`)
}

async function checkLabels(
  platform: Platform,
  {
    snapshot,
    service,
    request,
  }: { readonly snapshot: Snapshot; readonly service: CompiledService; readonly request: DatasetRequest },
): Promise<void> {
  const { labels, hasStatuses } = request
  if (labels.kind === 'entities') return checkEntity(snapshot, service, labels.entity)
  const file = await findLabels(platform, labels.path)
  // Text is read by the job alone: it may be long before its first fault.
  if (textFormat(labels.path) !== undefined) return
  const { columns } = await openLabelRows(platform.files, [file])
  checkLabelColumns(service, columns, { path: labels.path, hasStatuses })
}

/** Entities alone are labels only of what needs nothing but their join keys. */
export function checkEntity(snapshot: Snapshot, service: CompiledService, name: string): void {
  const keys = new Set(findEntity(snapshot, name).joinKeys.map((key) => key.name))
  const lacking = service.inputs.filter((input) => !keys.has(input.name))
  if (lacking.length > 0) {
    throw invalid(
      `Cannot take entity "${name}" as labels: "${service.name}" needs ${lacking.map((input) => input.name).join(', ')} too, label rows are needed`,
    )
  }
}
