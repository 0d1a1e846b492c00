import type { Value } from '../value.ts'
import { comparatorOf, equalityOf } from './compare-values.ts'
import { type ExpressionType, elementOf } from './expression-type.ts'
import { isInt64, overflow } from './int64.ts'
import type { StrictFunction } from './sql-function.ts'

type Items = readonly Value[]

/** Whether an item equals a value; nulls in the list equal nothing. */
export function listContains([list]: readonly ExpressionType[]): StrictFunction {
  const isEqual = equalityOf(elementOf(list!)!)
  return (items: Items, value: Value) => items.some((item) => item !== null && isEqual(item, value))
}

/** The least (-1) or greatest (1) item, the first of equal ones; null if there is none but nulls. */
export function listExtreme(list: ExpressionType, sign: 1 | -1): StrictFunction {
  const compare = comparatorOf(elementOf(list)!)
  return (items: Items) => {
    let extreme: Value = null
    for (const item of items) {
      if (item !== null && (extreme === null || compare(item, extreme) * sign > 0)) extreme = item
    }
    return extreme
  }
}

/** The item at a position from 1, or from -1 at the end; null if there is none. */
export function itemAt(items: Items, position: bigint): Value {
  const at = position < 0n ? items.length + Number(position) : Number(position) - 1
  return items[at] ?? null
}

/** Exact while it adds: only the finished sum has to fit. */
export function sumInt64(items: Items): Value {
  const present = items.filter((item) => item !== null) as bigint[]
  if (present.length === 0) return null
  const sum = present.reduce((a, b) => a + b)
  if (!isInt64(sum)) throw overflow('list_sum')
  return sum
}

export function sumFloat64(items: Items): Value {
  const present = items.filter((item) => item !== null) as number[]
  return present.length === 0 ? null : present.reduce((a, b) => a + b, 0)
}

export function meanInt64(items: Items): Value {
  const present = items.filter((item) => item !== null) as bigint[]
  return present.length === 0 ? null : Number(present.reduce((a, b) => a + b)) / present.length
}

export function meanFloat64(items: Items): Value {
  const present = items.filter((item) => item !== null) as number[]
  return present.length === 0 ? null : present.reduce((a, b) => a + b, 0) / present.length
}
