import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  addEventId,
  createEventIds,
  decodeEventIds,
  dropOldEventIds,
  type EventIdentity,
  encodeEventIds,
  eventHour,
  isKnownEvent,
} from '../../../src/core/window/event-ids.ts'
import { finishWindows } from '../../../src/core/window/finish-windows.ts'
import { addEvent, createTiles } from '../../../src/core/window/tiles.ts'
import { oldestCounted } from '../../../src/core/window/window-plan.ts'
import { edgeTimes, expectAsOracle, HOUR, histories, MIDNIGHT, PLAN } from './histories.ts'

const identities: fc.Arbitrary<EventIdentity> = fc.record({
  eventId: fc.constantFrom('1', '"1"', 'a', 'a b', 'é'),
  key: fc.constantFrom('"x"', '"x","y"', '"x\\",\\"y"', '1'),
  eventTime: fc.constantFrom(0, -1, 1, HOUR - 1, HOUR),
})
const nameOf = ({ eventId, key, eventTime }: EventIdentity) => JSON.stringify([eventId, key, eventTime])

test('an event is its id, key and event time, and is taken once (S9)', () => {
  fc.assert(
    fc.property(fc.array(identities, { maxLength: 60 }), (events) => {
      const ids = createEventIds()
      const known = new Set<string>()
      for (const event of events) {
        expect(isKnownEvent(ids, event)).toBe(known.has(nameOf(event)))
        expect(addEventId(ids, event)).toBe(!known.has(nameOf(event)))
        known.add(nameOf(event))
      }
    }),
  )
})

test('ids survive being stored hour by hour (S9)', () => {
  fc.assert(
    fc.property(fc.array(identities, { maxLength: 60 }), (events) => {
      const [ids, reread] = [createEventIds(), createEventIds()]
      for (const event of events) addEventId(ids, event)
      for (const hour of ids.digestsByHour.keys()) decodeEventIds(reread, hour, encodeEventIds(ids, hour))
      expect(reread).toStrictEqual(ids)
      for (const event of events) expect(addEventId(reread, event)).toBe(false)
    }),
  )
})

test('an id is forgotten only when no window counts its event any more (S9, S17)', () => {
  fc.assert(
    fc.property(edgeTimes, edgeTimes, (eventTime, now) => {
      const ids = createEventIds()
      const event = { eventId: '1', key: '"x"', eventTime }
      addEventId(ids, event)
      const oldest = oldestCounted(PLAN, now)
      const dropped = dropOldEventIds(ids, oldest)
      if (eventTime >= oldest) expect(addEventId(ids, event)).toBe(false)
      else if (eventTime < oldest - HOUR) expect(dropped).toEqual([eventHour(eventTime)])
    }),
  )
})

test('windows count an event once, however often it is delivered (S9)', () => {
  fc.assert(
    fc.property(histories, fc.array(fc.nat(200), { maxLength: 30 }), (events, repeats) => {
      const ids = createEventIds()
      const tiles = createTiles(PLAN)
      const again = events.length === 0 ? [] : repeats.map((at) => events[at % events.length]!)
      for (const event of [...events, ...again]) {
        const { eventTime, sequenceIndex } = event.stamp
        const isNew = addEventId(ids, { eventId: String(sequenceIndex), key: '"x"', eventTime })
        if (isNew) addEvent(PLAN, tiles, event)
      }
      const now = Math.max(MIDNIGHT, ...events.map(({ stamp }) => stamp.eventTime))
      expectAsOracle(finishWindows(PLAN, tiles, now), events, now)
    }),
    { numRuns: 40 },
  )
})

test('the stored form of an id stays as it is (golden)', () => {
  const ids = createEventIds()
  addEventId(ids, { eventId: '7', key: '"ATL"', eventTime: MIDNIGHT })
  expect(encodeEventIds(ids, eventHour(MIDNIGHT))).toMatchInlineSnapshot(`"AH-iUSC1XNprABepe6Cf18Ux"`)
})
