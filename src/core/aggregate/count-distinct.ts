import { FeatureStoreError } from '../error.ts'
import { splitCells, type ValueType } from '../value.ts'
import type { Aggregator, Input } from './aggregator.ts'
import { encodeStateValue } from './state-text.ts'

/** Texts of the distinct inputs; null once there are more than may be kept, which no merge undoes. */
type Distinct = Set<string> | null

/** Exact count of distinct inputs up to `distinctMax`; beyond it the value is an error, never a guess. */
export function createCountDistinct(inputType: ValueType, distinctMax: number): Aggregator<Distinct> {
  const add = (state: Distinct, text: string): Distinct =>
    state !== null && state.add(text).size <= distinctMax ? state : null
  return {
    stateId: `distinct ${distinctMax}`,
    outputType: 'int64',
    create: () => new Set(),
    update: (state, input) => add(state, encodeDistinct(inputType, input)),
    merge(state, other) {
      if (other === null) return null
      let merged = state
      for (const text of other) merged = add(merged, text)
      return merged
    },
    finish(state) {
      if (state === null) {
        throw new FeatureStoreError(
          'limit_exceeded',
          `Cannot finish count_distinct: there are more than max_distinct ${distinctMax} values`,
        )
      }
      return state.size === 0 ? null : BigInt(state.size)
    },
    encode: (state) => (state === null ? OVER : [...state].sort().join(',')),
    decode: (text) => (text === OVER ? null : new Set(splitCells(text))),
  }
}

const OVER = '!'

/** The text by which inputs are told apart: NaN is one value, and so are 0 and -0. */
export function encodeDistinct(inputType: ValueType, input: Input): string {
  return encodeStateValue(inputType, input === 0 ? 0 : input)
}
