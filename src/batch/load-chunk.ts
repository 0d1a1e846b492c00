import { contentHash } from '../core/hash.ts'
import { encodeRow, type Stamp } from '../core/row.ts'
import { encodeSegmentColumns, type StampColumns, statisticsOf } from '../core/segment.ts'
import { encodeCells } from '../core/value.ts'
import { takeValues, takeVector, type Vector, vectorValue, wordsOf } from '../core/vector.ts'
import { oldestCounted } from '../core/window/window-plan.ts'
import { rawSegment } from '../definitions/raw-log.ts'
import { type SegmentRecord, segmentRecord } from '../definitions/segment-record.ts'
import { type CompiledSource, type Snapshot, segmentSchema } from '../definitions/snapshot.ts'
import { windowPlan } from '../definitions/view-transform.ts'
import type { LoadChunk, LoadRecord, Platform, QuarantinedRow } from '../platform.ts'
import { callWorkerOf } from './call-worker-of.ts'
import { checkRows } from './check-rows.ts'
import { type AcceptedRows, type FiledRows, fileRows, type KeyRun } from './file-rows.ts'
import type { ChunkRows } from './read-rows.ts'
import { type ChunkView, chunkView, type ViewSelection } from './select-rows.ts'

export interface ChunkWork {
  readonly load: LoadRecord
  readonly chunk: number
}

/** Rows of a chunk, and the definitions by which they are taken in. */
export interface OpenedChunk {
  readonly snapshot: Snapshot
  readonly source: CompiledSource
  readonly rows: ChunkRows
}

/**
 * Takes one chunk of a file through the checks and the views: writes its segments (not registered yet) and keeps the
 * newest row of each key for the writers. Doing it again writes the same objects again.
 *
 * Columns stay columns from the file's pages to the segments'; what becomes a row on the way is what the checks
 * find fault with and what the writers are to have.
 */
export async function loadChunk(
  platform: Platform,
  opened: OpenedChunk,
  { load, chunk }: ChunkWork,
): Promise<LoadChunk> {
  const { snapshot, source, rows } = opened
  const { views, checked, batch } = checkChunk(opened, { load, chunk })
  const quarantined: QuarantinedRow[] = [...checked.quarantined]
  const segments = await writeRaw(platform, { snapshot, source }, batch)
  const newest: string[] = []
  for (const [at, view] of views.entries()) {
    const filed = await fileView(platform, view, { batch, selection: checked.selections[at]! })
    for (const row of [...filed.reasons.keys()].sort((a, b) => a - b)) {
      quarantined.push({
        index: batch.rowStart + row,
        view: view.view.id,
        reason: filed.reasons.get(row)!,
        cells: encodeCells(source.columns, rowValues(batch.columns, row)),
      })
    }
    segments.push(...(await writeSegments(platform, { snapshot, view }, { batch, filed })))
    newest.push(...newestLines(view, batch, filed))
  }
  await writeFaults(platform, source, { load, chunk, quarantined, unmet: checked.unmet })
  await platform.loads.writeNewest(load.id, { generation: load.generation, chunk }, newest.join('\n'))
  const done: LoadChunk = {
    chunk,
    read: rows.rowCount,
    written: checked.accepted.length,
    rejected: checked.rejected,
    quarantined: new Set(quarantined.map(({ index }) => index)).size,
    segments,
    rejections: checked.rejections,
    isSynced: false,
  }
  await platform.loads.writeChunk(load.id, load, done)
  return done
}

/** What the writers are to have of a chunk that is loaded already: as `loadChunk` kept it, and nothing else is written. */
export async function remakeNewest(
  platform: Platform,
  opened: OpenedChunk,
  work: ChunkWork,
): Promise<string> {
  const { views, checked, batch } = checkChunk(opened, work)
  const newest: string[] = []
  for (const [at, view] of views.entries()) {
    const filed = await fileView(platform, view, { batch, selection: checked.selections[at]! })
    newest.push(...newestLines(view, batch, filed))
  }
  return newest.join('\n')
}

function checkChunk({ snapshot, source, rows }: OpenedChunk, { load, chunk }: ChunkWork) {
  const views = source.views.map((view) => chunkView(snapshot, snapshot.views[view]!))
  const checked = checkRows(source, rows, { load, views })
  const batch = createBatch(source, rows, { load, chunk, accepted: checked.accepted })
  return { views, checked, batch }
}

async function fileView(
  platform: Platform,
  view: ChunkView,
  { batch, selection }: { readonly batch: Batch; readonly selection: ViewSelection },
): Promise<FiledRows> {
  const returned = await callWorkerOf(platform, view.transform, () => acceptedValues(batch))
  return fileRows(view, selection, { ...batch, returned })
}

interface Batch extends AcceptedRows, ChunkWork {
  /** Number of the chunk's first row within the file. */
  readonly rowStart: number
}

function createBatch(
  { eventTime, createdTime }: CompiledSource,
  { rowStart, columns }: ChunkRows,
  work: ChunkWork & Pick<AcceptedRows, 'accepted'>,
): Batch {
  return {
    ...work,
    rowStart,
    columns,
    eventTime: columns[eventTime]!.values as Float64Array,
    createdTime: createdTime === null ? undefined : (columns[createdTime]!.values as Float64Array),
  }
}

function rowValues(columns: readonly Vector[], row: number) {
  return columns.map((column) => vectorValue(column, row))
}

function acceptedValues({ columns, accepted }: AcceptedRows) {
  return Array.from(accepted, (row) => rowValues(columns, row))
}

async function writeFaults(
  platform: Platform,
  source: CompiledSource,
  {
    load,
    chunk,
    quarantined,
    unmet,
  }: ChunkWork & {
    readonly quarantined: readonly QuarantinedRow[]
    readonly unmet: Readonly<Record<string, number>>
  },
): Promise<void> {
  const id = `${load.id}.${chunk}`
  if (quarantined.length > 0) {
    await platform.quarantine.write({
      id,
      source: source.name,
      pushId: load.id,
      doorTime: load.ingestTime,
      columns: source.columns.map(({ name }) => name),
      rows: quarantined,
    })
  }
  if (Object.keys(unmet).length === 0) return
  const tally = { source: source.name, id, counts: unmet, time: platform.clock.now() }
  await platform.expectationTallies.write([tally])
}

/** The accepted rows as they came; registered with the views' segments, in one step. */
async function writeRaw(
  { offline }: Platform,
  { snapshot, source }: { readonly snapshot: Snapshot; readonly source: CompiledSource },
  batch: Batch,
): Promise<SegmentRecord[]> {
  const { load, chunk, accepted, columns } = batch
  if (accepted.length === 0) return []
  const stamps = stampColumns(batch, accepted)
  const { record, bytes } = rawSegment(source.name, segmentName(batch), {
    columns: source.columns,
    rows: {
      values: source.columns.map(({ type }, at) => takeVector(type, columns[at]!, accepted)),
      stamps: {
        ...stamps,
        message: new Array<string>(accepted.length).fill(`${load.id}.${chunk}`),
        generation: new BigInt64Array(accepted.length).fill(BigInt(snapshot.generation)),
      },
    },
    eventTimes: stamps.eventTime,
  })
  await offline.writeSegment(record.path, bytes)
  return [record]
}

async function writeSegments(
  platform: Platform,
  { snapshot, view: { view, transform } }: { readonly snapshot: Snapshot; readonly view: ChunkView },
  { batch, filed }: { readonly batch: Batch; readonly filed: FiledRows },
): Promise<SegmentRecord[]> {
  const schema = segmentSchema(snapshot, view)
  const segments: SegmentRecord[] = []
  for (const [bucket, runs] of Map.groupBy(filed.runs, (run) => run.bucket)) {
    const rows = filed.rows.subarray(runs[0]!.start, runs.at(-1)!.end)
    const stamps = stampColumns(batch, rows)
    const bytes = encodeSegmentColumns(schema, {
      keys: filed.keys.map((key, at) => takeVector(transform.keyTypes[at]!, key, rows)),
      stamps,
      features: filed.features.map((feature, at) => takeVector(view.columns[at]!.type, feature, rows)),
    })
    // Named from its content too: under another generation the same chunk is another object.
    const name = `${segmentName(batch)}-${contentHash(bytes)}`
    const record = segmentRecord({ viewId: view.id, bucket, name }, bytes.length, statisticsOf(stamps))
    await platform.offline.writeSegment(record.path, bytes)
    segments.push(record)
  }
  return segments
}

function segmentName({ load, chunk }: ChunkWork): string {
  return `${load.id}-${String(chunk).padStart(6, '0')}`
}

function stampColumns({ load, rowStart, eventTime, createdTime }: Batch, rows: Int32Array): StampColumns {
  const { length } = rows
  const ingestTime = new Float64Array(length).fill(load.ingestTime)
  return {
    eventTime: takeValues('timestamp', eventTime, rows) as Float64Array,
    createdTime:
      createdTime === undefined ? ingestTime : (takeValues('timestamp', createdTime, rows) as Float64Array),
    ingestTime,
    sequenceTime: ingestTime,
    sequenceOrigin: new Array<string>(length).fill(load.id),
    sequenceIndex: integersOf(rows, rowStart),
  }
}

/** Numbers of rows within the file. As words: a bigint for each would be an object for each. */
function integersOf(rows: Int32Array, rowStart: number): BigInt64Array {
  const integers = new BigInt64Array(rows.length)
  const words = wordsOf(integers)
  for (let at = 0; at < rows.length; at++) {
    const number = rowStart + rows[at]!
    words[2 * at] = number
    words[2 * at + 1] = Math.floor(number / 4_294_967_296)
  }
  return integers
}

/** What the writers are to have: the newest row of each key, and those that they take one by one. */
function newestLines(of: ChunkView, batch: Batch, filed: FiledRows): string[] {
  const { windows } = of.view
  const { ingestTime } = batch.load
  const lines: string[] = []
  // Windows count every event; the writer leaves out those too old for any.
  const oldest = windows === null ? 0 : oldestCounted(windowPlan(windows), ingestTime)
  for (const run of filed.runs) {
    for (let at = run.end - 1; at >= run.start; at--) {
      const row = filed.rows[at]!
      const eventTime = batch.eventTime[row]!
      if (windows !== null && eventTime < oldest) break
      lines.push(rowLine(of, { batch, filed, run }, row))
      // A row ahead of the clock the writer holds until its time comes (S4): until then the newest before it counts.
      if (windows === null && eventTime <= ingestTime) break
    }
  }
  return lines
}

function rowLine(
  { view, transform }: ChunkView,
  { batch, filed, run }: { readonly batch: Batch; readonly filed: FiledRows; readonly run: KeyRun },
  row: number,
): string {
  const { load, rowStart, eventTime, createdTime } = batch
  const stamp: Stamp = {
    eventTime: eventTime[row]!,
    createdTime: createdTime === undefined ? load.ingestTime : createdTime[row]!,
    ingestTime: load.ingestTime,
    sequenceTime: load.ingestTime,
    sequenceOrigin: load.id,
    sequenceIndex: rowStart + row,
  }
  return encodeRow({
    ...stamp,
    view: view.id,
    key: run.key,
    cells: encodeCells(transform.features, rowValues(filed.features, row)),
  })
}
