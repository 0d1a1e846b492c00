import { assert } from '../core/error.ts'

/** A further instance is worth its start from so many chunks on. */
const CHUNKS_PER_PART_MIN = 4

/** What one instance sees to of a load: every `partCount`-th chunk, from the one of its own number on. */
export interface ChunkShare {
  readonly part: number
  readonly partCount: number
}

/** Chunks are read into segments; once these are registered, their newest rows are synced to the writers. */
export type LoadPhase = 'chunk' | 'sync'

/** A share that an instance of its own sees to. */
export interface LoadPart extends ChunkShare {
  readonly load: string
  /** How often the load had been tried again. */
  readonly attempt: number
  /** Under which the load's rows are computed; once it is another one, the part is no longer wanted. */
  readonly generation: number
  readonly phase: LoadPhase
}

/** Into how many shares a load's chunks are divided; the job itself sees to the first. */
export function countParts(chunkCount: number, partsMax: number): number {
  return Math.max(1, Math.min(partsMax, Math.floor(chunkCount / CHUNKS_PER_PART_MIN)))
}

/** Numbers of a share's chunks, in the order of the file. */
export function chunksOf({ part, partCount }: ChunkShare, chunkCount: number): number[] {
  return Array.from(
    { length: Math.ceil(Math.max(0, chunkCount - part) / partCount) },
    (_, at) => part + at * partCount,
  )
}

/** The same for the same part, so that whoever begins it again finds its instance. */
export function encodePartId({ load, attempt, generation, phase, part, partCount }: LoadPart): string {
  return `${load}-t${attempt}-g${generation}-${phase}-${part}-of-${partCount}`
}

export function decodePartId(id: string): LoadPart {
  const found = /^(.+)-t(\d+)-g(\d+)-(chunk|sync)-(\d+)-of-(\d+)$/.exec(id)
  assert(found !== null, 'a part of a load has an id that says which')
  const [, load, attempt, generation, phase, part, partCount] = found
  return {
    load: load!,
    attempt: Number(attempt),
    generation: Number(generation),
    phase: phase as LoadPhase,
    part: Number(part),
    partCount: Number(partCount),
  }
}
