import { hash128 } from '../hash.ts'
import { formatRadix64, parseRadix64, parseRadix64Digit, radix64Digit } from '../radix64.ts'
import type { ValueType } from '../value.ts'
import type { Aggregator } from './aggregator.ts'
import { encodeDistinct } from './count-distinct.ts'

/** Bits of the hash that choose a register: two characters of text hold an index, one holds a rank. */
const INDEX_BITS = 12
const REGISTER_COUNT = 2 ** INDEX_BITS
/** Standard error, relative: 1.04 / sqrt(registers) = 1.6 %. */
export const DISTINCT_STANDARD_ERROR = 1.04 / Math.sqrt(REGISTER_COUNT)
/** Bits of the hash that make a rank. */
const RANK_BITS = 64 - INDEX_BITS
const ENTRY_CHARS = 3
/** Raised registers kept by index: about what fits the memory of all registers, one byte each. */
const SPARSE_MAX = 100
/** Raised registers up to which text by index is shorter than one character for each register. */
const SPARSE_TEXT_MAX = Math.floor(REGISTER_COUNT / ENTRY_CHARS)

/**
 * The greatest rank seen by each register, 0 for none: by index while few are raised, one byte for each register
 * beyond. What is kept depends on the set of inputs alone, never on their order or number.
 */
type Registers = Map<number, number> | Uint8Array

/**
 * HyperLogLog of 4,096 registers over the 64-bit hash of the input's text.
 * Source: Flajolet et al., "HyperLogLog", 2007; the estimate is Ertl's, "New cardinality estimation algorithms for
 * HyperLogLog sketches", 2017, algorithm 6, which has no bias to correct by tables, for small sets either.
 */
export function createApproxCountDistinct(inputType: ValueType): Aggregator<Registers> {
  return {
    stateId: 'hyperloglog',
    outputType: 'int64',
    create: () => new Map(),
    update(state, input) {
      const [high, low] = hash128(encodeDistinct(inputType, input))
      return raiseRegister(state, high >>> (32 - INDEX_BITS), rankOf((high << INDEX_BITS) >>> 0, low))
    },
    merge(state, other) {
      let merged = state
      other.forEach((rank, index) => {
        if (rank > 0) merged = raiseRegister(merged, index, rank)
      })
      return merged
    },
    finish(state) {
      const isEmpty = !(state instanceof Uint8Array) && state.size === 0
      return isEmpty ? null : BigInt(Math.round(estimate(countRanks(state))))
    },
    encode: encodeRegisters,
    decode: decodeRegisters,
  }
}

/** One more than the zeros that lead the 52 bits: the top 20 of `high`, then `low`. */
function rankOf(high: number, low: number): number {
  const zeros = high !== 0 ? Math.clz32(high) : 32 - INDEX_BITS + Math.clz32(low)
  return zeros + 1
}

function raiseRegister(state: Registers, index: number, rank: number): Registers {
  if (state instanceof Uint8Array) {
    if (rank > state[index]!) state[index] = rank
    return state
  }
  if (rank > (state.get(index) ?? 0)) state.set(index, rank)
  if (state.size <= SPARSE_MAX) return state
  const dense = new Uint8Array(REGISTER_COUNT)
  for (const [raised, best] of state) dense[raised] = best
  return dense
}

/** How many registers hold each rank, 0 included. */
function countRanks(state: Registers): number[] {
  const counts = new Array<number>(RANK_BITS + 2).fill(0)
  if (!(state instanceof Uint8Array)) counts[0] = REGISTER_COUNT - state.size
  state.forEach((rank) => {
    counts[rank]!++
  })
  return counts
}

function estimate(counts: readonly number[]): number {
  let sum = REGISTER_COUNT * tau(1 - counts[RANK_BITS + 1]! / REGISTER_COUNT)
  for (let rank = RANK_BITS; rank >= 1; rank--) sum = (sum + counts[rank]!) / 2
  sum += REGISTER_COUNT * sigma(counts[0]! / REGISTER_COUNT)
  return REGISTER_COUNT ** 2 / (2 * Math.LN2) / sum
}

/** What registers never raised contribute: x + Σ x^(2^k) 2^(k-1). */
function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY
  let [power, weight, sum, before] = [share, 1, share, -1]
  while (sum !== before) {
    before = sum
    power *= power
    sum += power * weight
    weight *= 2
  }
  return sum
}

/** What registers at their greatest rank lack: (1 - x - Σ (1 - x^(2^-k))^2 2^-k) / 3. */
function tau(share: number): number {
  if (share === 0 || share === 1) return 0
  let [root, weight, sum, before] = [share, 1, 1 - share, -1]
  while (sum !== before) {
    before = sum
    root = Math.sqrt(root)
    weight /= 2
    sum -= (1 - root) ** 2 * weight
  }
  return sum / 3
}

function encodeRegisters(state: Registers): string {
  const raised: [index: number, rank: number][] = []
  state.forEach((rank, index) => {
    if (rank > 0) raised.push([index, rank])
  })
  if (state instanceof Uint8Array && raised.length > SPARSE_TEXT_MAX) {
    return Array.from(state, radix64Digit).join('')
  }
  return raised
    .sort(([a], [b]) => a - b)
    .map(([index, rank]) => formatRadix64(index, 2) + radix64Digit(rank))
    .join('')
}

function decodeRegisters(text: string): Registers {
  if (text.length === REGISTER_COUNT) {
    return Uint8Array.from(text, (_, at) => parseRadix64Digit(text, at))
  }
  let state: Registers = new Map()
  for (let at = 0; at < text.length; at += ENTRY_CHARS) {
    state = raiseRegister(state, parseRadix64(text, at, 2), parseRadix64Digit(text, at + 2))
  }
  return state
}
