import type { ValueType } from '../value.ts'
import type { Input } from './aggregator.ts'

/** Types with an order of their own: those of `min` and `max`. */
export const ORDERED_TYPES = [
  'bool',
  'int64',
  'float64',
  'string',
  'timestamp',
] as const satisfies readonly ValueType[]

/** DuckDB's order: strings by code points, NaN above all; and -0 below 0, so that equal is the same text. */
export function compareValues(a: Input, b: Input): number {
  if (typeof a === 'string') return compareCodePoints(a, b as string)
  if (a < b) return -1
  if (a > b) return 1
  if (typeof a !== 'number' || (a === b && a !== 0)) return 0
  return floatRank(a) - floatRank(b as number)
}

/** Among floats that `<` cannot tell apart. */
function floatRank(value: number): number {
  return Number.isNaN(value) ? 2 : Object.is(value, -0) ? 0 : 1
}

/** UTF-16 order is that of code points but for one thing: surrogates stand below U+E000 to U+FFFF. */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)]
    if (left !== right) return unitRank(left) - unitRank(right)
  }
  return a.length - b.length
}

function unitRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
