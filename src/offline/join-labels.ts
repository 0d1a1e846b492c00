import { type FeatureColumn, STATUS_CODES, valueAt } from '../core/feature-column.ts'
import { FEATURE_STATUSES } from '../core/feature-status.ts'
import type { NamedType } from '../core/segment.ts'
import { decodeValue, encodeValue, splitCells, type Value } from '../core/value.ts'
import type { CompiledService, Snapshot } from '../definitions/snapshot.ts'
import type { Platform } from '../platform.ts'
import type { Role } from './dataset-service.ts'
import {
  type DatasetWork,
  type DividedChunk,
  datasetPath,
  type JoinedLabels,
  readSection,
  writeSections,
} from './dataset-steps.ts'
import { joinEntry } from './join-partition.ts'
import type { PlannedJoin } from './plan-dataset.ts'

/**
 * Joins the labels of one partition with the views of its role, one view after another, and keeps the answers chunk by
 * chunk, in the order in which the chunk has its labels.
 */
export async function joinLabels(
  platform: Platform,
  work: DatasetWork,
  { join, number, divided }: { join: PlannedJoin; number: number; divided: readonly DividedChunk[] },
): Promise<JoinedLabels> {
  const { dataset, pins, resolved, roles, plan } = work
  const role = roles[join.role]!
  const chunks = divided.slice(join.chunkStart, join.chunkEnd)
  const section = join.role * 2 ** plan.partitionBits + join.partition
  const texts = await Promise.all(chunks.map((chunk) => readSection(platform.files, chunk, section)))
  const { times, inputs } = decodeLabels(resolved, role, texts)
  const { isKnowledgeCutoff } = dataset.request
  const bounds = { asOf: pins.asOf, commit: pins.commit, isKnowledgeCutoff }
  const columns: FeatureColumn[] = []
  for (const entry of role.entries)
    columns.push(...(await joinEntry(platform, resolved, entry, { labels: { times, inputs }, pins: bounds })))
  let label = 0
  const sections = chunks.map(({ counts }) => {
    const end = label + counts[join.role]![join.partition]!
    let text = ''
    for (; label < end; label++) text += encodeAnswer(columns, label)
    return text
  })
  return writeSections(platform.files, `${datasetPath.scratch(dataset.id)}answers-${number}`, sections)
}

/** Labels as they were divided: a line each. */
function decodeLabels(
  { snapshot, service }: { readonly snapshot: Snapshot; readonly service: CompiledService },
  role: Role,
  texts: readonly string[],
) {
  const types = snapshot.entities[role.entity]!.joinKeys.map(({ type }) => type)
  const times: number[] = []
  // Only the role's own inputs have values: its views look at no others.
  const inputs = service.inputs.map((): Value[] => [])
  for (const line of texts.flatMap((text) => text.split('\n').slice(0, -1))) {
    const tab = line.indexOf('\t')
    times.push(Number(line.slice(0, tab)))
    for (const [at, cell] of splitCells(line.slice(tab + 1)).entries())
      inputs[role.inputs[at]!]!.push(decodeValue(types[at]!, cell))
  }
  return { times, inputs }
}

/** One label's answers: a status code for each feature, and their values. */
function encodeAnswer(columns: readonly FeatureColumn[], label: number): string {
  let codes = ''
  let cells = ''
  for (const column of columns) {
    codes += column.statuses[label]!
    cells += `,${encodeValue(column.type, valueAt(column, label))}`
  }
  return `${codes}\t${cells.slice(1)}\n`
}

/** Answers of the views of a role, by entry and feature, to be filled label by label. */
export interface AnswerColumns {
  readonly columns: readonly FeatureColumn[]
  /** Sets one label's answers from its line. */
  take(label: number, line: string): void
}

export function createAnswers(features: readonly NamedType[], labelCount: number): AnswerColumns {
  const columns = features.map(({ type }) => ({
    type,
    values: new Array<Value>(labelCount).fill(null),
    statuses: new Uint8Array(labelCount),
    // A dataset does not say them.
    eventTimes: new Float64Array(labelCount).fill(Number.NaN),
  }))
  return {
    columns,
    take(label, line) {
      const cells = splitCells(line.slice(columns.length + 1))
      for (const [at, { type, values, statuses }] of columns.entries()) {
        statuses[label] = Number(line[at])
        if (statuses[label] === STATUS_CODES.present) values[label] = decodeValue(type, cells[at]!)
      }
    },
  }
}

/** How many labels have each status. */
export function countStatuses({ statuses }: FeatureColumn): number[] {
  const counts = FEATURE_STATUSES.map(() => 0)
  for (const code of statuses) counts[code]!++
  return counts
}
