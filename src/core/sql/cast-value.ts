import { invalid } from '../error.ts'
import { elementType, encodeValue, type ScalarType, type Value, type ValueType } from '../value.ts'
import {
  formatFloat64Text,
  formatTimestampText,
  parseBoolText,
  parseFloat64Text,
  parseInt64Text,
  parseTimestampText,
} from './cast-text.ts'

/** A cast of values that are not null; undefined says that a value has none in the other type. */
export type Cast = (value: never) => Value | undefined

const INT64_END = 2 ** 63

/** The casts between scalars, by the type they start from. What is not here is not offered. */
export const SCALAR_CASTS: Readonly<Record<ScalarType, Readonly<Partial<Record<ScalarType, Cast>>>>> = {
  bool: {
    int64: (value: boolean) => (value ? 1n : 0n),
    float64: (value: boolean) => (value ? 1 : 0),
    string: (value: boolean) => String(value),
  },
  int64: {
    bool: (value: bigint) => value !== 0n,
    float64: (value: bigint) => Number(value),
    string: (value: bigint) => value.toString(),
  },
  float64: {
    bool: (value: number) => value !== 0,
    int64: (value: number) => float64ToInt64(value),
    string: (value: number) => formatFloat64Text(value),
  },
  string: {
    bool: (value: string) => parseBoolText(value),
    int64: (value: string) => parseInt64Text(value),
    float64: (value: string) => parseFloat64Text(value),
    timestamp: (value: string) => parseTimestampText(value),
  },
  timestamp: { string: (value: number) => formatTimestampText(value) },
  bytes: {},
}

/** Every pair of different types that can be cast: scalars, and lists item by item. */
export function castPairs(): { readonly from: ValueType; readonly to: ValueType }[] {
  const scalars = Object.entries(SCALAR_CASTS).flatMap(([from, casts]) =>
    Object.keys(casts).map((to) => ({ from: from as ScalarType, to: to as ScalarType })),
  )
  const lists = scalars.map(({ from, to }) => ({
    from: `list<${from}>` as ValueType,
    to: `list<${to}>` as ValueType,
  }))
  return [...scalars, ...lists]
}

/** A cast that throws `invalid_argument` for a value that has none in the other type, or gives null if `isTry`. */
export function castBetween(from: ValueType, to: ValueType, isTry: boolean): (value: Value) => Value {
  const element = elementType(from)
  if (element !== undefined) {
    const castItem = castBetween(element, elementType(to)!, isTry)
    return (items) => (items as readonly Value[]).map((item) => (item === null ? null : castItem(item)))
  }
  const cast = SCALAR_CASTS[from as ScalarType][to as ScalarType] as (value: Value) => Value | undefined
  if (isTry) return (value) => cast(value) ?? null
  return (value) => {
    const result = cast(value)
    if (result === undefined) throw invalid(`Cannot cast ${describe(from, value)} to ${to}`)
    return result
  }
}

/** Rounds halves to the even neighbour, as DuckDB does for float64. */
function float64ToInt64(value: number): bigint | undefined {
  const floor = Math.floor(value)
  const above = value - floor
  const isUp = above > 0.5 || (above === 0.5 && floor % 2 !== 0)
  const rounded = isUp ? floor + 1 : floor
  return rounded >= -INT64_END && rounded < INT64_END ? BigInt(rounded) : undefined
}

function describe(type: ValueType, value: Value): string {
  if (type !== 'string') return encodeValue(type, value)
  const text = value as string
  return `"${text.length > 64 ? `${text.slice(0, 61)}...` : text}"`
}
