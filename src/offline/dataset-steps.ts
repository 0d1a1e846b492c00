import type { DatasetFile, DatasetPins, Files, Platform, StoredFile, TrainingDataset } from '../platform.ts'
import type { ResolvedService } from '../registry/resolve-name.ts'
import type { Role } from './dataset-service.ts'
import type { LabelRows } from './label-rows.ts'
import type { DatasetPlan } from './plan-dataset.ts'

/** A dataset under the generation that it is pinned to. */
export interface PinnedDataset {
  readonly dataset: TrainingDataset
  readonly pins: DatasetPins
  readonly resolved: ResolvedService
}

/** A dataset that is being made: all that its steps have in common. */
export interface DatasetWork extends PinnedDataset {
  readonly roles: readonly Role[]
  readonly labels: LabelRows
  readonly plan: DatasetPlan
}

/** Text of many sections in one file; the length of each is known. */
export interface Sections {
  readonly file: StoredFile
  /** Bytes of each, in their order. */
  readonly bytes: readonly number[]
}

/** Labels of one chunk, divided: a section for each role and partition, role by role. */
export interface DividedChunk extends Sections {
  /** Labels by role and partition. */
  readonly counts: readonly (readonly number[])[]
}

/** Answers of one join: a section for each of its chunks. */
export type JoinedLabels = Sections

/** One file of the answer. */
export interface WrittenFile extends DatasetFile {
  /** By feature: how many labels have each status, in the order of `FEATURE_STATUSES`. */
  readonly statuses: readonly (readonly number[])[]
}

export const stepName = {
  cut: 'cut',
  source: (source: number) => `source ${source}`,
  divided: (chunk: number) => `divided ${chunk}`,
  joined: (join: number) => `joined ${join}`,
  file: (file: number) => `file ${file}`,
} as const

/** Does a step's work unless its effect is there already, and keeps what it came to. */
export async function once(
  { training }: Platform,
  { id, name }: { readonly id: string; readonly name: string },
  make: () => Promise<unknown>,
): Promise<void> {
  if ((await training.readSteps(id)).has(name)) return
  await training.writeStep(id, name, JSON.stringify(await make()))
}

/** What all finished steps of one kind came to, in their order. */
export async function readSteps<T>(
  { training }: Platform,
  id: string,
  { count, name }: { readonly count: number; readonly name: (at: number) => string },
): Promise<T[]> {
  const steps = await training.readSteps(id)
  return Array.from({ length: count }, (_, at) => JSON.parse(steps.get(name(at))!) as T)
}

/** Where the parts of a dataset stand on R2. */
export const datasetPath = {
  all: 'training/',
  parts: (id: string) => `training/${id}/part-`,
  scratch: (id: string) => `training/${id}/scratch/`,
  manifest: (id: string) => `training/${id}/manifest.json`,
  file: (id: string, file: number) => `training/${id}/part-${String(file).padStart(5, '0')}.parquet`,
}

/** Writes sections one after another: ASCII text, so a character is a byte. */
export async function writeSections(
  files: Files,
  path: string,
  sections: readonly string[],
): Promise<Sections> {
  const file = await files.put(path, sections.join(''))
  return { file, bytes: sections.map((section) => section.length) }
}

/** Reads one section. */
export async function readSection(files: Files, { file, bytes }: Sections, at: number): Promise<string> {
  const length = bytes[at]!
  if (length === 0) return ''
  const offset = bytes.slice(0, at).reduce((sum, one) => sum + one, 0)
  return files.readText(file, { offset, length })
}
