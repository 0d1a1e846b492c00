import type { Value, ValueType } from '../../src/core/value.ts'

/** One accepted row of one key, as plainly as it can be said. */
export interface OracleEvent {
  readonly eventTime: number
  readonly createdTime: number
  /** Place among rows of equal event and created time; unique. */
  readonly sequence: number
  readonly value: Value
}

export interface OracleWindow {
  readonly function: string
  readonly inputType: ValueType
  readonly windowUs: number
  /** Null: by S17. */
  readonly hopUs: number | null
  readonly n: number
  readonly quantile: number
  readonly maxDistinct: number
}

export interface OracleResult {
  readonly value: Value
  readonly status: 'present' | 'null' | 'error'
  readonly eventTime: number | null
  /** What a float result may differ by (S22, or the sketch's stated bound); 0 where it must be the same. */
  readonly tolerance: number
}

const SECOND = 1_000_000
const HOUR = 3_600 * SECOND

/** A window at `at` by the letter of S17 to S20: every row is looked at, nothing is merged. */
export function oracleWindow(events: readonly OracleEvent[], window: OracleWindow, at: number): OracleResult {
  const hop = window.hopUs ?? oracleHop(window.windowUs)
  const tail = at - window.windowUs - modulo(at - window.windowUs, hop)
  const covered = events
    .filter(({ eventTime }) => eventTime >= tail && eventTime <= at)
    .sort((a, b) => a.eventTime - b.eventTime || a.createdTime - b.createdTime || a.sequence - b.sequence)
  const values = covered.map(({ value }) => value).filter((value) => value !== null)
  const eventTime = covered.at(-1)?.eventTime ?? null
  const { value, tolerance = 0 } = oracleFunction(values, window)
  if (value === 'error') return { value: null, status: 'error', eventTime, tolerance }
  return { value, status: value === null ? 'null' : 'present', eventTime, tolerance }
}

/** The hop of S17. */
export function oracleHop(windowUs: number): number {
  if (windowUs < 12 * HOUR) return 300 * SECOND
  if (windowUs < 12 * 24 * HOUR) return HOUR
  return 24 * HOUR
}

type Outcome = { readonly value: Value | 'error'; readonly tolerance?: number }

function oracleFunction(values: readonly Value[], window: OracleWindow): Outcome {
  if (window.function === 'count') return { value: BigInt(values.length) }
  if (values.length === 0) return { value: null }
  const numbers = values.map(Number)
  const magnitudes = numbers.reduce((sum, value) => sum + Math.abs(value), 0)
  const sorted = values.toSorted(oracleOrder)
  const distinct = BigInt(new Set(values.map((value) => (value === 0 ? '0' : String(value)))).size)
  switch (window.function) {
    case 'sum':
      if (window.inputType === 'int64') {
        const sum = values.reduce<bigint>((total, value) => total + (value as bigint), 0n)
        return { value: sum === BigInt.asIntN(64, sum) ? sum : 'error' }
      }
      return { value: plainSum(numbers), tolerance: magnitudes * 1e-12 }
    case 'mean':
      return { value: plainSum(numbers) / values.length, tolerance: magnitudes * 1e-12 }
    case 'variance':
      return { value: plainVariance(numbers), tolerance: squaredMagnitudes(numbers) * 1e-12 }
    case 'stddev': {
      const variance = plainVariance(numbers)
      const tolerance = Math.sqrt(squaredMagnitudes(numbers)) * 1e-6
      return { value: variance === null ? null : Math.sqrt(variance), tolerance }
    }
    case 'min':
      return { value: sorted[0]! }
    case 'max':
      return { value: sorted.at(-1)! }
    case 'first':
      return { value: values[0]! }
    case 'last':
      return { value: values.at(-1)! }
    case 'first_n':
      return { value: values.slice(0, window.n) }
    case 'last_n':
      return { value: values.toReversed().slice(0, window.n) }
    case 'count_distinct':
      return { value: distinct > window.maxDistinct ? 'error' : distinct }
    case 'approx_count_distinct':
      // Six standard errors, and one for rounding.
      return { value: distinct, tolerance: Number(distinct) * 0.1 + 1 }
    case 'approx_quantile': {
      const exact = Number(sorted[Math.floor(window.quantile * (values.length - 1))])
      return { value: exact, tolerance: Math.abs(exact) * 0.0100001 }
    }
    default:
      throw new Error(`The oracle knows no ${window.function}`)
  }
}

function plainSum(numbers: readonly number[]): number {
  return numbers.reduce((sum, value) => sum + value, 0)
}

/** In two passes: the mean, then the distances from it. */
function plainVariance(numbers: readonly number[]): number | null {
  if (numbers.length < 2) return null
  const mean = plainSum(numbers) / numbers.length
  return plainSum(numbers.map((value) => (value - mean) ** 2)) / (numbers.length - 1)
}

function squaredMagnitudes(numbers: readonly number[]): number {
  return plainSum(numbers.map((value) => value * value))
}

/** DuckDB's order: NaN is greatest, strings by code points. */
function oracleOrder(a: Value, b: Value): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  if (Object.is(a, -0) !== Object.is(b, -0) && a === b) return Object.is(a, -0) ? -1 : 1
  if (typeof a !== 'string') return a! < b! ? -1 : a! > b! ? 1 : 0
  return Buffer.compare(Buffer.from(a), Buffer.from(b as string))
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor
}
