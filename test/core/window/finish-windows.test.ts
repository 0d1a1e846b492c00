import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  AGGREGATION_FUNCTIONS,
  PROPERTIES_BY_FUNCTION,
} from '../../../src/core/aggregate/aggregation-function.ts'
import { decodeValue, VALUE_TYPES } from '../../../src/core/value.ts'
import { createFinishedValues, finishValues, finishWindows } from '../../../src/core/window/finish-windows.ts'
import { addEvent, createTiles, deleteThrough } from '../../../src/core/window/tiles.ts'
import { planWindows } from '../../../src/core/window/window-plan.ts'
import { inputsOf } from '../aggregate/inputs.ts'
import { edgeTimes, HOUR, MIDNIGHT } from './histories.ts'

/** Every function over every type it takes, lists and bytes too. */
const PLAN = planWindows(
  AGGREGATION_FUNCTIONS.flatMap((name) =>
    PROPERTIES_BY_FUNCTION[name].inputTypes.map((inputType) => ({
      name: `${name}_${inputType}`,
      function: name,
      input: VALUE_TYPES.indexOf(inputType),
      inputType,
      windows: ['1h', '12h'],
    })),
  ),
)

const events = fc.array(
  fc.record({
    eventTime: edgeTimes,
    inputs: fc.tuple(...VALUE_TYPES.map((type) => fc.option(inputsOf(type)))),
  }),
  { maxLength: 20 },
)

test('finished values are what the served texts are read as: every float, int64, string, list and byte (S14-S16, S22)', () => {
  const finished = createFinishedValues(PLAN)
  fc.assert(
    fc.property(events, fc.option(edgeTimes), (rows, deletion) => {
      const tiles = createTiles(PLAN)
      rows.forEach(({ eventTime, inputs }, sequenceIndex) => {
        const stamp = { eventTime, createdTime: 0, sequenceTime: 0, sequenceOrigin: 'p', sequenceIndex }
        addEvent(PLAN, tiles, { stamp, inputs })
      })
      if (deletion !== null) deleteThrough(tiles, deletion)
      const texts = finishWindows(PLAN, tiles, MIDNIGHT + HOUR)
      finishValues(PLAN, tiles, MIDNIGHT + HOUR, finished)
      expect(finished.statuses).toEqual(texts.statuses)
      expect(finished.eventTimes).toEqual(texts.eventTimes)
      expect(finished.cells).toEqual(
        texts.cells.map((text, output) => decodeValue(PLAN.outputs[output]!.type, text)),
      )
    }),
    { numRuns: 100 },
  )
})
