import { FEATURE_STATUSES } from '../core/feature-status.ts'
import { formatInstant } from '../core/time.ts'
import { tombstoneLog } from '../definitions/segment-record.ts'
import type { Platform } from '../platform.ts'
import { neededColumns } from './dataset-service.ts'
import type { DatasetWork, WrittenFile } from './dataset-steps.ts'
import { answerColumns } from './label-rows.ts'

/** Of the manifest's form; readers of another know that they are one. */
const MANIFEST_FORMAT = 1

/** Exactly what a dataset was made of, as JSON: enough to make it again, or to ask another engine for the same. */
export async function datasetManifest(
  platform: Platform,
  { dataset, pins, resolved, labels }: DatasetWork,
  files: readonly WrittenFile[],
): Promise<string> {
  const { snapshot, service } = resolved
  const { request } = dataset
  const needed = neededColumns(service)
  const views = [...new Set(service.entries.map(({ view }) => snapshot.views[view]!))]
  const logs = [...new Set(views.map(({ entity }) => entity))].map(tombstoneLog)
  const segments: string[] = []
  for (const { view, version } of [...views.map(({ name, version }) => ({ view: name, version })), ...logs]) {
    const registered = await platform.offline.list(view, version)
    segments.push(...registered.filter(({ commitMin }) => commitMin <= pins.commit).map(({ path }) => path))
  }
  const columns = [
    ...labels.columns.map((column) => needed.find(({ name }) => name === column.name) ?? column),
    ...answerColumns(service, request.hasStatuses),
  ]
  const manifest = {
    format: MANIFEST_FORMAT,
    id: dataset.id,
    name: dataset.name,
    [request.of.kind === 'service' ? 'feature_service' : 'feature_view']: request.of.name,
    feature_views: views.map(({ id }) => id),
    generation: pins.generation,
    as_of: formatInstant(pins.asOf),
    commit: pins.commit,
    knowledge_cutoff: request.isKnowledgeCutoff,
    labels:
      request.labels.kind === 'file'
        ? { path: request.labels.path, etag: pins.labels!.etag }
        : { entities: request.labels.entity, at: formatInstant(request.labels.at) },
    segments: segments.sort(),
    schema: columns.map(({ name, type }) => ({ name, type })),
    row_count: files.reduce((sum, { rows }) => sum + rows, 0),
    files: files.map(({ path, rows, bytes }) => ({ path, rows, bytes })),
    statuses: Object.fromEntries(
      service.features.map(({ name }, feature) => [name, statusCounts(files, feature)]),
    ),
  }
  return `${JSON.stringify(manifest, null, 2)}\n`
}

/** How many rows have each status in one feature; those that none has are left out. */
function statusCounts(files: readonly WrittenFile[], feature: number): Record<string, number> {
  const counts = FEATURE_STATUSES.map((status, code) => {
    const count = files.reduce((sum, { statuses }) => sum + (statuses[feature]![code] ?? 0), 0)
    return [status, count] as const
  })
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
}
