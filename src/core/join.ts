import { compareText } from './row.ts'
import type { Instant } from './time.ts'

/**
 * A point-in-time join of label rows with the rows of one view (S2, S5, S6), in memory proportional to the
 * labels alone. Rows may be offered in any order, any number of times.
 *
 * Each key's distinct label times, in order, are its *slots*. A row can be seen by every label at or after the
 * time it became available, so it is kept only in the first such slot, and only if it wins there by S6:
 *
 * ```
 *   label times      t1        t2                t3
 *   slots        ────┤1├───────┤2├───────────────┤3├──→     available ≤ t1 → slot 1, ≤ t2 → slot 2, …
 *   rows            a   b             c   d                 slot 1: b   slot 2: -   slot 3: best of c, d
 * ```
 *
 * `finish` then carries each slot's winner forward wherever it beats the later one: the answer at t is the S6
 * maximum of all rows available by t. O(log labels) a row; no row is ever sorted.
 */
export interface PointInTimeJoin {
  /** Slot of each label, by label index. */
  readonly slotByLabel: Int32Array
  readonly slotCount: number
  readonly rangeByKey: ReadonlyMap<string, KeyRange>
  /** By slot, ascending within a key: the label time the slot stands for. */
  readonly slotTime: Float64Array
  /** By slot: caller's handle of the winning row, -1 for none. */
  readonly winner: Int32Array
  /** By slot, of the winning row; meaningless where there is none. */
  readonly eventTime: Float64Array
  readonly createdTime: Float64Array
  readonly sequenceTime: Float64Array
  readonly sequenceIndex: Float64Array
  readonly sequenceOrigin: string[]
}

/** Prepares a join; `keys[i]` and `times[i]` are the encoded key and event time of label i. */
export function prepareJoin(keys: readonly string[], times: ArrayLike<Instant>): PointInTimeJoin {
  const order = Array.from(keys, (_, at) => at).sort(
    (a, b) => compareText(keys[a]!, keys[b]!) || times[a]! - times[b]!,
  )
  const slotByLabel = new Int32Array(keys.length)
  const rangeByKey = new Map<string, { start: number; end: number }>()
  const slotTime: number[] = []
  for (const label of order) {
    let range = rangeByKey.get(keys[label]!)
    if (range === undefined) {
      range = { start: slotTime.length, end: slotTime.length }
      rangeByKey.set(keys[label]!, range)
    }
    if (range.end === range.start || slotTime[range.end - 1] !== times[label]) {
      slotTime.push(times[label]!)
      range.end++
    }
    slotByLabel[label] = range.end - 1
  }
  const slotCount = slotTime.length
  return {
    slotByLabel,
    slotCount,
    rangeByKey,
    slotTime: Float64Array.from(slotTime),
    winner: new Int32Array(slotCount).fill(-1),
    eventTime: new Float64Array(slotCount),
    createdTime: new Float64Array(slotCount),
    sequenceTime: new Float64Array(slotCount),
    sequenceIndex: new Float64Array(slotCount),
    sequenceOrigin: new Array<string>(slotCount).fill(''),
  }
}

/**
 * Offers a row of the key whose slots these are (`rangeByKey`; look it up once for a run of rows of one key).
 * `available` is the earliest label time that may see the row: its event time, or the later of event and created
 * time under a knowledge cutoff. `handle` is the caller's name for the row. Returns the slot the row now holds,
 * or -1 when it changed nothing.
 */
export function offerRow(
  join: PointInTimeJoin,
  slots: KeyRange,
  row: OfferedRow & { readonly available: Instant; readonly handle: number },
): number {
  const slot = firstAtOrAfter(join.slotTime, slots, row.available)
  if (slot === slots.end || compareSlot(join, slot, row) >= 0) return -1
  join.winner[slot] = row.handle
  join.eventTime[slot] = row.eventTime
  join.createdTime[slot] = row.createdTime
  join.sequenceTime[slot] = row.sequenceTime
  join.sequenceOrigin[slot] = row.sequenceOrigin
  join.sequenceIndex[slot] = row.sequenceIndex
  return slot
}

/**
 * The slot whose row each slot shows: the best of its key's slots up to it (itself or an earlier one), or -1
 * where no row was available by its time.
 */
export function finishJoin(join: PointInTimeJoin): Int32Array {
  const shown = new Int32Array(join.slotCount).fill(-1)
  for (const { start, end } of join.rangeByKey.values()) {
    let best = -1
    for (let slot = start; slot < end; slot++) {
      const beats = join.winner[slot]! >= 0 && (best < 0 || compareSlot(join, best, slotRow(join, slot)) < 0)
      if (beats) best = slot
      shown[slot] = best
    }
  }
  return shown
}

/** A key's slots: from `start` to `end`, exclusive. */
export interface KeyRange {
  readonly start: number
  readonly end: number
}

export interface OfferedRow {
  readonly eventTime: Instant
  readonly createdTime: Instant
  readonly sequenceTime: Instant
  readonly sequenceOrigin: string
  readonly sequenceIndex: number
}

/** First slot of the range whose time is at or after `time`; the range's end when there is none. */
function firstAtOrAfter(slotTime: Float64Array, { start, end }: KeyRange, time: Instant): number {
  let [low, high] = [start, end]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (slotTime[middle]! < time) low = middle + 1
    else high = middle
  }
  return low
}

/** S6 between what a slot holds and a row: negative when the slot loses (an empty slot always does). */
function compareSlot(join: PointInTimeJoin, slot: number, row: OfferedRow): number {
  if (join.winner[slot]! < 0) return -1
  return (
    join.eventTime[slot]! - row.eventTime ||
    join.createdTime[slot]! - row.createdTime ||
    join.sequenceTime[slot]! - row.sequenceTime ||
    compareText(join.sequenceOrigin[slot]!, row.sequenceOrigin) ||
    join.sequenceIndex[slot]! - row.sequenceIndex
  )
}

function slotRow(join: PointInTimeJoin, slot: number): OfferedRow {
  return {
    eventTime: join.eventTime[slot]!,
    createdTime: join.createdTime[slot]!,
    sequenceTime: join.sequenceTime[slot]!,
    sequenceOrigin: join.sequenceOrigin[slot]!,
    sequenceIndex: join.sequenceIndex[slot]!,
  }
}
