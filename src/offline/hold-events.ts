import type { Instant } from '../core/time.ts'
import {
  addEvents,
  clearEvents,
  type EventColumns,
  heldBytes,
  keepEvents,
} from '../core/window/event-columns.ts'
import type { CompiledView, Snapshot } from '../definitions/snapshot.ts'
import type { ViewLabels } from './join-view.ts'
import { type KeyRange, type LogPlatform, type LogRows, readLog } from './read-log.ts'

/** What is held of the keys with numbers below `keyEnd`, from where it was asked for. */
export interface HeldKeys {
  readonly keyEnd: number
  readonly deletionsByKey: ReadonlyMap<number, readonly Deletion[]>
}

export interface Deletion {
  readonly eventTime: Instant
  readonly createdTime: Instant
}

export interface HoldOptions {
  readonly labels: ViewLabels
  /** By key number: event time of the oldest event that its first label counts. */
  readonly oldestByKey: Float64Array
  readonly keyStart: number
  readonly bytesMax: number
}

/**
 * Reads into `events` those that some label's window may count, of keys from `keyStart` on: of all the rest, or of as many
 * as `bytesMax` lets be held. When there are more, the upper half of the keys is left for a later call. Until then, the
 * events of one row group are held beyond it.
 */
export async function holdEvents(
  platform: LogPlatform,
  { snapshot, view }: { readonly snapshot: Snapshot; readonly view: CompiledView },
  events: EventColumns,
  { labels, oldestByKey, keyStart, bytesMax }: HoldOptions,
): Promise<HeldKeys> {
  const { slots, asOf, commit, pool } = labels
  const deletionsByKey = new Map<number, Deletion[]>()
  const oldest = oldestByKey.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const span = { retentionUs: slots.timeBounds.labelTimeMin - oldest }
  const keys: KeyRange = { start: keyStart, end: slots.numberByKey.size }
  clearEvents(events)
  for await (const rows of readLog(platform, { snapshot, view, slots, keys, span, asOf, commit, pool })) {
    const wanted = rowsThatCount(rows, labels, { keys, oldestByKey })
    if (rows.isTombstones) addDeletions(deletionsByKey, rows, wanted)
    if (rows.isTombstones || wanted.length === 0) continue
    const inputs = []
    for (const column of view.columns.keys()) inputs.push(await rows.readColumn(column))
    addEvents(events, { ...rows, inputs }, wanted)
    while (heldBytes(events) > bytesMax && keys.end - keys.start > 1) {
      keys.end = Math.ceil((keys.start + keys.end) / 2)
      keepKeysBelow(events, keys.end)
    }
  }
  return { keyEnd: keys.end, deletionsByKey }
}

/** Rows of these keys that happened by the last label of their key: deletions, or events that its windows count. */
function rowsThatCount(
  { keys, stamps: { eventTime }, isTombstones }: LogRows,
  { slots: { starts, times } }: ViewLabels,
  { keys: { start, end }, oldestByKey }: Pick<HoldOptions, 'oldestByKey'> & { readonly keys: KeyRange },
): Int32Array {
  const wanted = new Int32Array(keys.length)
  let count = 0
  for (let row = 0; row < keys.length; row++) {
    const key = keys[row]!
    if (key < start || key >= end) continue
    const time = eventTime[row]!
    const isOld = time < oldestByKey[key]! && !isTombstones
    if (!isOld && time <= times[starts[key + 1]! - 1]!) wanted[count++] = row
  }
  return wanted.subarray(0, count)
}

function addDeletions(
  deletionsByKey: Map<number, Deletion[]>,
  { keys, stamps }: LogRows,
  rows: Int32Array,
): void {
  for (const row of rows) {
    const deletion = { eventTime: stamps.eventTime[row]!, createdTime: stamps.createdTime[row]! }
    const known = deletionsByKey.get(keys[row]!)
    if (known === undefined) deletionsByKey.set(keys[row]!, [deletion])
    else known.push(deletion)
  }
}

function keepKeysBelow(events: EventColumns, keyEnd: number): void {
  const kept = new Int32Array(events.count)
  let count = 0
  for (let event = 0; event < events.count; event++) if (events.keys[event]! < keyEnd) kept[count++] = event
  keepEvents(events, kept.subarray(0, count))
}
