import { FeatureStoreError } from '../core/error.ts'
import { type RegisteredSegment, tombstoneLog } from '../definitions/segment-record.ts'
import type { Platform } from '../platform.ts'
import { readSnapshotOf, readWritingSnapshot } from '../registry/current-snapshot.ts'
import type { ResolvedService } from '../registry/resolve-name.ts'
import { datasetScope, datasetService } from './dataset-service.ts'
import { exportSql } from './export-sql.ts'
import { answerColumns, checkLabelColumns, openLabelRows } from './label-rows.ts'
import { findDataset } from './open-dataset.ts'
import { findLabels } from './pin-dataset.ts'
import { DIALECTS, type SqlEngine } from './sql-dialect.ts'
import type { SqlExport } from './sql-export.ts'
import type { DatasetSpec } from './start-dataset.ts'
import { textFormat } from './text-labels.ts'

export interface ExportTarget {
  readonly engine: SqlEngine
  /** Where the bucket is; absent: the engine's usual place for it. */
  readonly base?: string | undefined
}

/**
 * The SQL that makes a dataset that has been begun, within its bounds (S5). Throws `not_found`, and `failed_precondition`
 * while nothing is pinned, or when its labels are no Parquet file and it is not made: its own files are the labels then.
 */
export async function readDatasetSql(platform: Platform, id: string, target: ExportTarget): Promise<string> {
  const { request, pins, result, touched } = await findDataset(platform, id)
  const refuse = (why: string) =>
    new FeatureStoreError('failed_precondition', `Cannot write SQL for training dataset "${id}": ${why}`)
  if (pins === null) throw refuse('it has not been begun, nothing is pinned')
  if (touched !== null) throw refuse(touched)
  const labelFile = parquetPath(pins.labels?.path)
  if (labelFile === undefined && result === null)
    throw refuse('its labels are no Parquet file, and it has not been made')
  const snapshot = await readSnapshotOf(platform, pins.generation, datasetScope(request))
  const resolved = datasetService(snapshot, request.of)
  const paths = labelFile === undefined ? result!.files.map(({ path }) => path) : [labelFile]
  const { asOf, commit } = pins
  return writeSql(platform, resolved, {
    target,
    paths,
    pins: { asOf, commit, isKnowledgeCutoff: request.isKnowledgeCutoff, hasStatuses: request.hasStatuses },
    // A dataset's own files have its answers, too.
    isResult: labelFile === undefined,
  })
}

/** The SQL of a dataset that nobody has asked the store to make, over what is registered now. */
export async function readRequestSql(
  platform: Platform,
  spec: DatasetSpec,
  target: ExportTarget,
): Promise<string> {
  const { labels, isKnowledgeCutoff, hasStatuses } = spec
  if (labels.kind === 'entities') {
    throw new FeatureStoreError(
      'failed_precondition',
      `Cannot write SQL for entity "${labels.entity}" as labels: they are known when the dataset is made, ask for its SQL then`,
    )
  }
  const snapshot = await readWritingSnapshot(platform, datasetScope(spec))
  const resolved = datasetService(snapshot, spec.of)
  const path = parquetPath(labels.path)
  if (path === undefined) {
    throw new FeatureStoreError(
      'failed_precondition',
      `Cannot write SQL for label file "${labels.path}": it is no Parquet file, ask for the SQL of the dataset once it is made`,
    )
  }
  const file = await findLabels(platform, path)
  const asOf = spec.asOf ?? platform.clock.now()
  const commit = await platform.offline.readCommit()
  const pins = { asOf, commit, isKnowledgeCutoff, hasStatuses }
  return writeSql(platform, resolved, { target, paths: [file.path], pins, isResult: false })
}

/** Engines read Parquet; of labels in another form, a made dataset's own files are the labels. */
function parquetPath(path: string | undefined): string | undefined {
  return path === undefined || textFormat(path) !== undefined ? undefined : path
}

interface SqlRequest {
  readonly target: ExportTarget
  readonly paths: readonly string[]
  readonly pins: Pick<SqlExport, 'asOf' | 'commit' | 'isKnowledgeCutoff' | 'hasStatuses'>
  readonly isResult: boolean
}

async function writeSql(
  platform: Platform,
  resolved: ResolvedService,
  { target, paths, pins, isResult }: SqlRequest,
): Promise<string> {
  const { snapshot, service } = resolved
  const dialect = DIALECTS[target.engine]
  const files = []
  for (const path of paths) files.push(await findLabels(platform, path))
  const found = await openLabelRows(platform.files, files)
  const answers = answerColumns(service, pins.hasStatuses).map(({ name }) => name)
  const columns = isResult ? found.columns.filter(({ name }) => !answers.includes(name)) : found.columns
  checkLabelColumns(service, columns, { path: paths[0]!, hasStatuses: pins.hasStatuses })
  const segments = new Map<string, readonly RegisteredSegment[]>()
  const tombstones = new Map<string, readonly RegisteredSegment[]>()
  for (const { view } of service.entries) {
    const { id, name, version, entity } = snapshot.views[view]!
    segments.set(id, await platform.offline.list(name, version))
    const log = tombstoneLog(entity)
    tombstones.set(entity, await platform.offline.list(log.view, log.version))
  }
  const base = (target.base ?? dialect.defaultBase).replace(/\/+$/, '')
  return exportSql(dialect, { resolved, labels: { paths, columns }, segments, tombstones, base, ...pins })
}
