import { bitsText, encodeKey, hashKey, topBits } from '../core/entity-key.ts'
import { type FeatureColumn, STATUS_CODES } from '../core/feature-column.ts'
import { rowStatus } from '../core/feature-status.ts'
import { finishJoin, type KeyRange, offerRow, type PointInTimeJoin, prepareJoin } from '../core/join.ts'
import type { ParquetFile, RowGroupRange } from '../core/parquet.ts'
import { decodeRow, isTombstone, tombstonesOf } from '../core/row.ts'
import { openSegment, readRegistered, type SegmentSchema } from '../core/segment.ts'
import type { Instant } from '../core/time.ts'
import { decodeValue, encodeValue, splitCells, type Value } from '../core/value.ts'
import { TOMBSTONE_COLUMN, tombstoneLog } from '../definitions/segment-record.ts'
import { type CompiledView, type Snapshot, segmentSchema } from '../definitions/snapshot.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import type { Platform } from '../platform.ts'
import type { HistoryPins } from './label-columns.ts'
import { planScan, timeBounds } from './plan-scan.ts'

/** Labels of one view in one role, and the knowledge they are limited to. */
export interface ViewLabels extends HistoryPins {
  /** Encoded keys and event times, label by label. */
  readonly keys: readonly string[]
  readonly times: ArrayLike<Instant>
  /** Positions of the view's features that are wanted. */
  readonly features: readonly number[]
}

/**
 * Joins one view's log with labels, point in time: the registered segments plus what still waits in the writers.
 * Writers are read first: a row that leaves one meanwhile has been registered before, so it is seen at least once,
 * and S6 makes twice as good as once.
 */
export async function joinView(
  platform: Platform,
  { snapshot, view }: { readonly snapshot: Snapshot; readonly view: CompiledView },
  labels: ViewLabels,
): Promise<FeatureColumn[]> {
  const join = prepareJoin(labels.keys, labels.times)
  const cells: (readonly string[] | undefined)[] = new Array(join.slotCount)
  if (labels.commit === undefined) await offerWaiting(platform, snapshot, view, { join, cells, labels })
  const { joinKeys, bucketBits } = snapshot.entities[view.entity]!
  const hashes = [...join.rangeByKey.keys()].map((key) => hashKey(key).high)
  const bounds = {
    buckets: new Set(hashes.map((high) => bitsText(topBits(high, bucketBits), bucketBits))),
    ...timeBounds(labels.times),
    asOf: labels.asOf,
    commit: labels.commit,
  }
  const own = { schema: segmentSchema(snapshot, view), deletesFrom: undefined }
  const deleted = { schema: { keys: joinKeys, features: [TOMBSTONE_COLUMN] }, deletesFrom: view.name }
  const tombstones = tombstoneLog(view.entity)
  for (const [log, manifest] of [
    [own, await platform.offline.list(view.name, view.version)],
    [deleted, await platform.offline.list(tombstones.view, tombstones.version)],
  ] as const) {
    for (const segment of planScan(view, manifest, bounds)) {
      const file = await openSegment(platform.offline.openSegment(segment), log.schema, segment.path)
      for (const group of file.rowGroups) await offerRowGroup(file, group, log, { join, cells, labels })
    }
  }
  return readAnswers(view, labels, join, cells)
}

/** A log to be joined: a view's own, or that of its entity's tombstones. */
interface JoinedLog {
  readonly schema: SegmentSchema
  /** Name of the view whose rows its rows delete; undefined when they are the view's own. */
  readonly deletesFrom: string | undefined
}

/** The join under way; `cells` holds, by slot, the wanted features of the slot's winner; undefined for a tombstone. */
interface JoinRun {
  readonly join: PointInTimeJoin
  readonly cells: (readonly string[] | undefined)[]
  readonly labels: ViewLabels
}

async function offerWaiting(
  platform: Platform,
  snapshot: Snapshot,
  view: CompiledView,
  run: JoinRun,
): Promise<void> {
  const { shardBits } = snapshot.entities[view.entity]!
  const shards = new Set([...run.join.rangeByKey.keys()].map((key) => topBits(hashKey(key).high, shardBits)))
  const waiting = await Promise.all(
    [...shards].map((shard) =>
      platform.writers.readWaiting(writerLayout(snapshot, view.entity, shard), [
        view.id,
        ...tombstonesOf(view.id),
      ]),
    ),
  )
  for (const line of waiting.flatMap((lines) => (lines === '' ? [] : lines.split('\n')))) {
    const row = decodeRow(line)
    const slots = run.join.rangeByKey.get(row.key)
    if (slots === undefined || isUnknownYet(run.labels, row.ingestTime)) continue
    const slot = offerRow(run.join, slots, { ...row, available: availableTime(run.labels, row), handle: 0 })
    if (slot < 0) continue
    const features = splitCells(row.cells)
    run.cells[slot] = isTombstone(row.view)
      ? undefined
      : run.labels.features.map((feature) => features[feature]!)
  }
}

async function offerRowGroup(
  file: ParquetFile,
  group: RowGroupRange,
  { schema, deletesFrom }: JoinedLog,
  run: JoinRun,
): Promise<void> {
  const { rowStart, rowEnd } = group
  const column = (name: string) => file.readColumn(name, rowStart, rowEnd)
  const keys: ArrayLike<unknown>[] = []
  for (const { name } of schema.keys) keys.push(await column(name))
  const stamps = {
    eventTime: (await column('event_time')) as ArrayLike<number>,
    createdTime: (await column('created_time')) as ArrayLike<number>,
    ingestTime: (await column('ingest_time')) as ArrayLike<number>,
    sequenceTime: (await column('sequence_time')) as ArrayLike<number>,
    sequenceOrigin: (await column('sequence_origin')) as ArrayLike<string>,
    sequenceIndex: (await column('sequence_index')) as ArrayLike<bigint>,
  }
  const deleted =
    deletesFrom === undefined
      ? undefined
      : ((await column(TOMBSTONE_COLUMN.name)) as ArrayLike<string | null>)
  const isRegistered = await readRegistered(file, group, run.labels.commit)
  const isMeant = (row: number) =>
    isRegistered(row) && (deleted === undefined || [null, undefined, deletesFrom].includes(deleted[row]))
  /** Row that now holds a slot, by slot. */
  const winners = new Map<number, number>()
  const slotsAt = createKeyLookup(run.join, schema, keys)
  for (let row = 0; row < rowEnd - rowStart; row++) {
    const slots = slotsAt(row)
    if (slots === undefined || !isMeant(row) || isUnknownYet(run.labels, stamps.ingestTime[row]!)) continue
    const stamp = {
      eventTime: stamps.eventTime[row]!,
      createdTime: stamps.createdTime[row]!,
      sequenceTime: stamps.sequenceTime[row]!,
      sequenceOrigin: stamps.sequenceOrigin[row]!,
      sequenceIndex: Number(stamps.sequenceIndex[row]!),
    }
    const slot = offerRow(run.join, slots, {
      ...stamp,
      available: availableTime(run.labels, stamp),
      handle: row,
    })
    if (slot >= 0) winners.set(slot, row)
  }
  if (deletesFrom !== undefined) for (const slot of winners.keys()) run.cells[slot] = undefined
  if (winners.size === 0 || deletesFrom !== undefined) return
  const wanted = run.labels.features.map((feature) => schema.features[feature]!)
  const texts = new Map([...winners.keys()].map((slot) => [slot, [] as string[]]))
  for (const { name, type } of wanted) {
    const values = (await column(name)) as ArrayLike<Value>
    for (const [slot, row] of winners) texts.get(slot)!.push(encodeValue(type, values[row] ?? null))
  }
  for (const [slot, cells] of texts) run.cells[slot] = cells
}

/** Finds the slots of a row's key; rows are sorted by key, so most of the time it is that of the row before. */
function createKeyLookup(join: PointInTimeJoin, schema: SegmentSchema, keys: readonly ArrayLike<unknown>[]) {
  const types = schema.keys.map(({ type }) => type)
  let slots: KeyRange | undefined
  return (row: number): KeyRange | undefined => {
    const isSame = row > 0 && keys.every((values) => values[row] === values[row - 1])
    if (!isSame)
      slots = join.rangeByKey.get(
        encodeKey(
          types,
          keys.map((values) => values[row] as Value),
        ),
      )
    return slots
  }
}

function isUnknownYet({ asOf }: ViewLabels, ingestTime: Instant): boolean {
  return asOf !== undefined && ingestTime > asOf
}

function availableTime(
  { isKnowledgeCutoff }: ViewLabels,
  row: { readonly eventTime: Instant; readonly createdTime: Instant },
): Instant {
  return isKnowledgeCutoff ? Math.max(row.eventTime, row.createdTime) : row.eventTime
}

function readAnswers(
  view: CompiledView,
  labels: ViewLabels,
  join: PointInTimeJoin,
  cells: readonly (readonly string[] | undefined)[],
): FeatureColumn[] {
  const shown = finishJoin(join)
  const count = labels.times.length
  const columns = labels.features.map((feature) => ({
    type: view.columns[feature]!.type,
    values: new Array<Value>(count).fill(null),
    statuses: new Uint8Array(count),
    eventTimes: new Float64Array(count).fill(Number.NaN),
  }))
  for (let label = 0; label < count; label++) {
    const slot = shown[join.slotByLabel[label]!]!
    const isAbsent = slot < 0 || cells[slot] === undefined
    const status = isAbsent ? 'missing' : rowStatus(view, join.eventTime[slot]!, labels.times[label]!)
    for (const [at, { type, values, statuses, eventTimes }] of columns.entries()) {
      if (status !== 'missing') eventTimes[label] = join.eventTime[slot]!
      if (status === 'present') values[label] = decodeValue(type, cells[slot]![at]!)
      const isNull = status === 'present' && values[label] === null
      statuses[label] = isNull ? STATUS_CODES.null : STATUS_CODES[status]
    }
  }
  return columns
}
