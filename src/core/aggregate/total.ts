import { FeatureStoreError } from '../error.ts'
import { INT64_MAX, INT64_MIN, type ValueType } from '../value.ts'
import type { Aggregator } from './aggregator.ts'
import { addExact, decodeExact, type ExactSum, encodeExact, roundExact } from './exact-sum.ts'
import { PART } from './state-text.ts'

interface Total<Sum> {
  /** Inputs taken in: tells a sum of 0 from none, and divides the mean. */
  count: number
  sum: Sum
}

/** A number while it is exact, a bigint beyond: most sums never need the slower one. */
type Integer = number | bigint

/** Sum; over int64 exact, and an error where the result does not fit int64 (S20). */
export function createSum(inputType: ValueType): Aggregator {
  if (inputType === 'int64') {
    return {
      ...INTEGER_STATE,
      outputType: 'int64',
      finish: ({ count, sum }) => (count === 0 ? null : toInt64(sum)),
    }
  }
  return {
    ...FLOAT_STATE,
    outputType: 'float64',
    finish: ({ count, sum }) => (count === 0 ? null : roundExact(sum)),
  }
}

/** Arithmetic mean: the exact sum, rounded once, divided by the count. */
export function createMean(inputType: ValueType): Aggregator {
  if (inputType === 'int64') {
    return {
      ...INTEGER_STATE,
      outputType: 'float64',
      finish: ({ count, sum }) => (count === 0 ? null : Number(sum) / count),
    }
  }
  return {
    ...FLOAT_STATE,
    outputType: 'float64',
    finish: ({ count, sum }) => (count === 0 ? null : roundExact(sum) / count),
  }
}

type TotalState<Sum> = Omit<Aggregator<Total<Sum>>, 'outputType' | 'finish'>

const INTEGER_STATE: TotalState<Integer> = {
  stateId: 'total',
  create: () => ({ count: 0, sum: 0 }),
  update(state, input) {
    state.count++
    state.sum = addIntegers(state.sum, toInteger(input as bigint))
    return state
  },
  merge(state, other) {
    state.count += other.count
    state.sum = addIntegers(state.sum, other.sum)
    return state
  },
  encode: ({ count, sum }) => (count === 0 ? '' : `${count}${PART}${sum}`),
  decode(text) {
    if (text === '') return { count: 0, sum: 0 }
    const cut = text.indexOf(PART)
    const sum = Number(text.slice(cut + 1))
    return {
      count: parseCount(text, cut),
      sum: Number.isSafeInteger(sum) ? sum : BigInt(text.slice(cut + 1)),
    }
  },
}

const FLOAT_STATE: TotalState<ExactSum> = {
  stateId: 'total',
  create: () => ({ count: 0, sum: [] }),
  update(state, input) {
    state.count++
    addExact(state.sum, input as number)
    return state
  },
  merge(state, other) {
    state.count += other.count
    for (const part of other.sum) addExact(state.sum, part)
    return state
  },
  encode: ({ count, sum }) => (count === 0 ? '' : `${count}${PART}${encodeExact(sum)}`),
  decode(text) {
    if (text === '') return { count: 0, sum: [] }
    const cut = text.indexOf(PART)
    return { count: parseCount(text, cut), sum: decodeExact(text, cut + 1) }
  },
}

/** The digits before `end`: `Number` of a piece of text takes several times as long. */
function parseCount(text: string, end: number): number {
  let count = 0
  for (let at = 0; at < end; at++) count = count * 10 + (text.charCodeAt(at) - ZERO)
  return count
}

const ZERO = 0x30

function addIntegers(a: Integer, b: Integer): Integer {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b
    if (Number.isSafeInteger(sum)) return sum
  }
  return toInteger(BigInt(a) + BigInt(b))
}

function toInteger(value: bigint): Integer {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
}

function toInt64(sum: Integer): bigint {
  const value = BigInt(sum)
  if (value < INT64_MIN || value > INT64_MAX) {
    throw new FeatureStoreError('invalid_argument', `Cannot finish sum: ${value} does not fit int64`)
  }
  return value
}
