import { compareText, type Stamp } from '../core/row.ts'
import type { Instant } from '../core/time.ts'
import { encodeValue, type Value } from '../core/value.ts'
import type { WindowEvent } from '../core/window/tiles.ts'
import type { CompiledView, CompiledWindows, Snapshot } from '../definitions/snapshot.ts'
import type { ViewLabels } from './join-view.ts'
import { type LogPlatform, type LogRows, readLog } from './read-log.ts'

/** Events and deletions of the keys with numbers from `keyStart` to `keyEnd` (exclusive), in no order. */
export interface HeldEvents {
  readonly keyEnd: number
  /** Indexes of events by key number less `keyStart`; and where those of each key begin. */
  readonly order: Int32Array
  readonly starts: Int32Array
  readonly keyStart: number
  readonly events: readonly HeldEvent[]
  readonly deletionsByKey: ReadonlyMap<number, readonly Deletion[]>
  /** Text of the event's id, which tells events of one time apart; null where their sequence does (S9). */
  readonly idOf: (event: HeldEvent) => string | null
}

type EventStamp = Omit<Stamp, 'ingestTime'>

interface HeldEvent {
  readonly key: number
  readonly stamp: EventStamp
  readonly inputs: readonly Value[]
}

interface Deletion {
  readonly eventTime: Instant
  readonly createdTime: Instant
}

/** What one key's windows are made of. Events rise by the time from which they count, and none is there twice. */
export interface KeyEvents {
  readonly events: readonly WindowEvent[]
  readonly deletions: readonly (Deletion & { readonly available: Instant })[]
}

/**
 * Reads the events that some label's window may count, of keys from `keyStart` on: of all the rest, or of as many as
 * `eventsHeldMax` lets be held. When there are more, the upper half of the keys is left for a later call.
 */
export async function readEvents(
  platform: LogPlatform,
  {
    snapshot,
    view,
    windows,
  }: { readonly snapshot: Snapshot; readonly view: CompiledView; readonly windows: CompiledWindows },
  {
    labels,
    oldestByKey,
    keyStart,
    eventsHeldMax,
  }: {
    readonly labels: ViewLabels
    /** By key number: event time of the oldest event that its first label counts. */
    readonly oldestByKey: Float64Array
    readonly keyStart: number
    readonly eventsHeldMax: number
  },
): Promise<HeldEvents> {
  const { slots, asOf, commit, pool } = labels
  let keyEnd = slots.numberByKey.size
  let events: HeldEvent[] = []
  const deletionsByKey = new Map<number, Deletion[]>()
  const oldest = oldestByKey.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const span = { retentionUs: slots.timeBounds.labelTimeMin - oldest }
  for await (const rows of readLog(platform, { snapshot, view, slots, span, asOf, commit, pool })) {
    const { keys, stamps } = rows
    const wanted: number[] = []
    for (let row = 0; row < keys.length; row++) {
      const key = keys[row]!
      if (key < keyStart || key >= keyEnd) continue
      const time = stamps.eventTime[row]!
      if (time > slots.times[slots.starts[key + 1]! - 1]!) continue
      if (rows.isTombstones) {
        const deletion = { eventTime: time, createdTime: stamps.createdTime[row]! }
        const known = deletionsByKey.get(key)
        if (known === undefined) deletionsByKey.set(key, [deletion])
        else known.push(deletion)
      } else if (time >= oldestByKey[key]!) wanted.push(row)
    }
    if (wanted.length === 0) continue
    const inputs = await readInputs(view, rows, wanted)
    for (const [at, row] of wanted.entries())
      events.push({ key: keys[row]!, stamp: stampAt(rows, row), inputs: inputs[at]! })
    while (events.length > eventsHeldMax && keyEnd - keyStart > 1) {
      keyEnd = Math.ceil((keyStart + keyEnd) / 2)
      const end = keyEnd
      events = events.filter(({ key }) => key < end)
    }
  }
  const idType = view.columns.at(-1)!.type
  const idOf = ({ inputs }: HeldEvent) =>
    windows.hasEventId && inputs.at(-1) !== null ? encodeValue(idType, inputs.at(-1)!) : null
  return { ...orderByKey(events, keyStart, keyEnd), keyStart, keyEnd, events, deletionsByKey, idOf }
}

/** One key's events in the order in which windows take them. */
export function keyEvents(
  { order, starts, keyStart, events, deletionsByKey, idOf }: HeldEvents,
  key: number,
  isKnowledgeCutoff: boolean,
): KeyEvents {
  const available = ({ eventTime, createdTime }: Deletion) =>
    isKnowledgeCutoff ? Math.max(eventTime, createdTime) : eventTime
  const own = Array.from(
    order.subarray(starts[key - keyStart]!, starts[key - keyStart + 1]!),
    (at) => events[at]!,
  )
  const once = dropRepeats(own.sort(compareDoors), idOf)
  if (isKnowledgeCutoff) once.sort((a, b) => available(a.stamp) - available(b.stamp))
  const deletions = (deletionsByKey.get(key) ?? []).map((one) => ({ ...one, available: available(one) }))
  return { events: once, deletions }
}

/** By event time; those of one time as they came to the door. */
function compareDoors({ stamp: a }: HeldEvent, { stamp: b }: HeldEvent): number {
  return (
    a.eventTime - b.eventTime ||
    a.sequenceTime - b.sequenceTime ||
    compareText(a.sequenceOrigin, b.sequenceOrigin) ||
    a.sequenceIndex - b.sequenceIndex
  )
}

/** Of one event that came twice, the one that was at the door first counts, as it did online (S9). */
function dropRepeats(sorted: readonly HeldEvent[], idOf: HeldEvents['idOf']): HeldEvent[] {
  const once: HeldEvent[] = []
  const ids = new Set<string>()
  for (const event of sorted) {
    const last = once.at(-1)
    if (last !== undefined && compareDoors(last, event) === 0) continue
    if (last?.stamp.eventTime !== event.stamp.eventTime) ids.clear()
    const id = idOf(event)
    if (id !== null && ids.has(id)) continue
    if (id !== null) ids.add(id)
    once.push(event)
  }
  return once
}

async function readInputs(view: CompiledView, rows: LogRows, wanted: readonly number[]): Promise<Value[][]> {
  const inputs = wanted.map((): Value[] => [])
  for (const column of view.columns.keys()) {
    const { values, nulls } = await rows.readColumn(column)
    for (const [at, row] of wanted.entries())
      inputs[at]!.push(nulls?.[row] === 1 ? null : (values[row] as Value))
  }
  return inputs
}

function stampAt({ stamps }: LogRows, row: number): EventStamp {
  return {
    eventTime: stamps.eventTime[row]!,
    createdTime: stamps.createdTime[row]!,
    sequenceTime: stamps.sequenceTime[row]!,
    sequenceOrigin: stamps.sequenceOrigin[row]!,
    sequenceIndex: stamps.sequenceIndex[row]!,
  }
}

function orderByKey(events: readonly HeldEvent[], keyStart: number, keyEnd: number) {
  const starts = new Int32Array(keyEnd - keyStart + 1)
  for (const { key } of events) starts[key - keyStart + 1]!++
  for (let key = 0; key + 1 < starts.length; key++) starts[key + 1]! += starts[key]!
  const next = starts.slice()
  const order = new Int32Array(events.length)
  for (const [at, { key }] of events.entries()) order[next[key - keyStart]!++] = at
  return { order, starts }
}
