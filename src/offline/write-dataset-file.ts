import { topBits } from '../core/entity-key.ts'
import { type FeatureColumn, statusAt, valueAt } from '../core/feature-column.ts'
import { createParquetWriter } from '../core/parquet.ts'
import type { NamedType } from '../core/segment.ts'
import type { Value } from '../core/value.ts'
import type { Platform } from '../platform.ts'
import { computeColumns } from './compute-columns.ts'
import { neededColumns } from './dataset-service.ts'
import {
  type DatasetWork,
  datasetPath,
  type JoinedLabels,
  readSection,
  type WrittenFile,
} from './dataset-steps.ts'
import { roleKeys } from './divide-labels.ts'
import { countStatuses, createAnswers } from './join-labels.ts'
import { answerColumns, readNeeded, readPassing } from './label-rows.ts'
import type { PlannedJoin } from './plan-dataset.ts'

/** Answers of all joins, in the order of their plan. */
export interface Joins {
  readonly planned: readonly PlannedJoin[]
  readonly joined: readonly JoinedLabels[]
}

/**
 * Writes one file of the answer, chunk by chunk: the label columns as they came, then the features, in label order
 * (S21). Holds one chunk beside the file's own bytes.
 */
export async function writeDatasetFile(
  platform: Platform,
  work: DatasetWork,
  { number, joins }: { readonly number: number; readonly joins: Joins },
): Promise<WrittenFile> {
  const { dataset, resolved, labels, plan } = work
  const { service } = resolved
  const needed = neededColumns(service)
  const own = labels.columns.map((column) => needed.find(({ name }) => name === column.name) ?? column)
  const writer = createParquetWriter(
    [
      ...own.map((column) => ({ ...column, required: needed.includes(column) })),
      ...answerColumns(service, dataset.request.hasStatuses).map((column, at) => ({
        ...column,
        required: at >= service.features.length,
      })),
    ],
    { compression: 'always' },
  )
  let rows = 0
  let statuses = service.features.map(() => [] as number[])
  const { rowStart: first, rowEnd: last } = plan.files[number]!
  for (let chunk = first; chunk < Math.min(last, plan.chunks.length); chunk++) {
    const { columns, features } = await readChunk(platform, work, { chunk, own, joins })
    const counts = features.map(countStatuses)
    statuses = counts.map((count, feature) => count.map((one, code) => one + (statuses[feature]![code] ?? 0)))
    writer.write(columns)
    rows += columns[0]!.length
  }
  const bytes = writer.finish()
  const path = datasetPath.file(dataset.id, number)
  await platform.files.put(path, bytes)
  return { path, rows, bytes: bytes.length, statuses }
}

async function readChunk(
  platform: Platform,
  work: DatasetWork,
  {
    chunk,
    own,
    joins,
  }: { readonly chunk: number; readonly own: readonly NamedType[]; readonly joins: Joins },
): Promise<{ readonly columns: Value[][]; readonly features: readonly FeatureColumn[] }> {
  const { dataset, resolved, labels, plan } = work
  const rows = plan.chunks[chunk]!
  const { inputs, times } = await readNeeded(labels, resolved.service, rows)
  const needed = neededColumns(resolved.service)
  const columns: Value[][] = []
  for (const column of own) {
    const at = needed.findIndex(({ name }) => name === column.name)
    columns.push(at < 0 ? await readPassing(labels, column, rows) : [...[...inputs, times][at]!])
  }
  const entries: FeatureColumn[][] = []
  for (const role of work.roles.keys())
    await readAnswers(platform, work, { role, chunk, inputs, joins, entries })
  const features = computeColumns(resolved, { times, inputs }, entries)
  const labelCount = rows.rowEnd - rows.rowStart
  const answers = features.map((column) =>
    Array.from({ length: labelCount }, (_, label) => valueAt(column, label)),
  )
  if (dataset.request.hasStatuses) {
    answers.push(
      ...features.map((column) => Array.from({ length: labelCount }, (_, label) => statusAt(column, label))),
    )
  }
  return { columns: [...columns, ...answers], features }
}

interface RoleAnswers {
  readonly role: number
  readonly chunk: number
  readonly inputs: readonly (readonly Value[])[]
  readonly joins: Joins
  /** By the service's entry; those of the role are set. */
  readonly entries: FeatureColumn[][]
}

/** Puts the answers of one role's joins back into the order of the chunk's labels. */
async function readAnswers(
  platform: Platform,
  { resolved, roles, plan }: DatasetWork,
  { role, chunk, inputs, joins, entries }: RoleAnswers,
): Promise<void> {
  const { snapshot, service } = resolved
  const { entries: own } = roles[role]!
  const features = own.map((entry) => {
    const { view, features: wanted } = service.entries[entry]!
    return wanted.map((feature) => snapshot.views[view]!.features[feature]!)
  })
  const keys = roleKeys(snapshot, roles[role]!, inputs)
  const answers = createAnswers(features.flat(), keys.length)
  const lines = new Map<number, string[]>()
  await Promise.all(
    joins.planned.map(async (join, number) => {
      if (join.role !== role || chunk < join.chunkStart || chunk >= join.chunkEnd) return
      const text = await readSection(platform.files, joins.joined[number]!, chunk - join.chunkStart)
      lines.set(join.partition, text.split('\n'))
    }),
  )
  const taken = new Map<number, number>()
  for (const [label, { partition }] of keys.entries()) {
    const bits = topBits(partition, plan.partitionBits)
    const at = taken.get(bits) ?? 0
    answers.take(label, lines.get(bits)![at]!)
    taken.set(bits, at + 1)
  }
  let first = 0
  for (const [at, entry] of own.entries()) {
    entries[entry] = answers.columns.slice(first, first + features[at]!.length)
    first += features[at]!.length
  }
}
