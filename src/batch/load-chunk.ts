import { bitsText, hashKey, topBits } from '../core/entity-key.ts'
import { FeatureStoreError } from '../core/error.ts'
import { contentHash } from '../core/hash.ts'
import { compareStamps, compareText, encodeRow, type Stamp } from '../core/row.ts'
import { encodeSegment, segmentStatistics } from '../core/segment.ts'
import type { Instant } from '../core/time.ts'
import { encodeCells, type TransformedRow } from '../core/transform.ts'
import type { Value } from '../core/value.ts'
import { oldestCounted } from '../core/window/window-plan.ts'
import { type ReturnedRow, transformReturned } from '../core/worker-transform.ts'
import { rawSegment } from '../definitions/raw-log.ts'
import { type SegmentRecord, segmentRecord } from '../definitions/segment-record.ts'
import {
  type CompiledSource,
  type CompiledView,
  type Snapshot,
  segmentSchema,
} from '../definitions/snapshot.ts'
import { type CompiledViewTransform, viewTransform, windowPlan } from '../definitions/view-transform.ts'
import type { LoadChunk, LoadRecord, Platform, QuarantinedRow } from '../platform.ts'
import { callWorkerOf } from './call-worker-of.ts'
import { type AcceptedRow, checkRows, encodeCellsOf } from './check-rows.ts'
import type { ChunkRows } from './read-rows.ts'

export interface ChunkWork {
  readonly load: LoadRecord
  readonly chunk: number
}

/**
 * Takes one chunk of a file through the checks and the views: writes its segments (not registered yet) and keeps the
 * newest row of each key for the writers. Doing it again writes the same objects again.
 */
export async function loadChunk(
  platform: Platform,
  {
    snapshot,
    source,
    rows,
  }: { readonly snapshot: Snapshot; readonly source: CompiledSource; readonly rows: ChunkRows },
  { load, chunk }: ChunkWork,
): Promise<LoadChunk> {
  const views = source.views.map((view) => createViewRows(snapshot, snapshot.views[view]!, load.ingestTime))
  const checked = checkRows(source, rows, {
    load,
    transforms: views.map(({ transform }) => transform),
  })
  const quarantined: QuarantinedRow[] = [...checked.quarantined]
  for (const view of views) {
    const returned = await callWorkerOf(platform, view.transform, checked.accepted)
    checked.accepted.forEach(({ values, stamp }, at) => {
      const reason = addRow(view, stamp, { values, returned: returned?.[at] })
      if (reason === undefined) return
      quarantined.push({
        index: stamp.sequenceIndex,
        view: view.view.id,
        reason,
        cells: encodeCellsOf(source, values),
      })
    })
  }
  if (quarantined.length > 0) {
    await platform.quarantine.write({
      id: `${load.id}.${chunk}`,
      source: source.name,
      pushId: load.id,
      doorTime: load.ingestTime,
      columns: source.columns.map(({ name }) => name),
      rows: quarantined,
    })
  }
  if (Object.keys(checked.unmet).length > 0) {
    const tally = { source: source.name, id: `${load.id}.${chunk}`, counts: checked.unmet }
    await platform.expectationTallies.write([{ ...tally, time: platform.clock.now() }])
  }
  const segments = await writeRaw(platform, snapshot, source, { load, chunk, rows: checked.accepted })
  for (const view of views) segments.push(...(await writeSegments(platform, snapshot, view, { load, chunk })))
  await platform.loads.writeNewest(load.id, chunk, views.flatMap(newestLines).join('\n'))
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
  await platform.loads.writeChunk(load.id, done)
  return done
}

interface ViewRows {
  readonly view: CompiledView
  readonly transform: CompiledViewTransform
  readonly bucketBits: number
  /** Bucket of each key met, so that a key is hashed once a chunk. */
  readonly bucketByKey: Map<string, string>
  readonly rowsByBucket: Map<string, KeyedRow[]>
  readonly newestByKey: Map<string, KeyedRow>
  /** Rows the writers take one by one: those ahead of the clock at the door, and the events of windows. */
  readonly ahead: KeyedRow[]
  /** The earliest event time that a window counts still. */
  readonly oldest: Instant
}

interface KeyedRow extends TransformedRow {
  readonly stamp: Stamp
}

function createViewRows(snapshot: Snapshot, view: CompiledView, now: Instant): ViewRows {
  const entity = snapshot.entities[view.entity]!
  return {
    view,
    transform: viewTransform(snapshot, view),
    bucketBits: entity.bucketBits,
    bucketByKey: new Map(),
    rowsByBucket: new Map(),
    newestByKey: new Map(),
    ahead: [],
    oldest: view.windows === null ? 0 : oldestCounted(windowPlan(view.windows), now),
  }
}

/** Files a row under the view. Answers why the view cannot take it, if it cannot: the others keep it (S26). */
function addRow(
  view: ViewRows,
  stamp: Stamp,
  { values, returned }: { readonly values: readonly Value[]; readonly returned: ReturnedRow | undefined },
): string | undefined {
  try {
    const transformed = transformReturned(view.transform, values, returned)
    if (transformed !== undefined) fileRow(view, transformed, stamp)
    return undefined
  } catch (error) {
    if (!(error instanceof FeatureStoreError)) throw error
    return error.message
  }
}

function fileRow(view: ViewRows, transformed: TransformedRow, stamp: Stamp): void {
  const { key } = transformed
  let bucket = view.bucketByKey.get(key)
  if (bucket === undefined) {
    bucket = bitsText(topBits(hashKey(key).high, view.bucketBits), view.bucketBits)
    view.bucketByKey.set(key, bucket)
  }
  const row = { ...transformed, stamp }
  const rows = view.rowsByBucket.get(bucket)
  if (rows === undefined) view.rowsByBucket.set(bucket, [row])
  else rows.push(row)
  if (view.view.windows !== null) {
    // Windows count every event; the writer leaves out those too old for any.
    if (stamp.eventTime >= view.oldest) view.ahead.push(row)
    return
  }
  if (stamp.eventTime > stamp.ingestTime) {
    // The writer holds it until its time comes (S4): until then the newest before it is what counts.
    view.ahead.push(row)
    return
  }
  const newest = view.newestByKey.get(key)
  if (newest === undefined || compareStamps(stamp, newest.stamp) > 0) view.newestByKey.set(key, row)
}

/** The accepted rows as they came; registered with the views' segments, in one step. */
async function writeRaw(
  { offline }: Platform,
  { generation }: Snapshot,
  { name, columns, eventTime }: CompiledSource,
  { load, chunk, rows }: Pick<ChunkWork, 'load' | 'chunk'> & { readonly rows: readonly AcceptedRow[] },
): Promise<SegmentRecord[]> {
  if (rows.length === 0) return []
  const message = `${load.id}.${chunk}`
  const raw = rows.map(({ stamp, values }) => ({ ...stamp, message, generation, values }))
  const { record, bytes } = rawSegment(name, `${load.id}-${String(chunk).padStart(6, '0')}`, {
    columns,
    eventTime,
    rows: raw,
  })
  await offline.writeSegment(record.path, bytes)
  return [record]
}

async function writeSegments(
  platform: Platform,
  snapshot: Snapshot,
  { view, rowsByBucket }: ViewRows,
  { load, chunk }: Pick<ChunkWork, 'load' | 'chunk'>,
) {
  const schema = segmentSchema(snapshot, view)
  const segments = []
  for (const [bucket, rows] of rowsByBucket) {
    rows.sort((a, b) => compareText(a.key, b.key) || compareStamps(a.stamp, b.stamp))
    const columns = {
      keys: schema.keys.map((_, at) => rows.map(({ keyValues }) => keyValues[at]!)),
      stamps: rows.map(({ stamp }) => stamp),
      features: schema.features.map((_, at) => rows.map(({ features }) => features[at]!)),
    }
    const bytes = encodeSegment(schema, columns)
    // Named from its content too: under another generation the same chunk is another object.
    const name = `${load.id}-${String(chunk).padStart(6, '0')}-${contentHash(bytes)}`
    const record = segmentRecord(
      { viewId: view.id, bucket, name },
      bytes.length,
      segmentStatistics(columns.stamps),
    )
    await platform.offline.writeSegment(record.path, bytes)
    segments.push(record)
  }
  return segments
}

function newestLines({ view, transform, newestByKey, ahead }: ViewRows): string[] {
  return [...newestByKey.values(), ...ahead].map(({ key, stamp, features }) =>
    encodeRow({ ...stamp, view: view.id, key, cells: encodeCells(transform, features) }),
  )
}
