import { hashKey } from './entity-key.ts'
import { assert } from './error.ts'
import { compareText } from './row.ts'
import { sortRange } from './sort-range.ts'
import type { Instant } from './time.ts'

/**
 * A point-in-time join of label rows with the rows of one view (S2, S5, S6), in memory proportional to the
 * labels alone. Rows may be offered in any order, any number of times; no row is ever sorted.
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
 * `finishJoin` then carries each slot's winner forward wherever it beats the later one: the answer at t is the S6
 * maximum of all rows available by t. Rows sorted by key and S6, as a segment's are, cost next to nothing: the slot
 * of a row is at or just after that of the row before it.
 */
export interface PointInTimeJoin {
  readonly slots: LabelSlots
  /** By slot: 1 once some row holds it. */
  readonly isHeld: Uint8Array
  /** By slot, of the row that holds it. */
  readonly stamps: StampColumns & { readonly sequenceOrigin: string[] }
  /** By slot: the row of the batch under way that holds it, -1 for none of them. */
  readonly winners: Int32Array
}

/** Labels arranged by key and time; serves any number of joins. */
export interface LabelSlots {
  /** By label. */
  readonly slotByLabel: Int32Array
  readonly slotCount: number
  /** Each key's number, from 0 on: they rise with the hash, so that those of one bucket of a log stand together. */
  readonly numberByKey: ReadonlyMap<string, number>
  /** By key number: the top 32 bits of its hash. */
  readonly hashes: Uint32Array
  /** By key number: the first of its slots; those of the next key follow. One more at the end. */
  readonly starts: Int32Array
  /** By slot, rising within a key: the label time that the slot stands for. */
  readonly times: Float64Array
  readonly timeBounds: { readonly labelTimeMin: Instant; readonly labelTimeMax: Instant }
}

/** What S6 compares, column by column. */
export interface StampColumns {
  readonly eventTime: Float64Array
  readonly createdTime: Float64Array
  readonly sequenceTime: Float64Array
  readonly sequenceOrigin: readonly string[]
  readonly sequenceIndex: Float64Array
}

/** A batch of rows. */
export interface OfferedRows {
  /** By row: its key's number, -1 for a row that counts for nobody. */
  readonly keys: Int32Array
  readonly stamps: StampColumns
  /**
   * By row: the earliest label time that may see it: its event time, or the later of event and created time under a
   * knowledge cutoff.
   */
  readonly available: Float64Array
}

/** Slots that rows of a batch now hold, and by which row. */
export interface HeldSlots {
  readonly slots: Int32Array
  readonly rows: Int32Array
}

/** Of labels that are arranged at a time. */
const KEYS_MAX = 2 ** 21

/** `keys[i]` and `times[i]` are the encoded key and event time of label i. */
export function arrangeLabels(keys: readonly string[], times: ArrayLike<Instant>): LabelSlots {
  const count = keys.length
  const numberByKey = new Map<string, number>()
  const numbers = new Int32Array(count)
  for (let label = 0; label < count; label++) {
    let number = numberByKey.get(keys[label]!)
    if (number === undefined) {
      number = numberByKey.size
      numberByKey.set(keys[label]!, number)
    }
    numbers[label] = number
  }
  const hashes = numberByHash(numberByKey, numbers)
  const ends = new Int32Array(numberByKey.size + 1)
  for (let label = 0; label < count; label++) ends[numbers[label]! + 1]!++
  for (let key = 0; key < numberByKey.size; key++) ends[key + 1]! += ends[key]!
  const order = new Int32Array(count)
  const next = ends.slice()
  for (let label = 0; label < count; label++) order[next[numbers[label]!]!++] = label
  const starts = new Int32Array(numberByKey.size + 1)
  const slotTimes = new Float64Array(count)
  const slotByLabel = new Int32Array(count)
  const byTime = (a: number, b: number) => times[a]! - times[b]!
  let slotCount = 0
  for (let key = 0; key < numberByKey.size; key++) {
    starts[key] = slotCount
    sortRange(order, ends[key]!, ends[key + 1]!, byTime)
    for (let at = ends[key]!; at < ends[key + 1]!; at++) {
      const label = order[at]!
      const time = times[label]!
      if (slotCount === starts[key] || slotTimes[slotCount - 1] !== time) slotTimes[slotCount++] = time
      slotByLabel[label] = slotCount - 1
    }
  }
  starts[numberByKey.size] = slotCount
  const slotTime = slotTimes.subarray(0, slotCount)
  return {
    slotByLabel,
    slotCount,
    numberByKey,
    hashes,
    starts,
    times: slotTime,
    timeBounds: {
      labelTimeMin: slotTime.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
      labelTimeMax: slotTime.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
    },
  }
}

/** Puts keys that are numbered as they came into the order of their hashes, which it answers. */
function numberByHash(numberByKey: Map<string, number>, numbers: Int32Array): Uint32Array {
  assert(numberByKey.size <= KEYS_MAX, 'labels are arranged a partition at a time')
  const found = Uint32Array.from(numberByKey.keys(), (key) => hashKey(key).high)
  // A hash of 32 bits and a number of 21 are exact in one float.
  const sorted = Float64Array.from(found, (hash, key) => hash * KEYS_MAX + key).sort()
  const numberByFound = new Int32Array(found.length)
  for (let key = 0; key < found.length; key++) numberByFound[sorted[key]! % KEYS_MAX] = key
  for (const [key, number] of numberByKey) numberByKey.set(key, numberByFound[number]!)
  for (let label = 0; label < numbers.length; label++) numbers[label] = numberByFound[numbers[label]!]!
  return found.sort()
}

export function createJoin(slots: LabelSlots): PointInTimeJoin {
  const count = slots.slotCount
  return {
    slots,
    isHeld: new Uint8Array(count),
    stamps: {
      eventTime: new Float64Array(count),
      createdTime: new Float64Array(count),
      sequenceTime: new Float64Array(count),
      sequenceOrigin: new Array<string>(count).fill(''),
      sequenceIndex: new Float64Array(count),
    },
    winners: new Int32Array(count).fill(-1),
  }
}

/** Offers a batch of rows. Answers which slots its rows hold now, for the caller to keep what it wants of them. */
export function offerRows(join: PointInTimeJoin, { keys, stamps, available }: OfferedRows): HeldSlots {
  const { starts, times } = join.slots
  const { winners, isHeld } = join
  const won = new Int32Array(Math.min(keys.length, times.length))
  let wonCount = 0
  let [key, slot, start, end] = [-1, 0, 0, 0]
  for (let row = 0; row < keys.length; row++) {
    const rowKey = keys[row]!
    if (rowKey < 0) continue
    if (rowKey !== key) {
      key = rowKey
      start = starts[key]!
      end = starts[key + 1]!
      slot = start
    }
    slot = seekSlot(times, { start, end }, slot, available[row]!)
    if (slot === end) continue
    const winner = winners[slot]!
    if (winner >= 0) {
      if (compareStampsAt(stamps, winner, stamps, row) >= 0) continue
    } else {
      if (isHeld[slot] === 1 && compareStampsAt(join.stamps, slot, stamps, row) >= 0) continue
      won[wonCount++] = slot
    }
    winners[slot] = row
  }
  const slots = won.slice(0, wonCount)
  return { slots, rows: holdSlots(join, slots, stamps) }
}

/** Keeps the stamps of the batch's winners, and readies the join for the next batch. */
function holdSlots({ winners, isHeld, stamps }: PointInTimeJoin, slots: Int32Array, from: StampColumns) {
  return slots.map((slot) => {
    const row = winners[slot]!
    winners[slot] = -1
    isHeld[slot] = 1
    stamps.eventTime[slot] = from.eventTime[row]!
    stamps.createdTime[slot] = from.createdTime[row]!
    stamps.sequenceTime[slot] = from.sequenceTime[row]!
    stamps.sequenceOrigin[slot] = from.sequenceOrigin[row]!
    stamps.sequenceIndex[slot] = from.sequenceIndex[row]!
    return row
  })
}

/**
 * The slot whose row each slot shows: the best of its key's slots up to it (itself or an earlier one), or -1
 * where no row was available by its time.
 */
export function finishJoin({ slots, isHeld, stamps }: PointInTimeJoin): Int32Array {
  const shown = new Int32Array(slots.slotCount).fill(-1)
  for (let key = 0; key + 1 < slots.starts.length; key++) {
    let best = -1
    for (let slot = slots.starts[key]!; slot < slots.starts[key + 1]!; slot++) {
      const beats = isHeld[slot] === 1 && (best < 0 || compareStampsAt(stamps, best, stamps, slot) < 0)
      if (beats) best = slot
      shown[slot] = best
    }
  }
  return shown
}

/** First slot of the range whose time is at or after `time`, looked for around `from`; the range's end if none is. */
function seekSlot(
  times: Float64Array,
  { start, end }: { readonly start: number; readonly end: number },
  from: number,
  time: Instant,
): number {
  let [low, high] = [start, from]
  if (from === start || times[from - 1]! < time) {
    // Not before `from`: steps that double find what lies near in few of them, and what lies far as well.
    low = from
    let step = 1
    for (high = from; high < end && times[high]! < time; step *= 2) {
      low = high + 1
      high += step
    }
    high = Math.min(high, end)
  }
  while (low < high) {
    const middle = (low + high) >>> 1
    if (times[middle]! < time) low = middle + 1
    else high = middle
  }
  return low
}

/** S6 between row `i` of one set of columns and row `j` of another: negative when `i` loses. */
function compareStampsAt(a: StampColumns, i: number, b: StampColumns, j: number): number {
  return (
    a.eventTime[i]! - b.eventTime[j]! ||
    a.createdTime[i]! - b.createdTime[j]! ||
    a.sequenceTime[i]! - b.sequenceTime[j]! ||
    compareText(a.sequenceOrigin[i]!, b.sequenceOrigin[j]!) ||
    a.sequenceIndex[i]! - b.sequenceIndex[j]!
  )
}
