import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import { getHeapStatistics } from 'node:v8'
import { encodeKey, hashKey, topBits } from '../src/core/entity-key.ts'
import { type AsyncBuffer, createParquetWriter, openParquet, type ParquetFile } from '../src/core/parquet.ts'
import type { ParquetFileWriter } from '../src/core/parquet-writer.ts'
import type { NamedType } from '../src/core/segment.ts'
import { copyValues, takeValues, takeVectorValues, type VectorPool } from '../src/core/vector.ts'

import { joinPartition } from '../src/offline/join-partition.ts'
import type { ResolvedService } from '../src/registry/resolve-name.ts'
import { type JoinData, SERVICES } from './join-data.ts'

/** Labels of one partition, on average: what a join holds at once. */
const PARTITION_LABELS = 65_536
const NO_PINS = { asOf: undefined, commit: 1, isKnowledgeCutoff: false }

/** Greatest heap and external memory seen while files are read and written. */
export interface MemoryPeak {
  bytes: number
}

/**
 * Joins a label file with the segments to one Parquet file in label order, in bounded memory:
 *
 *   labels ── divide by key hash ──→ a file each ── joinPartition() ──→ a file each ── gather in label order ──→ answer
 *
 * Every file has a section for each row group of the labels, so that what belongs together is found again: a small Parquet
 * file, for one footer of them all would grow with the labels.
 */
export async function joinFiles(
  folder: string,
  { kind, labels: labelPath, segments }: JoinData,
  peak: MemoryPeak,
): Promise<string> {
  const files = fileStore(folder, peak)
  const resolved = SERVICES[kind]
  const labels = await openParquet(files.open(labelPath), 'labels')
  const bits = partitionBits(resolved, labels.rowCount)
  const partitions = await divideLabels(files, labels, bits)
  const platform = {
    offline: {
      list: async (view: string) => segments[view] ?? [],
      openSegment: ({ path }: { readonly path: string }) => files.open(joinPath(folder, path)),
    },
    writers: { readWaiting: async () => '' },
  }
  const answers: Sections[] = []
  for (const partition of partitions) answers.push(await joinLabels(files, { platform, resolved }, partition))
  const path = await gatherAnswers(files, labels, { answers, bits, features: resolved.service.features })
  files.close()
  return path
}

type FileStore = ReturnType<typeof fileStore>

/** Files read and written in place; memory is looked at each time. */
function fileStore(folder: string, peak: MemoryPeak) {
  const opened = new Map<string, number>()
  let last = new ArrayBuffer(0)
  const look = () => {
    const { used_heap_size, external_memory } = getHeapStatistics()
    peak.bytes = Math.max(peak.bytes, used_heap_size + external_memory)
  }
  return {
    open(path: string): AsyncBuffer {
      const file = opened.get(path) ?? openSync(path, 'r')
      opened.set(path, file)
      const byteLength = fstatSync(file).size
      return {
        byteLength,
        slice(start, end = byteLength) {
          look()
          const from = start < 0 ? byteLength + start : start
          // What was read before has been decoded: its memory is given back at once.
          last.transfer(0)
          const bytes = new Uint8Array(end - from)
          last = bytes.buffer
          readSync(file, bytes, 0, bytes.length, from)
          return bytes.buffer
        },
      }
    },
    create(name: string) {
      const path = joinPath(folder, name)
      const file = openSync(path, 'w')
      return {
        path,
        write(bytes: Uint8Array) {
          look()
          writeSync(file, bytes)
        },
        close: () => closeSync(file),
      }
    },
    close() {
      for (const file of opened.values()) closeSync(file)
    },
  }
}

function partitionBits({ snapshot }: ResolvedService, labelCount: number): number {
  const { bucketBits } = snapshot.entities.user!
  return Math.max(bucketBits, Math.ceil(Math.log2(labelCount / PARTITION_LABELS)))
}

function partitionsOf(users: BigInt64Array, bits: number): Uint16Array {
  const partitions = new Uint16Array(users.length)
  for (let at = 0; at < users.length; at++)
    partitions[at] = topBits(hashKey(encodeKey(['int64'], [users[at]!])).high, bits)
  return partitions
}

/** Positions of each partition's labels, rising. */
function divide(partitions: Uint16Array, bits: number): Int32Array[] {
  const counts = new Int32Array(2 ** bits)
  for (const partition of partitions) counts[partition]!++
  const rows = Array.from(counts, (count) => new Int32Array(count))
  counts.fill(0)
  for (let at = 0; at < partitions.length; at++) rows[partitions[at]!]![counts[partitions[at]!]!++] = at
  return rows
}

const LABEL_COLUMNS = [
  { name: 'user', type: 'int64', required: true },
  { name: 'event_time', type: 'timestamp', required: true },
] as const

/** A section for each row group of the labels, one after another in a file; one without rows has no bytes. */
interface Sections {
  readonly path: string
  /** Where each ends. */
  readonly ends: readonly number[]
}

function createSections(files: FileStore, name: string, columns: readonly NamedType[]) {
  const file = files.create(name)
  const ends: number[] = []
  return {
    write(values: Parameters<ParquetFileWriter['write']>[0], rowCount: number): void {
      const start = ends.at(-1) ?? 0
      if (rowCount === 0) {
        ends.push(start)
        return
      }
      const writer = createParquetWriter(columns, { compression: 'never' })
      writer.write(values)
      const bytes = writer.finish()
      file.write(bytes)
      ends.push(start + bytes.length)
    },
    finish(): Sections {
      file.close()
      return { path: file.path, ends }
    },
  }
}

/** Undefined for a section without rows. What is read of it holds until another is opened. */
async function openSection(files: FileStore, { path, ends }: Sections, section: number) {
  const start = section === 0 ? 0 : ends[section - 1]!
  const end = ends[section]!
  return start === end ? undefined : openParquet(await files.open(path).slice(start, end), path)
}

interface Partition {
  readonly number: number
  readonly sections: Sections
  /** Labels that it has of each row group of the labels. */
  readonly counts: readonly number[]
}

async function divideLabels(files: FileStore, labels: ParquetFile, bits: number): Promise<Partition[]> {
  const partitions = Array.from({ length: 2 ** bits }, (_, number) => ({
    number,
    sections: createSections(files, `partition-${number}`, LABEL_COLUMNS),
    counts: [] as number[],
  }))
  for (const group of labels.rowGroups.keys()) {
    const users = await labels.readVector('user', group)
    const times = await labels.readVector('event_time', group)
    for (const [number, rows] of divide(partitionsOf(users.values as BigInt64Array, bits), bits).entries()) {
      const { sections, counts } = partitions[number]!
      const own = [takeValues('int64', users.values, rows), takeValues('timestamp', times.values, rows)]
      sections.write(own, rows.length)
      counts.push(rows.length)
    }
  }
  return partitions.map(({ number, sections, counts }) => ({ number, sections: sections.finish(), counts }))
}

async function joinLabels(
  files: FileStore,
  {
    platform,
    resolved,
  }: { readonly platform: Parameters<typeof joinPartition>[0]; readonly resolved: ResolvedService },
  { number, sections, counts }: Partition,
): Promise<Sections> {
  const labelCount = counts.reduce((sum, count) => sum + count, 0)
  const users = new BigInt64Array(labelCount)
  const times = new Float64Array(labelCount)
  let start = 0
  for (const [section, count] of counts.entries()) {
    const file = await openSection(files, sections, section)
    if (file === undefined) continue
    users.set((await file.readVector('user', 0)).values as BigInt64Array, start)
    times.set((await file.readVector('event_time', 0)).values as Float64Array, start)
    start += count
  }
  const columns = await joinPartition(platform, resolved, { times, inputs: [users] }, NO_PINS)
  const answers = createSections(files, `answers-${number}`, resolved.service.features)
  start = 0
  for (const count of counts) {
    const end = start + count
    const own = columns.map(({ values, statuses }) => ({
      values: (values as Float64Array).subarray?.(start, end) ?? (values as never[]).slice(start, end),
      nulls: statuses.subarray(start, end),
    }))
    answers.write(own, count)
    start = end
  }
  return answers.finish()
}

async function gatherAnswers(
  files: FileStore,
  labels: ParquetFile,
  {
    answers,
    bits,
    features,
  }: {
    readonly answers: readonly Sections[]
    readonly bits: number
    readonly features: readonly NamedType[]
  },
): Promise<string> {
  const output = files.create('ours.parquet')
  const writer = createParquetWriter(
    [
      { name: 'label', type: 'int64', required: true },
      { name: 'user', type: 'int64', required: true },
      { name: 'event_time', type: 'timestamp', required: true },
      ...features,
    ],
    { compression: 'always' },
  )
  const pool: VectorPool = new Map()
  for (const group of labels.rowGroups.keys()) {
    const users = await labels.readVector('user', group)
    const rows = divide(partitionsOf(users.values as BigInt64Array, bits), bits)
    const count = users.values.length
    const columns = features.map(({ name, type }) => ({
      values: takeVectorValues(pool, `gathered ${name}`, { type, count }),
      nulls: new Uint8Array(count),
    }))
    for (const [number, sections] of answers.entries()) {
      const own = rows[number]!
      const answer = await openSection(files, sections, group)
      if (answer === undefined) continue
      for (const [at, { name }] of features.entries()) {
        const { values, nulls } = columns[at]!
        const found = await answer.readVector(name, 0, pool)
        copyValues(found.values, undefined, values, own)
        if (found.nulls !== undefined)
          for (let row = 0; row < own.length; row++) nulls[own[row]!] = found.nulls[row]!
      }
    }
    const label = await labels.readVector('label', group, pool)
    const times = await labels.readVector('event_time', group, pool)
    writer.write([label.values, users.values, times.values, ...columns])
    output.write(writer.takeBytes())
  }
  output.write(writer.finish())
  output.close()
  return output.path
}
