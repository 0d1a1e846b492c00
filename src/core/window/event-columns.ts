import type { StampColumns } from '../join.ts'
import { compareText } from '../row.ts'
import { type Value, type ValueType, valueBytes } from '../value.ts'
import {
  copyValues,
  createVectorValues,
  growArray,
  growValues,
  type Vector,
  type VectorValues,
  vectorValue,
} from '../vector.ts'
import type { EventList } from './windows-at-labels.ts'

/**
 * Events of many keys by column, in typed arrays where types have one: as objects they would take several times the
 * memory, and the garbage collector would move them again and again. An event is known by its position.
 */
export interface EventColumns {
  /** Of the columns of the view's log. */
  readonly types: readonly ValueType[]
  count: number
  /** Events there is room for; with `roomMax` reached, no more than are added. */
  room: number
  readonly roomMax: number
  /** By event, as all that follow: the number of its key. */
  keys: Int32Array
  readonly stamps: Record<(typeof STAMP_NUMBERS)[number], Float64Array>
  /** Number of its `sequenceOrigin`: what comes with one push or load has the same. */
  origins: Int32Array
  readonly inputs: { values: VectorValues; nulls: Uint8Array }[]
  /** By number of the origin. */
  readonly originTexts: string[]
  readonly originByText: Map<string, number>
  /** What origins take, and values that have no typed array. */
  textBytes: number
}

/** Rows that may become events, by column. */
export interface EventRows {
  readonly keys: Int32Array
  readonly stamps: StampColumns
  readonly inputs: readonly Vector[]
}

const STAMP_NUMBERS = ['eventTime', 'createdTime', 'sequenceTime', 'sequenceIndex'] as const

/** Without events. Arrays grow step by step to `bytesMax`, and beyond it only as far as events are added. */
export function createEventColumns(types: readonly ValueType[], bytesMax: number): EventColumns {
  return {
    types,
    count: 0,
    room: 0,
    roomMax: Math.floor(bytesMax / eventWidth(types)),
    keys: new Int32Array(),
    stamps: {
      eventTime: new Float64Array(),
      createdTime: new Float64Array(),
      sequenceTime: new Float64Array(),
      sequenceIndex: new Float64Array(),
    },
    origins: new Int32Array(),
    inputs: types.map((type) => ({ values: createVectorValues(type, 0), nulls: new Uint8Array() })),
    originTexts: [],
    originByText: new Map(),
    textBytes: 0,
  }
}

export function heldBytes({ types, count, textBytes }: EventColumns): number {
  return count * eventWidth(types) + textBytes
}

/** Keeps room, and no events. */
export function clearEvents(events: EventColumns): void {
  keepEvents(events, new Int32Array())
}

/** Adds the events of these rows. */
export function addEvents(events: EventColumns, { keys, stamps, inputs }: EventRows, rows: Int32Array): void {
  const start = events.count
  makeRoom(events, start + rows.length)
  const places = rows.map((_, at) => start + at)
  for (const name of STAMP_NUMBERS) copyValues(stamps[name], rows, events.stamps[name], places)
  for (const [column, { values, nulls }] of inputs.entries()) {
    const to = events.inputs[column]!
    copyValues(values, rows, to.values, places)
    for (let at = 0; at < rows.length; at++)
      to.nulls[start + at] = nulls === undefined ? 0 : nulls[rows[at]!]!
  }
  for (let at = 0; at < rows.length; at++) {
    events.keys[start + at] = keys[rows[at]!]!
    events.origins[start + at] = originNumber(events, stamps.sequenceOrigin[rows[at]!]!)
  }
  events.count += rows.length
  countTexts(events, start)
}

/** Lets go of all events but those at these positions, which rise. Those that stay move up. */
export function keepEvents(events: EventColumns, kept: Int32Array): void {
  for (const name of STAMP_NUMBERS) copyValues(events.stamps[name], kept, events.stamps[name], undefined)
  for (const { values, nulls } of events.inputs) {
    copyValues(values, kept, values, undefined)
    moveUp(nulls, kept)
    // What an array held further on would hold on to what was let go.
    if (Array.isArray(values)) values.fill(null, kept.length)
  }
  moveUp(events.keys, kept)
  moveUp(events.origins, kept)
  events.count = kept.length
  events.textBytes = 0
  const texts = events.originTexts.splice(0)
  events.originByText.clear()
  for (let at = 0; at < kept.length; at++)
    events.origins[at] = originNumber(events, texts[events.origins[at]!]!)
  countTexts(events, 0)
}

/** By event time; those of one time as they came to the door. 0 for one event that was logged twice. */
export function compareDoors({ stamps, origins, originTexts }: EventColumns, a: number, b: number): number {
  return (
    stamps.eventTime[a]! - stamps.eventTime[b]! ||
    stamps.sequenceTime[a]! - stamps.sequenceTime[b]! ||
    (origins[a] === origins[b] ? 0 : compareText(originTexts[origins[a]!]!, originTexts[origins[b]!]!)) ||
    stamps.sequenceIndex[a]! - stamps.sequenceIndex[b]!
  )
}

/** The events at these positions, one after another, all in one object: each holds until the next is asked for. */
export function listEvents(events: EventColumns, positions: Int32Array): EventList {
  const { origins, originTexts, inputs } = events
  const { eventTime, createdTime, sequenceTime, sequenceIndex } = events.stamps
  const stamp = { eventTime: 0, createdTime: 0, sequenceTime: 0, sequenceOrigin: '', sequenceIndex: 0 }
  const event = { stamp, inputs: inputs.map((): Value => null) }
  return {
    at(place) {
      if (place >= positions.length) return undefined
      const position = positions[place]!
      stamp.eventTime = eventTime[position]!
      stamp.createdTime = createdTime[position]!
      stamp.sequenceTime = sequenceTime[position]!
      stamp.sequenceOrigin = originTexts[origins[position]!]!
      stamp.sequenceIndex = sequenceIndex[position]!
      for (let column = 0; column < inputs.length; column++)
        event.inputs[column] = vectorValue(inputs[column]!, position)
      return event
    },
  }
}

/** Bytes of one event in the arrays. */
function eventWidth(types: readonly ValueType[]): number {
  return 4 + STAMP_NUMBERS.length * 8 + 4 + types.length * (8 + 1)
}

function makeRoom(events: EventColumns, count: number): void {
  if (count <= events.room) return
  const room = Math.max(count, Math.min(Math.ceil(events.room * ROOM_GROWTH), events.roomMax))
  events.room = room
  for (const name of STAMP_NUMBERS) events.stamps[name] = growArray(events.stamps[name], room)
  for (const input of events.inputs) {
    input.values = growValues(input.values, room)
    input.nulls = growArray(input.nulls, room)
  }
  events.keys = growArray(events.keys, room)
  events.origins = growArray(events.origins, room)
}

const ROOM_GROWTH = 1.5

function moveUp(column: Int32Array | Uint8Array, kept: Int32Array): void {
  for (let at = 0; at < kept.length; at++) column[at] = column[kept[at]!]!
}

function originNumber(events: EventColumns, text: string): number {
  const known = events.originByText.get(text)
  if (known !== undefined) return known
  events.textBytes += valueBytes(text)
  events.originByText.set(text, events.originTexts.length)
  return events.originTexts.push(text) - 1
}

function countTexts(events: EventColumns, from: number): void {
  for (const { values, nulls } of events.inputs) {
    if (!Array.isArray(values)) continue
    for (let at = from; at < events.count; at++)
      if (nulls[at] === 0) events.textBytes += valueBytes(values[at]!)
  }
}
