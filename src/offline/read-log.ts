import { bitsText, topBits } from '../core/entity-key.ts'
import type { LabelSlots, StampColumns } from '../core/join.ts'
import { COMMIT_COLUMN } from '../core/log-columns.ts'
import type { ParquetFile } from '../core/parquet.ts'
import { decodeRow, isTombstone, tombstonesOf, type ViewRow } from '../core/row.ts'
import { openSegment, readNumbers, type SegmentSchema } from '../core/segment.ts'
import type { Instant } from '../core/time.ts'
import { decodeValue, splitCells, type Value } from '../core/value.ts'
import { type Vector, type VectorPool, vectorOfValues } from '../core/vector.ts'
import { type RegisteredSegment, TOMBSTONE_COLUMN, tombstoneLog } from '../definitions/segment-record.ts'
import { type CompiledView, type Snapshot, segmentSchema } from '../definitions/snapshot.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import type { Platform } from '../platform.ts'
import { numberRows } from './number-rows.ts'
import { planRowGroups, planScan, type RowGroupBounds, type ScanBounds, type ScanSpan } from './plan-scan.ts'
import { mayHoldKeys, seekKeys } from './seek-keys.ts'

/**
 * Rows of a view's log, or tombstones that delete from it, as many as one row group holds. They and their columns hold
 * until the next are asked for.
 */
export interface LogRows {
  readonly isTombstones: boolean
  /** By row: the number of its key among those of the labels, -1 for a row that counts for none of them. */
  readonly keys: Int32Array
  readonly stamps: StampColumns
  /** One of the view's columns, by position. It is fetched and decoded now. */
  readColumn(column: number): Promise<Vector>
}

/** All of the platform that a join needs. */
export interface LogPlatform {
  readonly offline: Pick<Platform['offline'], 'list' | 'openSegment'>
  readonly writers: Pick<Platform['writers'], 'readWaiting'>
}

/** What is wanted of a log: rows of the labels' keys, within their bounds. */
export interface LogQuery {
  readonly snapshot: Snapshot
  readonly view: CompiledView
  readonly slots: LabelSlots
  /** Those of the labels' keys that are wanted; all by default. */
  readonly keys?: KeyRange
  readonly span: ScanSpan
  readonly asOf: Instant | undefined
  readonly commit: number | undefined
  /** What columns are read to: logs that are read one after another share it. */
  readonly pool: VectorPool
}

/** Numbers of keys. Whoever reads a log may lower `end` on the way: what only holds keys beyond is left out from then on. */
export interface KeyRange {
  readonly start: number
  /** Exclusive; above `start`. */
  end: number
}

/**
 * Yields the rows that may count for some label, from the writers unless a commit is pinned and from the registered
 * segments. Writers are read first: a row that leaves one meanwhile has been registered before, so it is seen at
 * least once.
 */
export async function* readLog(platform: LogPlatform, query: LogQuery): AsyncGenerator<LogRows, void> {
  const { snapshot, view, slots, span, asOf, commit, pool } = query
  if (slots.slotCount === 0) return
  const { keys = { start: 0, end: slots.numberByKey.size } } = query
  if (commit === undefined) yield* readWaiting(platform, query, keys)
  const { joinKeys, bucketBits } = snapshot.entities[view.entity]!
  const bucketOf = (high: number) => bitsText(topBits(high, bucketBits), bucketBits)
  const buckets = new Set(Array.from(slots.hashes.subarray(keys.start, keys.end), bucketOf))
  const isBeyond = ({ bucket }: RegisteredSegment) => bucket > bucketOf(slots.hashes[keys.end - 1]!)
  const sought = seekKeys(joinKeys, keysWithin(slots, keys))
  const bounds = { buckets, ...slots.timeBounds, asOf, commit, sought }
  const own = segmentSchema(snapshot, view)
  const manifest = await platform.offline.list(view.name, view.version)
  for (const segment of planScan(span, manifest, bounds)) {
    if (isBeyond(segment)) continue
    const wanted = { schema: own, deletesFrom: null, span, slots, keys, bounds, pool }
    yield* readSegment(platform, segment, wanted)
  }
  const log = tombstoneLog(view.entity)
  const everSince = { retentionUs: null }
  const deletions = await platform.offline.list(log.view, log.version)
  const schema = { keys: joinKeys, features: [TOMBSTONE_COLUMN] }
  for (const segment of planScan(everSince, deletions, bounds)) {
    if (isBeyond(segment)) continue
    const wanted = { schema, deletesFrom: view.name, span: everSince, slots, keys, bounds, pool }
    yield* readSegment(platform, segment, wanted)
  }
}

function keysWithin({ numberByKey }: LabelSlots, { start, end }: KeyRange): string[] {
  const within = ([, number]: readonly [string, number]) => number >= start && number < end
  return [...numberByKey].filter(within).map(([key]) => key)
}

interface SegmentQuery {
  readonly schema: SegmentSchema
  /** Name of the view that a log of tombstones deletes from; null for the view's own log. */
  readonly deletesFrom: string | null
  readonly span: ScanSpan
  readonly slots: LabelSlots
  readonly keys: KeyRange
  readonly bounds: ScanBounds & RowGroupBounds
  readonly pool: VectorPool
}

interface GroupPlace {
  readonly group: number
  readonly pool: VectorPool
}

async function* readSegment(
  platform: LogPlatform,
  segment: RegisteredSegment,
  query: SegmentQuery,
): AsyncGenerator<LogRows, void> {
  const { schema, deletesFrom, bounds } = query
  const file = await openSegment(platform.offline.openSegment(segment), schema, segment.path)
  for (const planned of planRowGroups(query.span, file.rowGroups, bounds)) {
    if (!(await mayHoldKeys(file, planned))) continue
    const { group } = planned
    const keys = await readKeys(file, { group, pool: query.pool }, segment, query)
    if (!keys.some((key) => key >= query.keys.start && key < query.keys.end)) continue
    yield {
      isTombstones: deletesFrom !== null,
      keys,
      stamps: await readStamps(file, { group, pool: query.pool }),
      readColumn: (column) => file.readVector(schema.features[column]!.name, group, query.pool),
    }
  }
}

/** Numbers the rows of a row group, leaving out those that are not known yet and deletions from other views. */
async function readKeys(
  file: ParquetFile,
  place: GroupPlace,
  segment: RegisteredSegment,
  { schema, deletesFrom, slots, bounds: { asOf, commit } }: SegmentQuery,
): Promise<Int32Array> {
  const vectors: Vector[] = []
  const { group, pool } = place
  for (const { name } of schema.keys) vectors.push(await file.readVector(name, group, pool))
  const keys = numberRows(
    schema.keys.map(({ type }) => type),
    vectors,
    slots.numberByKey,
  )
  if (asOf !== undefined && segment.ingestTimeMax > asOf)
    leaveOut(keys, await readNumbers(file, 'ingest_time', place), (time) => time > asOf)
  // A compacted segment keeps the commit of each of its rows.
  if (commit !== undefined && segment.commit > commit)
    leaveOut(keys, await readNumbers(file, COMMIT_COLUMN, place), (found) => found > commit)
  if (deletesFrom === null) return keys
  const { values, nulls } = await file.readVector(TOMBSTONE_COLUMN.name, group, pool)
  for (let row = 0; row < keys.length; row++)
    if (nulls?.[row] !== 1 && values[row] !== deletesFrom) keys[row] = -1
  return keys
}

function leaveOut(keys: Int32Array, values: Float64Array, isLeftOut: (value: number) => boolean): void {
  for (let row = 0; row < keys.length; row++) if (isLeftOut(values[row]!)) keys[row] = -1
}

async function readStamps(file: ParquetFile, place: GroupPlace): Promise<StampColumns> {
  return {
    eventTime: await readNumbers(file, 'event_time', place),
    createdTime: await readNumbers(file, 'created_time', place),
    sequenceTime: await readNumbers(file, 'sequence_time', place),
    sequenceOrigin: (await file.readVector('sequence_origin', place.group, place.pool))
      .values as readonly string[],
    sequenceIndex: await readNumbers(file, 'sequence_index', place),
  }
}

async function* readWaiting(
  platform: LogPlatform,
  { snapshot, view, slots, asOf }: LogQuery,
  { start, end }: KeyRange,
): AsyncGenerator<LogRows, void> {
  const { shardBits } = snapshot.entities[view.entity]!
  const shards = new Set(slots.hashes.subarray(start, end).map((high) => topBits(high, shardBits)))
  for (const shard of shards) {
    const layout = writerLayout(snapshot, view.entity, shard)
    const lines = await platform.writers.readWaiting(layout, [view.id, ...tombstonesOf(view.id)])
    if (lines === '') continue
    const rows = lines
      .split('\n')
      .map(decodeRow)
      .filter((row) => asOf === undefined || row.ingestTime <= asOf)
    for (const isTombstones of [false, true]) {
      const own = rows.filter((row) => isTombstone(row.view) === isTombstones)
      if (own.length > 0) yield rowsOf(view, slots, own, isTombstones)
    }
  }
}

function rowsOf(
  view: CompiledView,
  slots: LabelSlots,
  rows: readonly ViewRow[],
  isTombstones: boolean,
): LogRows {
  const cells = isTombstones ? [] : rows.map((row) => splitCells(row.cells))
  return {
    isTombstones,
    keys: Int32Array.from(rows, ({ key }) => slots.numberByKey.get(key) ?? -1),
    stamps: {
      eventTime: Float64Array.from(rows, ({ eventTime }) => eventTime),
      createdTime: Float64Array.from(rows, ({ createdTime }) => createdTime),
      sequenceTime: Float64Array.from(rows, ({ sequenceTime }) => sequenceTime),
      sequenceOrigin: rows.map(({ sequenceOrigin }) => sequenceOrigin),
      sequenceIndex: Float64Array.from(rows, ({ sequenceIndex }) => sequenceIndex),
    },
    async readColumn(column) {
      const { type } = view.columns[column]!
      return vectorOfValues(
        type,
        cells.map((texts): Value => decodeValue(type, texts[column]!)),
      )
    },
  }
}
