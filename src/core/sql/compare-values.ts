import type { Value } from '../value.ts'
import { type ExpressionType, elementOf } from './expression-type.ts'

/** Below zero, zero or above zero, for two values of one type, neither of them null. */
export type Comparator = (a: Value, b: Value) => number

/**
 * The order of a type's values: false before true, NaN last and equal to itself, -0 equal to 0, strings by code
 * points, lists item by item with null as the greatest item.
 */
export function comparatorOf(type: ExpressionType): Comparator {
  switch (type) {
    case 'float64':
      return compareFloat64 as Comparator
    case 'string':
      return compareStrings as Comparator
    case 'bytes':
      return compareBytes as Comparator
    case 'bool':
    case 'int64':
    case 'timestamp':
    case 'null':
    case 'interval':
      return compareNative as Comparator
    default: {
      const compareItem = comparatorOf(elementOf(type)!)
      return (a, b) => compareLists(a as readonly Value[], b as readonly Value[], compareItem)
    }
  }
}

/** Whether two values of one type, neither null, are the same value for `=`. */
export function equalityOf(type: ExpressionType): (a: Value, b: Value) => boolean {
  if (['bool', 'int64', 'timestamp', 'string'].includes(type)) return (a, b) => a === b
  if (type === 'float64') return (a, b) => a === b || (Number.isNaN(a) && Number.isNaN(b))
  const compare = comparatorOf(type)
  return (a, b) => compare(a, b) === 0
}

/** The order of strings by code points, which is that of their UTF-8. */
export function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const x = a.charCodeAt(at)
    const y = b.charCodeAt(at)
    if (x !== y) return codePointRank(x) - codePointRank(y)
  }
  return a.length - b.length
}

/** Puts surrogates, halves of the code points past 0xFFFF, behind all other units. */
function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit
}

function compareNative(a: number | bigint | boolean, b: number | bigint | boolean): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function compareFloat64(a: number, b: number): number {
  if (a < b) return -1
  if (a > b) return 1
  if (a === b) return 0
  return (Number.isNaN(a) ? 1 : 0) - (Number.isNaN(b) ? 1 : 0)
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return a[at]! - b[at]!
  return a.length - b.length
}

function compareLists(a: readonly Value[], b: readonly Value[], compareItem: Comparator): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const [x, y] = [a[at]!, b[at]!]
    const order = x === null || y === null ? Number(x === null) - Number(y === null) : compareItem(x, y)
    if (order !== 0) return order
  }
  return a.length - b.length
}
