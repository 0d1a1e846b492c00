import { sortRange } from '../sort-range.ts'
import { encodeValue } from '../value.ts'
import { vectorValue } from '../vector.ts'
import { compareDoors, type EventColumns } from './event-columns.ts'

/** Events key by key, each key's in the order in which windows take them, none twice. */
export interface EventOrder {
  /** Positions of events; what stands after the last start means nothing. */
  readonly order: Int32Array
  /** By key number less `keyStart`: where its events begin in `order`. One more at the end. */
  readonly starts: Int32Array
}

export interface OrderOptions {
  /** Numbers of the first key, and after the last; no event is of another. */
  readonly keyStart: number
  readonly keyEnd: number
  /** Events count from the later of event and created time on, not from event time (S5). */
  readonly isKnowledgeCutoff: boolean
  /** The last column is the id of the source's event, by which events of one time are told apart; else their sequence is (S9). */
  readonly hasEventId: boolean
}

/**
 * Orders events by the time from which they count; those of one event time as they came to the door. Of one event that came
 * twice, the one that was at the door first counts, as it did online (S9).
 */
export function orderEvents(events: EventColumns, options: OrderOptions): EventOrder {
  const { keyStart, keyEnd, isKnowledgeCutoff } = options
  const { order, starts } = divideByKey(events, keyStart, keyEnd)
  const isRepeat = repeats(events, options)
  const { eventTime, createdTime } = events.stamps
  const available = (event: number) => Math.max(eventTime[event]!, createdTime[event]!)
  const byDoor = (a: number, b: number) => compareDoors(events, a, b)
  const byKnowledge = (a: number, b: number) => available(a) - available(b) || byDoor(a, b)
  let kept = 0
  for (let key = 0; key < keyEnd - keyStart; key++) {
    const [start, end] = [starts[key]!, starts[key + 1]!]
    sortRange(order, start, end, byDoor)
    starts[key] = kept
    for (let at = start; at < end; at++) {
      const before = kept > starts[key]! ? order[kept - 1]! : undefined
      if (!isRepeat(before, order[at]!)) order[kept++] = order[at]!
    }
    if (isKnowledgeCutoff) sortRange(order, starts[key]!, kept, byKnowledge)
  }
  starts[keyEnd - keyStart] = kept
  return { order, starts }
}

/** In the order in which they are held. */
function divideByKey({ keys, count }: EventColumns, keyStart: number, keyEnd: number): EventOrder {
  const starts = new Int32Array(keyEnd - keyStart + 1)
  for (let event = 0; event < count; event++) starts[keys[event]! - keyStart + 1]!++
  for (let key = 0; key + 1 < starts.length; key++) starts[key + 1]! += starts[key]!
  const next = starts.slice()
  const order = new Int32Array(count)
  for (let event = 0; event < count; event++) order[next[keys[event]! - keyStart]!++] = event
  return { order, starts }
}

/** Asked of one event after another, with the one of the same key that was kept last. */
function repeats(
  events: EventColumns,
  { hasEventId }: OrderOptions,
): (before: number | undefined, event: number) => boolean {
  const { eventTime } = events.stamps
  const ids = new Set<string>()
  const idColumn = events.types.length - 1
  return (before, event) => {
    if (before !== undefined && compareDoors(events, before, event) === 0) return true
    if (!hasEventId) return false
    if (before === undefined || eventTime[before] !== eventTime[event]) ids.clear()
    const id = vectorValue(events.inputs[idColumn]!, event)
    if (id === null) return false
    const idCount = ids.size
    return ids.add(encodeValue(events.types[idColumn]!, id)).size === idCount
  }
}
