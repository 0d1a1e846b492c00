import type { Aggregator } from './aggregator.ts'
import { PART } from './state-text.ts'

/** Greatest relative error of a quantile, for magnitudes from 2^-1022 on. */
export const QUANTILE_RELATIVE_ERROR = 0.01

/** Each bin's upper bound is GAMMA times its lower one. */
const GAMMA = (1 + QUANTILE_RELATIVE_ERROR) / (1 - QUANTILE_RELATIVE_ERROR)
const LOG_GAMMA = Math.log(GAMMA)
/** Lifts the exponent of the smallest float64 above 0, so that a bin's sign is that of its inputs. */
const EXPONENT_OFFSET = 37_300
/** Bins above every finite one. */
const INFINITY_BIN = 80_000
const NAN_BIN = INFINITY_BIN + 1

/**
 * How many inputs fell in each bin. Bins are numbered in the order of the values they hold, 0 holding 0. None is ever
 * collapsed, for what would be left then depends on the order; a factor of 10 in magnitude takes 115 of them.
 */
type Bins = Map<number, number>

/**
 * The input of rank floor(q (n - 1)), within 1 %, NaN counting as greatest.
 * Source: Masson, Rim, Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", 2019.
 */
export function createApproxQuantile(quantile: number): Aggregator<Bins> {
  return {
    stateId: 'ddsketch',
    outputType: 'float64',
    create: () => new Map(),
    update: (state, input) => addToBin(state, binOf(Number(input)), 1),
    merge(state, other) {
      for (const [bin, count] of other) addToBin(state, bin, count)
      return state
    },
    finish(state) {
      let total = 0
      for (const count of state.values()) total += count
      if (total === 0) return null
      let below = Math.floor(quantile * (total - 1))
      for (const bin of sortedBins(state)) {
        const count = state.get(bin)!
        if (below < count) return binValue(bin)
        below -= count
      }
      return null
    },
    encode: encodeBins,
    decode: decodeBins,
  }
}

function addToBin(state: Bins, bin: number, count: number): Bins {
  return state.set(bin, (state.get(bin) ?? 0) + count)
}

function binOf(value: number): number {
  if (Number.isNaN(value)) return NAN_BIN
  if (value === 0) return 0
  const magnitude = Math.abs(value)
  const bin =
    magnitude === Number.POSITIVE_INFINITY
      ? INFINITY_BIN
      : Math.ceil(Math.log(magnitude) / LOG_GAMMA) + EXPONENT_OFFSET
  return value < 0 ? -bin : bin
}

/** The value no input of the bin is further from than the error allows: 2 γ^k / (γ + 1). */
function binValue(bin: number): number {
  if (bin === NAN_BIN) return Number.NaN
  if (bin === 0) return 0
  const exponent = Math.abs(bin) - EXPONENT_OFFSET
  const magnitude =
    Math.abs(bin) === INFINITY_BIN
      ? Number.POSITIVE_INFINITY
      : Math.min(Math.exp(exponent * LOG_GAMMA + Math.log(2 / (GAMMA + 1))), Number.MAX_VALUE)
  return bin < 0 ? -magnitude : magnitude
}

function sortedBins(state: Bins): Int32Array {
  return Int32Array.from(state.keys()).sort()
}

/** Rising bins in base 36, each as the distance from the one before; counts above 1 follow a colon. */
function encodeBins(state: Bins): string {
  let before = 0
  return Array.from(sortedBins(state), (bin) => {
    const step = (bin - before).toString(36)
    before = bin
    const count = state.get(bin)!
    return count === 1 ? step : `${step}:${count.toString(36)}`
  }).join(PART)
}

function decodeBins(text: string): Bins {
  const state: Bins = new Map()
  let bin = 0
  for (const part of text === '' ? [] : text.split(PART)) {
    const colon = part.indexOf(':')
    bin += Number.parseInt(colon < 0 ? part : part.slice(0, colon), 36)
    state.set(bin, colon < 0 ? 1 : Number.parseInt(part.slice(colon + 1), 36))
  }
  return state
}
