import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import { getHeapStatistics } from 'node:v8'
import { encodeKey, hashKey, topBits } from '../src/core/entity-key.ts'
import { type AsyncBuffer, createParquetWriter, openParquet, type ParquetFile } from '../src/core/parquet.ts'
import { copyValues, takeValues, takeVectorValues, type Vector, type VectorPool } from '../src/core/vector.ts'

import { joinPartition } from '../src/offline/join-partition.ts'
import { type JoinData, RESOLVED } from './join-data.ts'

/** Labels of one partition, on average: what a join holds at once. */
const PARTITION_LABELS = 65_536
const NO_PINS = { asOf: undefined, commit: 1, isKnowledgeCutoff: false }
const FEATURES = RESOLVED.service.features

/** Greatest heap and external memory seen while files are read and written. */
export interface MemoryPeak {
  bytes: number
}

/**
 * Joins a label file with the segments to one Parquet file in label order, in bounded memory:
 *
 *   labels ── divide by key hash ──→ a file each ── joinPartition() ──→ a file each ── gather in label order ──→ answer
 *
 * Every file has a row group for each row group of the labels, so that what belongs together is found again.
 */
export async function joinFiles(
  folder: string,
  { labels: labelPath, segments }: JoinData,
  peak: MemoryPeak,
): Promise<string> {
  const files = fileStore(folder, peak)
  const labels = await openParquet(files.open(labelPath), 'labels')
  const bits = partitionBits(labels.rowCount)
  const partitions = await divideLabels(files, labels, bits)
  const platform = {
    offline: {
      list: async (view: string) => segments[view] ?? [],
      openSegment: ({ path }: { readonly path: string }) => files.open(joinPath(folder, path)),
    },
    writers: { readWaiting: async () => '' },
  }
  const answers: ParquetFile[] = []
  for (const partition of partitions) answers.push(await joinLabels(files, platform, partition))
  const path = await gatherAnswers(files, labels, { answers, bits })
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

function partitionBits(labelCount: number): number {
  const { bucketBits } = RESOLVED.snapshot.entities.user!
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

interface Partition {
  readonly number: number
  readonly file: ParquetFile
  /** Labels that it has of each row group of the labels. */
  readonly counts: readonly number[]
}

async function divideLabels(files: FileStore, labels: ParquetFile, bits: number): Promise<Partition[]> {
  const partitions = Array.from({ length: 2 ** bits }, (_, number) => ({
    file: files.create(`partition-${number}`),
    writer: createParquetWriter(
      [
        { name: 'user', type: 'int64', required: true },
        { name: 'event_time', type: 'timestamp', required: true },
      ],
      { compression: 'never' },
    ),
    counts: [] as number[],
  }))
  for (const group of labels.rowGroups.keys()) {
    const users = await labels.readVector('user', group)
    const times = await labels.readVector('event_time', group)
    for (const [number, rows] of divide(partitionsOf(users.values as BigInt64Array, bits), bits).entries()) {
      const { file, writer, counts } = partitions[number]!
      writer.write([takeValues('int64', users.values, rows), takeValues('timestamp', times.values, rows)])
      file.write(writer.takeBytes())
      counts.push(rows.length)
    }
  }
  const divided: Partition[] = []
  for (const [number, { file, writer, counts }] of partitions.entries()) {
    file.write(writer.finish())
    file.close()
    divided.push({ number, file: await openParquet(files.open(file.path), 'partition'), counts })
  }
  return divided
}

async function joinLabels(
  files: FileStore,
  platform: Parameters<typeof joinPartition>[0],
  { number, file, counts }: Partition,
): Promise<ParquetFile> {
  const users = new BigInt64Array(file.rowCount)
  const times = new Float64Array(file.rowCount)
  for (const [group, { rowStart }] of file.rowGroups.entries()) {
    users.set((await file.readVector('user', group)).values as BigInt64Array, rowStart)
    times.set((await file.readVector('event_time', group)).values as Float64Array, rowStart)
  }
  const columns = await joinPartition(platform, RESOLVED, { times, inputs: [users] }, NO_PINS)
  const answer = files.create(`answers-${number}`)
  const writer = createParquetWriter(FEATURES, { compression: 'never' })
  let start = 0
  for (const count of counts) {
    const end = start + count
    writer.write(
      columns.map(({ values, statuses }) => ({
        values: (values as Float64Array).subarray?.(start, end) ?? (values as never[]).slice(start, end),
        nulls: statuses.subarray(start, end),
      })),
    )
    answer.write(writer.takeBytes())
    start = end
  }
  answer.write(writer.finish())
  answer.close()
  return openParquet(files.open(answer.path), 'answers')
}

async function gatherAnswers(
  files: FileStore,
  labels: ParquetFile,
  { answers, bits }: { readonly answers: readonly ParquetFile[]; readonly bits: number },
): Promise<string> {
  const output = files.create('ours.parquet')
  const writer = createParquetWriter(
    [
      { name: 'label', type: 'int64', required: true },
      { name: 'user', type: 'int64', required: true },
      { name: 'event_time', type: 'timestamp', required: true },
      ...FEATURES,
    ],
    { compression: 'always' },
  )
  /** Row group of each partition's answers that comes next: an empty one was not written. */
  const next = answers.map(() => 0)
  const pool: VectorPool = new Map()
  for (const group of labels.rowGroups.keys()) {
    const users = await labels.readVector('user', group)
    const rows = divide(partitionsOf(users.values as BigInt64Array, bits), bits)
    const count = users.values.length
    const columns: Vector[] = []
    for (const { name, type } of FEATURES) {
      const values = takeVectorValues(pool, `gathered ${name}`, { type, count })
      const nulls = new Uint8Array(count)
      for (const [number, answer] of answers.entries()) {
        const own = rows[number]!
        if (own.length === 0) continue
        const found = await answer.readVector(name, next[number]!, pool)
        copyValues(found.values, undefined, values, own)
        if (found.nulls !== undefined)
          for (let at = 0; at < own.length; at++) nulls[own[at]!] = found.nulls[at]!
      }
      columns.push({ values, nulls })
    }
    for (const [number, own] of rows.entries()) if (own.length > 0) next[number]!++
    const label = await labels.readVector('label', group, pool)
    const times = await labels.readVector('event_time', group, pool)
    writer.write([label.values, users.values, times.values, ...columns])
    output.write(writer.takeBytes())
  }
  output.write(writer.finish())
  output.close()
  return output.path
}
