// Tiled windows against the naive oracle, which recomputes every value from the raw events (S17 to S20).
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { finishWindows } from '../../../src/core/window/finish-windows.ts'
import { decodeTiles, encodeTiles } from '../../../src/core/window/tile-text.ts'
import {
  addEvent,
  createTiles,
  deleteThrough,
  dropOldTiles,
  mergeTiles,
  type Tiles,
} from '../../../src/core/window/tiles.ts'
import { planWindows, projectPlan } from '../../../src/core/window/window-plan.ts'
import {
  DAY,
  edgeTimes,
  expectAsOracle,
  type HistoryEvent,
  HOUR,
  histories,
  inOrder,
  MIDNIGHT,
  MINUTE,
  PLAN,
} from './histories.ts'

function tilesOf(events: readonly HistoryEvent[]): Tiles {
  const tiles = createTiles(PLAN)
  for (const event of events) addEvent(PLAN, tiles, event)
  return tiles
}

/** Instants from which no event is ahead: at the newest, on edges after it and far in the future. */
function instantsAfter(events: readonly HistoryEvent[], times: readonly number[]): number[] {
  const newest = Math.max(MIDNIGHT - 13 * DAY, ...events.map(({ stamp }) => stamp.eventTime))
  return [newest, newest + 1, ...times.filter((time) => time >= newest), newest + 400 * DAY]
}

const instants = fc.array(
  fc.tuple(edgeTimes, fc.constantFrom(0, 0, 1, 7, 12, 13)).map(([time, days]) => time + days * DAY),
  { maxLength: 4 },
)

test('tiled windows equal the plain recomputation, in whatever order events arrive (S7, S17, S19, S20)', () => {
  fc.assert(
    fc.property(histories, instants, (events, times) => {
      const tiles = tilesOf(events)
      for (const at of instantsAfter(events, times))
        expectAsOracle(finishWindows(PLAN, tiles, at), events, at)
    }),
    { numRuns: 60 },
  )
})

test('a window moves on without new events, hop by hop (S17, S18)', () => {
  fc.assert(
    fc.property(histories, fc.constantFrom(MINUTE, 5 * MINUTE, HOUR, 7 * HOUR, DAY), (events, step) => {
      const tiles = tilesOf(events)
      const [start] = instantsAfter(events, [])
      for (let hops = 0; hops < 14; hops++) {
        for (const at of [start! + hops * step - (hops > 0 ? 1 : 0), start! + hops * step]) {
          expectAsOracle(finishWindows(PLAN, tiles, at), events, at)
        }
      }
    }),
    { numRuns: 10 },
  )
})

test('what was merged from partial tiles equals what was counted at once (S20)', () => {
  fc.assert(
    fc.property(histories, fc.nat(40), fc.nat(40), (events, one, other) => {
      const [first, second] = [Math.min(one, other), Math.max(one, other)]
      const tiles = tilesOf(events.slice(0, first))
      mergeTiles(PLAN, tiles, tilesOf(events.slice(second)))
      const middle = tilesOf(events.slice(first, second))
      const before = encodeTiles(PLAN, middle)
      mergeTiles(PLAN, tiles, middle)
      expect(encodeTiles(PLAN, middle)).toBe(before)
      const [at] = instantsAfter(events, [])
      expectAsOracle(finishWindows(PLAN, tiles, at!), events, at!)
    }),
    { numRuns: 60 },
  )
})

test('dropping old tiles and adding events too old to count change no window from then on (S9, S17)', () => {
  fc.assert(
    fc.property(histories, histories, instants, (events, late, times) => {
      const tiles = tilesOf(events)
      const [now, ...later] = instantsAfter([...events, ...late], times)
      dropOldTiles(PLAN, tiles, now!)
      const all = [...events, ...late.map((event, at) => withIndex(event, 100 + at))]
      for (const event of all.slice(events.length)) addEvent(PLAN, tiles, event)
      for (const at of [now!, ...later]) expectAsOracle(finishWindows(PLAN, tiles, at), all, at)
    }),
    { numRuns: 60 },
  )
})

test('dropping leaves no more tiles than the longest window has hops (S17)', () => {
  const plan = planWindows([{ name: 'a', function: 'count', input: 0, inputType: 'int64', windows: ['1h'] }])
  const tiles = createTiles(plan)
  for (let minute = 0; minute < 600; minute++) {
    const eventTime = MIDNIGHT + minute * MINUTE
    const stamp = { eventTime, createdTime: 0, sequenceTime: 0, sequenceOrigin: 'p', sequenceIndex: minute }
    addEvent(plan, tiles, { stamp, inputs: [1n] })
    dropOldTiles(plan, tiles, eventTime)
    expect(tiles.series[0]!.starts.length).toBeLessThanOrEqual(13)
  }
})

test('a deletion that cuts no tile hides exactly the events at or before it, late ones too (S10)', () => {
  fc.assert(
    fc.property(histories, edgeTimes, fc.nat(40), (events, deletionTime, cut) => {
      const tiles = tilesOf(events.slice(0, cut))
      const deletion = deleteThrough(tiles, deletionTime)
      for (const event of events.slice(cut)) addEvent(PLAN, tiles, event)
      const reread = decodeTiles(PLAN, encodeTiles(PLAN, tiles))
      const alive = events.filter(({ stamp }) => stamp.eventTime > deletionTime)
      const [at] = instantsAfter(events, [])
      const finished = finishWindows(PLAN, reread, at!)
      if (deletion === 'clean') expectAsOracle(finished, alive, at!)
      else expect(new Set(finished.statuses)).toEqual(new Set(['error']))
    }),
    { numRuns: 100 },
  )
})

test('a deletion between the events of one tile straddles it, and only then (S10)', () => {
  const events = (times: readonly number[]) =>
    times.map(
      (eventTime, sequenceIndex): HistoryEvent => ({
        stamp: { eventTime, createdTime: 0, sequenceTime: 0, sequenceOrigin: 'p', sequenceIndex },
        inputs: [1n, 1, 'a', true, 1],
      }),
    )
  const [first, last] = [MIDNIGHT + MINUTE, MIDNIGHT + 3 * MINUTE]
  const deletionAt = (time: number) => deleteThrough(tilesOf(events([first, last])), time)
  expect(deletionAt(first - 1)).toBe('clean')
  expect(deletionAt(first)).toBe('straddles')
  expect(deletionAt(last - 1)).toBe('straddles')
  expect(deletionAt(last)).toBe('clean')
})

test('merged tiles keep the later deletion and what it hides (S10)', () => {
  fc.assert(
    fc.property(histories, edgeTimes, edgeTimes, (events, one, other) => {
      const [early, late] = [Math.min(one, other), Math.max(one, other)]
      const cut = Math.floor(events.length / 2)
      const [left, right] = [tilesOf(events.slice(0, cut)), tilesOf(events.slice(cut))]
      const aliveLeft = events.slice(0, cut).filter(({ stamp }) => stamp.eventTime > early)
      const deletions = [deleteThrough(left, early), deleteThrough(right, late)]
      deletions.push(deleteThrough(tilesOf(aliveLeft), late))
      mergeTiles(PLAN, left, right)
      expect(left.deletedThrough).toBe(late)
      expect(left.needsRebuild).toBe(deletions.includes('straddles'))
      const [at] = instantsAfter(events, [])
      const alive = events.filter(({ stamp }) => stamp.eventTime > late)
      if (!left.needsRebuild) expectAsOracle(finishWindows(PLAN, left, at!), alive, at!)
    }),
    { numRuns: 60 },
  )
})

test('encodeTiles() and decodeTiles() are exact inverses in ASCII on one line', () => {
  fc.assert(
    fc.property(histories, fc.option(edgeTimes), fc.boolean(), (events, deletionTime, isDropped) => {
      const tiles = tilesOf(inOrder(events))
      if (deletionTime !== null) deleteThrough(tiles, deletionTime)
      if (isDropped) dropOldTiles(PLAN, tiles, MIDNIGHT)
      const text = encodeTiles(PLAN, tiles)
      expect(text).toMatch(/^[\x20-\x7e]*$/)
      const decoded = decodeTiles(PLAN, text)
      expect(timesOf(decoded)).toStrictEqual(timesOf(tiles))
      expect(finishWindows(PLAN, decoded, MIDNIGHT + HOUR)).toEqual(
        finishWindows(PLAN, tiles, MIDNIGHT + HOUR),
      )
      expect(encodeTiles(PLAN, decoded)).toBe(text)
    }),
    { numRuns: 100 },
  )
})

test('a projection reads the features it names as the whole plan does, and decodes no others (S29)', () => {
  const outputs = fc.array(fc.nat(PLAN.outputs.length - 1), { maxLength: 6 })
  fc.assert(
    fc.property(histories, outputs, (events, wanted) => {
      const tiles = tilesOf(events)
      const [at] = instantsAfter(events, [])
      const whole = finishWindows(PLAN, tiles, at!)
      const projection = projectPlan(PLAN, wanted)
      const projected = decodeTiles(projection, encodeTiles(PLAN, tiles))
      const finished = finishWindows(projection, projected, at!)
      expect(projection.outputs).toEqual(wanted.map((output) => PLAN.outputs[output]))
      expect(finished.cells).toEqual(wanted.map((output) => whole.cells[output]))
      expect(finished.statuses).toEqual(wanted.map((output) => whole.statuses[output]))
      expect(finished.eventTimes).toEqual(wanted.map((output) => whole.eventTimes[output]))
      const decoded = projected.series.flatMap(({ columns }) => columns.filter((states) => states.length > 0))
      expect(decoded.length).toBeLessThanOrEqual(wanted.length)
    }),
  )
})

test('decodeTiles() refuses the text of another plan', () => {
  expect(() => decodeTiles(PLAN, ';;')).toThrow('Cannot read tiles: it has 3 parts')
})

test('the stored form of tiles stays as it is (golden)', () => {
  const plan = planWindows([
    { name: 'n', function: 'count', input: 0, inputType: 'int64', windows: ['1h', '7d'] },
    { name: 's', function: 'sum', input: 0, inputType: 'int64', windows: ['7d'] },
    { name: 'm', function: 'mean', input: 0, inputType: 'int64', windows: ['7d'] },
    { name: 'f', function: 'first', input: 1, inputType: 'string', windows: ['1h'] },
  ])
  const tiles = createTiles(plan)
  ;[0, 1, 5, 61].forEach((minute, sequenceIndex) => {
    const eventTime = MIDNIGHT + minute * MINUTE
    const stamp = {
      eventTime,
      createdTime: eventTime,
      sequenceTime: eventTime + 9,
      sequenceOrigin: 'push',
      sequenceIndex,
    }
    addEvent(plan, tiles, { stamp, inputs: [BigInt(minute), minute === 1 ? null : 'a|b'] })
  })
  deleteThrough(tiles, MIDNIGHT - 1)
  expect(encodeTiles(plan, tiles)).toMatchInlineSnapshot(
    `"hfcizbpbzz;3ig00.2.a.1;AAAAAAAAAADk4cA;Dk4cAAAAAADk4cA;2|1|1;"a\\u007cb"~hfcizbpc00~0~9~"push"~0|"a\\u007cb"~hfcj4abdhc~0~9~"push"~2|"a\\u007cb"~hfcknuru2o~0~9~"push"~3;ajc0.2;AAAAAAADk4cA;AR4aMAADk4cA;3|1;3~6|1~61"`,
  )
})

/** All but the states, whose parts may differ where what they say does not. */
function timesOf({ series, ...head }: Tiles) {
  return { ...head, series: series.map(({ starts, firsts, lasts }) => ({ starts, firsts, lasts })) }
}

function withIndex(event: HistoryEvent, sequenceIndex: number): HistoryEvent {
  return { ...event, stamp: { ...event.stamp, sequenceIndex } }
}
