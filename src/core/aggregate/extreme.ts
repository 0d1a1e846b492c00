import { decodeValue, type Value, type ValueType } from '../value.ts'
import type { Aggregator, Input } from './aggregator.ts'
import { compareValues } from './compare-values.ts'
import { encodeStateValue } from './state-text.ts'

/** Least input by `compareValues`. */
export function createMin(inputType: ValueType): Aggregator<Value> {
  return createExtreme('min', inputType, -1)
}

/** Greatest input by `compareValues`. */
export function createMax(inputType: ValueType): Aggregator<Value> {
  return createExtreme('max', inputType, 1)
}

function createExtreme(stateId: string, inputType: ValueType, sign: 1 | -1): Aggregator<Value> {
  const merge = (state: Value, other: Value): Value => {
    if (state === null || other === null) return state ?? other
    return compareValues(other as Input, state as Input) * sign > 0 ? other : state
  }
  return {
    stateId,
    outputType: inputType,
    create: () => null,
    update: merge,
    merge,
    finish: (state) => state,
    encode: (state) => (state === null ? '' : encodeStateValue(inputType, state)),
    decode: (text) => (text === '' ? null : decodeValue(inputType, text)),
  }
}
