// States stand in stored blocks: what is written here can be read only as long as these texts stay as they are.
import { expect, test } from 'vitest'
import {
  AGGREGATION_FUNCTIONS,
  type AggregationFunction,
  PARAMETER_DEFAULTS,
  PROPERTIES_BY_FUNCTION,
} from '../../../src/core/aggregate/aggregation-function.ts'
import type { Input } from '../../../src/core/aggregate/aggregator.ts'
import type { ValueType } from '../../../src/core/value.ts'

const INPUTS: readonly { type: ValueType; inputs: readonly Input[] }[] = [
  { type: 'int64', inputs: [5n, -3n, 9_007_199_254_740_993n] },
  { type: 'float64', inputs: [0.1, -2.5, 1e3] },
  { type: 'string', inputs: ['a|b', 'é', 'a|b'] },
]

test.each(INPUTS)('the stored forms of states of $type stay as they are (golden)', ({ type, inputs }) => {
  const encode = (name: AggregationFunction) => {
    const aggregator = PROPERTIES_BY_FUNCTION[name].create(type, { ...PARAMETER_DEFAULTS, n: 2 })
    const state = inputs.reduce<unknown>((before, input, at) => {
      const order = { eventTime: 1_000 + at, createdTime: 1_009, sequenceTime: 1_009, sequenceOrigin: 'p' }
      return aggregator.update(before, input, { ...order, sequenceIndex: at })
    }, aggregator.create())
    return aggregator.encode(state)
  }
  const accepting = AGGREGATION_FUNCTIONS.filter((name) =>
    PROPERTIES_BY_FUNCTION[name].inputTypes.includes(type),
  )
  const lines = accepting.map((name) => `${name} ${encode(name)}`)
  expect(`\n${lines.join('\n')}\n`).toMatchSnapshot()
})
