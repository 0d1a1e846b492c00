import { bitsText, hashKey, topBits } from '../core/entity-key.ts'
import { type FeatureColumn, STATUS_CODES } from '../core/feature-column.ts'
import { compareText, decodeRow, isTombstone, type Stamp, tombstonesOf } from '../core/row.ts'
import { openSegment, type SegmentSchema, scanSegment } from '../core/segment.ts'
import type { Instant } from '../core/time.ts'
import { decodeValue, encodeValue, splitCells, type Value } from '../core/value.ts'
import type { FinishedWindows } from '../core/window/finish-windows.ts'
import { oldestCounted, type WindowPlan } from '../core/window/window-plan.ts'
import { windowsAtLabels } from '../core/window/windows-at-labels.ts'
import { type SegmentRecord, TOMBSTONE_COLUMN, tombstoneLog } from '../definitions/segment-record.ts'
import {
  type CompiledView,
  type CompiledWindows,
  type Snapshot,
  segmentSchema,
} from '../definitions/snapshot.ts'
import { windowPlan } from '../definitions/view-transform.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import type { Platform } from '../platform.ts'
import type { ViewLabels } from './join-view.ts'
import { planScan, timeBounds } from './plan-scan.ts'

/**
 * Joins labels with the windows of one view, point in time: the events that each label's windows count, from the registered segments
 * and the writers, through the same tiles that serve them (S17, S22). Holds the events of the labels' keys and times.
 */
export async function joinWindows(
  platform: Platform,
  { snapshot, view, windows }: WindowedView,
  labels: ViewLabels,
): Promise<FeatureColumn[]> {
  const plan = windowPlan(windows)
  const histories = new Map(
    labels.keys.map((key) => [key, { events: new Map(), deletions: [] } as KeyHistory]),
  )
  // Writers are read first: a row that leaves one meanwhile has been registered before, so none is missed.
  if (labels.commit === undefined)
    await readWaiting(platform, { snapshot, view, windows }, { labels, histories })
  await readLogs(platform, { snapshot, view, windows }, { labels, histories, plan })
  const finished = new Array<FinishedWindows>(labels.keys.length)
  for (const [key, positions] of Map.groupBy(labels.keys.keys(), (at) => labels.keys[at]!)) {
    positions.sort((a, b) => labels.times[a]! - labels.times[b]!)
    const found = finishLabels(plan, histories.get(key)!, {
      times: positions.map((at) => labels.times[at]!),
      isKnowledgeCutoff: labels.isKnowledgeCutoff,
    })
    for (const [at, one] of found.entries()) finished[positions[at]!] = one
  }
  return labels.features.map((at) => {
    const { type } = plan.outputs[at]!
    return {
      type,
      values: finished.map(({ cells }) => decodeValue(type, cells[at]!)),
      statuses: Uint8Array.from(finished, ({ statuses }) => STATUS_CODES[statuses[at]!]),
      eventTimes: Float64Array.from(finished, ({ eventTimes }) => eventTimes[at] ?? Number.NaN),
    }
  })
}

export interface WindowedView {
  readonly snapshot: Snapshot
  readonly view: CompiledView
  readonly windows: CompiledWindows
}

interface KeyHistory {
  /** By what makes an event one: its id and time where the source names ids (S9), else its sequence. */
  readonly events: Map<string, LoggedEvent>
  readonly deletions: Pick<Stamp, 'eventTime' | 'createdTime'>[]
}

interface LoggedEvent {
  readonly stamp: Stamp
  readonly inputs: readonly Value[]
}

interface Reading {
  readonly labels: ViewLabels
  readonly histories: ReadonlyMap<string, KeyHistory>
}

async function readWaiting(
  platform: Platform,
  { snapshot, view, windows }: WindowedView,
  { labels, histories }: Reading,
): Promise<void> {
  const { shardBits } = snapshot.entities[view.entity]!
  const types = view.columns.map(({ type }) => type)
  for (const shard of new Set([...histories.keys()].map((key) => topBits(hashKey(key).high, shardBits)))) {
    const layout = writerLayout(snapshot, view.entity, shard)
    const lines = await platform.writers.readWaiting(layout, [view.id, ...tombstonesOf(view.id)])
    for (const line of lines === '' ? [] : lines.split('\n')) {
      const row = decodeRow(line)
      const history = histories.get(row.key)
      if (history === undefined || isUnknownYet(labels, row)) continue
      if (isTombstone(row.view)) history.deletions.push(row)
      else {
        const values = splitCells(row.cells).map((cell, at) => decodeValue(types[at]!, cell))
        addEvent(history, windows, { stamp: row, values, types })
      }
    }
  }
}

async function readLogs(
  platform: Platform,
  { snapshot, view, windows }: WindowedView,
  { labels, histories, plan }: Reading & { readonly plan: WindowPlan },
): Promise<void> {
  const { joinKeys, bucketBits } = snapshot.entities[view.entity]!
  const hashes = [...histories.keys()].map((key) => hashKey(key).high)
  const bounds = {
    buckets: new Set(hashes.map((high) => bitsText(topBits(high, bucketBits), bucketBits))),
    ...timeBounds(labels.times),
    asOf: labels.asOf,
    commit: labels.commit,
  }
  const { labelTimeMin } = bounds
  // What the first label's longest window does not reach, no window does.
  const span = { retentionUs: labelTimeMin - oldestCounted(plan, labelTimeMin) }
  const types = view.columns.map(({ type }) => type)
  const own = planScan(span, await platform.offline.list(view.name, view.version), bounds)
  const { commit } = labels
  await scan(platform, own, { schema: segmentSchema(snapshot, view), commit }, (key, stamp, values) => {
    const history = histories.get(key)
    if (history !== undefined && !isUnknownYet(labels, stamp))
      addEvent(history, windows, { stamp, values, types })
  })
  const log = tombstoneLog(view.entity)
  const deleted = planScan({ retentionUs: null }, await platform.offline.list(log.view, log.version), bounds)
  const schema = { keys: joinKeys, features: [TOMBSTONE_COLUMN] }
  await scan(platform, deleted, { schema, commit }, (key, stamp, [name]) => {
    const isMeant = (name === null || name === view.name) && !isUnknownYet(labels, stamp)
    if (isMeant) histories.get(key)?.deletions.push(stamp)
  })
}

/** Reads every row of segments, row group by row group. */
async function scan(
  platform: Platform,
  segments: readonly SegmentRecord[],
  { schema, commit }: { readonly schema: SegmentSchema; readonly commit: number | undefined },
  take: (key: string, stamp: Stamp, values: readonly Value[]) => void,
): Promise<void> {
  for (const segment of segments) {
    const file = await openSegment(platform.offline.openSegment(segment), schema, segment.path)
    await scanSegment(file, schema, take, commit)
  }
}

function addEvent(
  { events }: KeyHistory,
  { hasEventId }: CompiledWindows,
  {
    stamp,
    values,
    types,
  }: {
    readonly stamp: Stamp
    readonly values: readonly Value[]
    readonly types: readonly CompiledView['columns'][number]['type'][]
  },
): void {
  const eventId = hasEventId ? values.at(-1)! : null
  const identity =
    eventId === null
      ? `${stamp.sequenceTime} ${stamp.sequenceOrigin} ${stamp.sequenceIndex}`
      : `${stamp.eventTime} ${encodeValue(types.at(-1)!, eventId)}`
  const known = events.get(identity)
  // Of one event that came twice, the one that was at the door first counts, as it did online.
  if (known === undefined || compareSequence(stamp, known.stamp) < 0)
    events.set(identity, { stamp, inputs: values })
}

function compareSequence(a: Stamp, b: Stamp): number {
  return (
    a.sequenceTime - b.sequenceTime ||
    compareText(a.sequenceOrigin, b.sequenceOrigin) ||
    a.sequenceIndex - b.sequenceIndex
  )
}

function finishLabels(
  plan: WindowPlan,
  { events, deletions }: KeyHistory,
  { times, isKnowledgeCutoff }: { readonly times: readonly Instant[]; readonly isKnowledgeCutoff: boolean },
): FinishedWindows[] {
  const available = ({ eventTime, createdTime }: Pick<Stamp, 'eventTime' | 'createdTime'>) =>
    isKnowledgeCutoff ? Math.max(eventTime, createdTime) : eventTime
  const sorted = [...events.values()].sort((a, b) => available(a.stamp) - available(b.stamp))
  if (!isKnowledgeCutoff || deletions.length === 0) {
    const through = deletions.map(({ eventTime }) => eventTime).sort((a, b) => a - b)
    return [...windowsAtLabels(plan, sorted, times, { deletions: through, isKnowledgeCutoff })]
  }
  // A deletion that was not known yet at a label leaves its events in: each label has a history of its own.
  return times.flatMap((time) => {
    const through = deletions.filter((one) => available(one) <= time).map(({ eventTime }) => eventTime)
    const last = Math.max(Number.NEGATIVE_INFINITY, ...through)
    const left = sorted.filter(({ stamp }) => stamp.eventTime > last)
    return [...windowsAtLabels(plan, left, [time], { isKnowledgeCutoff })]
  })
}

function isUnknownYet({ asOf }: ViewLabels, { ingestTime }: Stamp): boolean {
  return asOf !== undefined && ingestTime > asOf
}
