import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StampOrder } from '../../../src/core/row.ts'
import type { Value, ValueType } from '../../../src/core/value.ts'
import { vectorOfValues } from '../../../src/core/vector.ts'
import {
  addEvents,
  clearEvents,
  createEventColumns,
  type EventColumns,
  heldBytes,
  keepEvents,
  listEvents,
} from '../../../src/core/window/event-columns.ts'
import { orderEvents } from '../../../src/core/window/order-events.ts'
import { inputsOf, orders } from '../aggregate/inputs.ts'

/** The last is the event's id. */
const TYPES: readonly ValueType[] = ['int64', 'float64', 'timestamp', 'bytes', 'list<string>', 'string']
const ID = TYPES.length - 1
const KEY_COUNT = 3
const ids: fc.Arbitrary<Value> = fc.constantFrom('a', 'b', null)

interface Row {
  readonly key: number
  readonly stamp: StampOrder
  readonly inputs: readonly Value[]
}

/** Few times, origins, indexes and ids, so that an event often comes again: as it was logged, or under its id. */
const rowsOf = (maxLength: number): fc.Arbitrary<Row[]> =>
  fc.array(
    fc.record({
      key: fc.integer({ min: 0, max: KEY_COUNT - 1 }),
      stamp: fc
        .tuple(orders, fc.integer({ min: 0, max: 2 }))
        .map(([order, sequenceIndex]): StampOrder => ({ ...order, sequenceIndex })),
      inputs: fc.tuple(...TYPES.map((type, at) => (at === ID ? ids : fc.option(inputsOf(type))))),
    }),
    { maxLength, size: 'max' },
  )

/** Adds the rows at these positions of one batch. */
function add(events: EventColumns, rows: readonly Row[], positions: readonly number[]): void {
  const column = (name: keyof StampOrder) => Float64Array.from(rows, ({ stamp }) => Number(stamp[name]))
  addEvents(
    events,
    {
      keys: Int32Array.from(rows, ({ key }) => key),
      stamps: {
        eventTime: column('eventTime'),
        createdTime: column('createdTime'),
        sequenceTime: column('sequenceTime'),
        sequenceOrigin: rows.map(({ stamp }) => stamp.sequenceOrigin),
        sequenceIndex: column('sequenceIndex'),
      },
      inputs: TYPES.map((type, at) =>
        vectorOfValues(
          type,
          rows.map(({ inputs }) => inputs[at]!),
        ),
      ),
    },
    Int32Array.from(positions),
  )
}

const all = (rows: readonly Row[]) => rows.map((_, at) => at)

/** By the letter of S5 and S9: a row that was at the door before, as it is or under its id, is looked for among all. */
function oracle(rows: readonly Row[], key: number, options: typeof OPTIONS): Omit<Row, 'key'>[] {
  const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  const byDoor = ({ stamp: a }: Row, { stamp: b }: Row) =>
    a.eventTime - b.eventTime ||
    a.sequenceTime - b.sequenceTime ||
    compareText(a.sequenceOrigin, b.sequenceOrigin) ||
    a.sequenceIndex - b.sequenceIndex
  const isSame = (a: Row, b: Row) =>
    byDoor(a, b) === 0 ||
    (options.hasEventId &&
      a.stamp.eventTime === b.stamp.eventTime &&
      a.inputs[ID] !== null &&
      a.inputs[ID] === b.inputs[ID])
  const own = rows.filter((row) => row.key === key).toSorted(byDoor)
  const once: Row[] = []
  for (const row of own) if (!once.some((before) => isSame(before, row))) once.push(row)
  const available = ({ stamp }: Row) => Math.max(stamp.eventTime, stamp.createdTime)
  if (options.isKnowledgeCutoff) once.sort((a, b) => available(a) - available(b))
  return once.map(({ stamp, inputs }) => ({ stamp, inputs }))
}

const OPTIONS = { hasEventId: true, isKnowledgeCutoff: true }
const arbitraryOptions = fc.record({ hasEventId: fc.boolean(), isKnowledgeCutoff: fc.boolean() })

function ordered(events: EventColumns, keyEnd: number, options: typeof OPTIONS) {
  const { order, starts } = orderEvents(events, { keyStart: 0, keyEnd, ...options })
  return Array.from({ length: keyEnd }, (_, key) => {
    const list = listEvents(events, order.subarray(starts[key]!, starts[key + 1]!))
    const found: Omit<Row, 'key'>[] = []
    for (let place = 0; ; place++) {
      const event = list.at(place)
      if (event === undefined) return found
      found.push({ stamp: { ...event.stamp }, inputs: [...event.inputs] })
    }
  })
}

test('events by column come as the plain oracle orders them: ties, repeats, ids, knowledge (S5, S6, S9)', () => {
  // Room for all of the second call is there from the first.
  const events = createEventColumns(TYPES, 1_000_000)
  fc.assert(
    fc.property(rowsOf(60), rowsOf(20), arbitraryOptions, (first, second, options) => {
      clearEvents(events)
      add(events, first, all(first))
      add(events, second, all(second))
      const found = ordered(events, KEY_COUNT, options)
      for (const [key, own] of found.entries())
        expect(own, `key ${key}`).toEqual(oracle([...first, ...second], key, options))
    }),
    { numRuns: 200 },
  )
})

test('events that are let go leave nothing: neither rows, nor the bytes of their texts', () => {
  fc.assert(
    fc.property(rowsOf(30), rowsOf(20), arbitraryOptions, (first, second, options) => {
      const events = createEventColumns(TYPES, 1_000_000)
      const left = (rows: readonly Row[]) => all(rows).filter((at) => rows[at]!.key < 2)
      add(events, first, all(first))
      keepEvents(events, Int32Array.from(left(first)))
      add(events, second, left(second))
      const alone = createEventColumns(TYPES, 1_000_000)
      for (const rows of [first, second]) add(alone, rows, left(rows))
      expect(heldBytes(events)).toBe(heldBytes(alone))
      const found = ordered(events, 2, options)
      expect(found).toEqual(ordered(alone, 2, options))
      for (const [key, own] of found.entries())
        expect(own).toEqual(oracle([...first, ...second], key, options))
    }),
    { numRuns: 100 },
  )
})

test('bytes held count texts, lists and origins by their length, and numbers by their arrays', () => {
  const events = createEventColumns(['string', 'int64'], 1_000)
  const stamps = {
    eventTime: new Float64Array(2),
    createdTime: new Float64Array(2),
    sequenceTime: new Float64Array(2),
    sequenceOrigin: ['one push', 'one push'],
    sequenceIndex: new Float64Array(2),
  }
  const inputs = [
    { values: ['x'.repeat(1_000), 'never read'], nulls: Uint8Array.of(0, 1) },
    { values: new BigInt64Array(2), nulls: undefined },
  ]
  addEvents(events, { keys: new Int32Array(2), stamps, inputs }, Int32Array.of(0, 1))
  const numbers = 2 * (4 + 4 * 8 + 4 + 2 * 9)
  expect(heldBytes(events)).toBe(numbers + (24 + 2 * 8) + (24 + 2 * 1_000))
  clearEvents(events)
  expect(heldBytes(events)).toBe(0)
})
