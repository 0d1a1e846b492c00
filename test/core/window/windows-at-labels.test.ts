import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeValue } from '../../../src/core/value.ts'
import { type FinishedWindows, finishWindows } from '../../../src/core/window/finish-windows.ts'
import { addEvent, createTiles, dropOldTiles } from '../../../src/core/window/tiles.ts'
import { nextTailMove, planWindows, type WindowPlan } from '../../../src/core/window/window-plan.ts'
import { type LabelWindows, windowsAtLabels } from '../../../src/core/window/windows-at-labels.ts'
import {
  AGGREGATIONS,
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

const rising = (times: fc.Arbitrary<number>, maxLength: number) =>
  fc.array(times, { maxLength }).map((given) => given.sort((a, b) => a - b))
const labelTimes = rising(
  fc.oneof(
    edgeTimes,
    edgeTimes.map((time) => time + 12 * DAY),
  ),
  8,
)

test('each label sees what the plain recomputation gives at its time (S2, S17, S19, S20)', () => {
  fc.assert(
    fc.property(histories, labelTimes, (events, labels) => {
      const found = finishedAt(PLAN, { events: inOrder(events), labelTimes: labels })
      expect(found).toHaveLength(labels.length)
      labels.forEach((at, label) => {
        expectAsOracle(found[label]!, upTo(events, at), at)
      })
    }),
    { numRuns: 60 },
  )
})

test('a label sees what a get at its time would have shown, text by text (S22)', () => {
  fc.assert(
    fc.property(histories, labelTimes, (events, labels) => {
      const found = finishedAt(PLAN, { events: inOrder(events), labelTimes: labels })
      labels.forEach((at, label) => {
        const tiles = createTiles(PLAN)
        for (const event of upTo(events, at)) addEvent(PLAN, tiles, event)
        dropOldTiles(PLAN, tiles, at)
        const served = finishWindows(PLAN, tiles, at)
        expect(found[label]!.statuses).toEqual(served.statuses)
        expect(found[label]!.eventTimes).toEqual(served.eventTimes)
        expect(exactCells(found[label]!.cells)).toEqual(exactCells(served.cells))
      })
    }),
    { numRuns: 60 },
  )
})

test('a label at the very instant a tail moves sees the moved window (S17, S18)', () => {
  fc.assert(
    fc.property(histories, edgeTimes, (events, start) => {
      const labels = [start]
      for (let moves = 0; moves < 10; moves++) {
        const next = nextTailMove(PLAN, labels.at(-1)!)
        labels.push(next - 1, next)
      }
      const found = finishedAt(PLAN, { events: inOrder(events), labelTimes: labels })
      labels.forEach((at, label) => {
        expectAsOracle(found[label]!, upTo(events, at), at)
      })
    }),
    { numRuns: 15 },
  )
  const sparse = planWindows([
    { name: 'a', function: 'count', input: 0, inputType: 'int64', windows: ['1h'] },
  ])
  const stamp = { eventTime: MIDNIGHT, createdTime: 0, sequenceTime: 0, sequenceOrigin: '', sequenceIndex: 0 }
  const gone = MIDNIGHT + HOUR + 5 * MINUTE
  const events = [{ stamp, inputs: [1n] }]
  const cells = finishedAt(sparse, { events, labelTimes: [gone - 1, gone] }).map(({ cells }) => cells)
  expect(cells).toEqual([['1'], ['0']])
})

test('before a deletion a label sees the events, after it none at or before (S10)', () => {
  fc.assert(
    fc.property(histories, labelTimes, rising(edgeTimes, 3), (events, labels, deletions) => {
      const found = finishedAt(PLAN, { events: inOrder(events), labelTimes: labels, deletions })
      labels.forEach((at, label) => {
        const deleted = Math.max(Number.NEGATIVE_INFINITY, ...deletions.filter((time) => time <= at))
        const alive = upTo(events, at).filter(({ stamp }) => stamp.eventTime > deleted)
        expectAsOracle(found[label]!, alive, at)
      })
    }),
    { numRuns: 60 },
  )
})

test('under a knowledge cutoff a label counts only what was created by its time (S5)', () => {
  const delays = fc.constantFrom(0, 1, MINUTE, HOUR, 3 * DAY)
  const delayed = histories.chain((events) =>
    fc.array(delays, { minLength: events.length, maxLength: events.length }).map((waits) =>
      events.map(({ stamp, inputs }, at) => ({
        stamp: { ...stamp, createdTime: stamp.eventTime + waits[at]! },
        inputs,
      })),
    ),
  )
  fc.assert(
    fc.property(delayed, labelTimes, (events, labels) => {
      const byCreation = events.toSorted((a, b) => a.stamp.createdTime - b.stamp.createdTime)
      const found = finishedAt(PLAN, { events: byCreation, labelTimes: labels, isKnowledgeCutoff: true })
      labels.forEach((at, label) => {
        const known = events.filter(({ stamp }) => stamp.createdTime <= at)
        expectAsOracle(found[label]!, known, at)
      })
    }),
    { numRuns: 60 },
  )
})

test('events are read no further than the label needs', () => {
  const plan = planWindows([{ name: 'a', function: 'count', input: 0, inputType: 'int64', windows: ['1h'] }])
  let readCount = 0
  const minutes = {
    at(minute: number) {
      readCount++
      const eventTime = MIDNIGHT + minute * MINUTE
      const stamp = { eventTime, createdTime: 0, sequenceTime: 0, sequenceOrigin: '', sequenceIndex: minute }
      return { stamp, inputs: [1n] }
    },
  }
  const labelTimes = [MIDNIGHT + 100 * MINUTE, MIDNIGHT + 200 * MINUTE]
  const readCounts: number[] = []
  windowsAtLabels(plan, { events: minutes, labelTimes }, (_, { cells }) => {
    expect(cells).toEqual([61n])
    readCounts.push(readCount)
  })
  expect(readCounts).toEqual([102, 202])
})

/** What comes at each label, as the texts that are served. */
function finishedAt(plan: WindowPlan, given: LabelWindows): FinishedWindows[] {
  const found: FinishedWindows[] = []
  windowsAtLabels(plan, given, (label, { cells, statuses, eventTimes }) => {
    expect(label).toBe(found.length)
    const texts = cells.map((value, output) => encodeValue(plan.outputs[output]!.type, value))
    found.push({ cells: texts, statuses: [...statuses], eventTimes: [...eventTimes] })
  })
  return found
}

function upTo(events: readonly HistoryEvent[], at: number): HistoryEvent[] {
  return events.filter(({ stamp }) => stamp.eventTime <= at)
}

/** All cells but those of float moments, which S22 lets differ by rounding; the oracle bounds them. */
function exactCells(cells: readonly string[]): string[] {
  const isExact = AGGREGATIONS.flatMap((aggregation) =>
    aggregation.windows.map(() => !['variance', 'stddev'].includes(aggregation.function)),
  )
  return cells.filter((_, output) => isExact[output])
}
