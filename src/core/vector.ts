import type { Value, ValueType } from './value.ts'

/** Values of one column in a typed array where their type has one: no object a row. */
export interface Vector {
  readonly values: VectorValues
  /** By row: 1 where the value is null; undefined where none is. */
  readonly nulls: Uint8Array | undefined
}

/**
 * By row: a Float64Array for float64 and timestamp, a BigInt64Array for int64, else an array. What stands at a null
 * row means nothing.
 */
export type VectorValues = Float64Array | BigInt64Array | Value[]

/** An array of the kind that a vector of this type has; nothing in it means anything yet. */
export function createVectorValues(type: ValueType, count: number): VectorValues {
  if (type === 'float64' || type === 'timestamp') return new Float64Array(count)
  return type === 'int64' ? new BigInt64Array(count) : new Array<Value>(count).fill(null)
}

/**
 * Arrays that are used again, by name: what a reader takes under a name holds until it takes that name again. Without them a
 * scan would leave its whole log behind for the garbage collector, faster than that runs.
 */
export type VectorPool = Map<string, Float64Array | BigInt64Array>

/** As `createVectorValues`, out of the pool. */
export function takeVectorValues(
  pool: VectorPool,
  name: string,
  { type, count }: { readonly type: ValueType; readonly count: number },
): VectorValues {
  if (type !== 'float64' && type !== 'timestamp' && type !== 'int64') return createVectorValues(type, count)
  const pooled = pool.get(name)
  const isOfType = pooled instanceof BigInt64Array === (type === 'int64')
  if (pooled !== undefined && isOfType && pooled.length >= count) return pooled.subarray(0, count)
  // Row groups are of about one size, some a little larger than those before.
  const room = pooled === undefined ? count : Math.max(count, Math.ceil(pooled.length * POOL_GROWTH))
  const values = createVectorValues(type, room) as Float64Array | BigInt64Array
  pool.set(name, values)
  return values.subarray(0, count)
}

const POOL_GROWTH = 1.25

/** `type` is undefined for what has no counterpart among ours. */
export function vectorOfValues(type: ValueType | undefined, values: readonly Value[]): Vector {
  const nulls = values.includes(null) ? Uint8Array.from(values, (value) => Number(value === null)) : undefined
  if (type === 'float64' || type === 'timestamp')
    return { values: Float64Array.from(values, (value) => (value ?? 0) as number), nulls }
  if (type === 'int64')
    return { values: BigInt64Array.from(values, (value) => BigInt((value ?? 0) as bigint | number)), nulls }
  return { values: [...values], nulls }
}

/** The value of one row, as expressions and texts take it: an int64 becomes a bigint of its own. */
export function vectorValue({ values, nulls }: Vector, row: number): Value {
  return nulls !== undefined && nulls[row] !== 0 ? null : values[row]!
}

/** The rows of a vector, in this order. */
export function takeVector(type: ValueType, { values, nulls }: Vector, rows: Int32Array): Vector {
  const taken = takeValues(type, values, rows)
  if (nulls === undefined) return { values: taken, nulls: undefined }
  const takenNulls = new Uint8Array(rows.length)
  let nullCount = 0
  for (let at = 0; at < rows.length; at++) {
    if (nulls[rows[at]!] === 0) continue
    takenNulls[at] = 1
    nullCount++
  }
  return { values: taken, nulls: nullCount === 0 ? undefined : takenNulls }
}

/** The values at these rows, in their order. */
export function takeValues(type: ValueType, from: VectorValues, rows: Int32Array): VectorValues {
  const taken = createVectorValues(type, rows.length)
  copyValues(from, rows, taken, undefined)
  return taken
}

/**
 * Copies single values from one array to another of the same kind: `to[places[i]] = from[rows[i]]`. Undefined `rows` or
 * `places` are 0, 1, 2 and so on.
 */
export function copyValues(
  from: VectorValues,
  rows: Int32Array | undefined,
  to: VectorValues,
  places: Int32Array | undefined,
): void {
  const count = (rows ?? places)?.length ?? 0
  if (from instanceof BigInt64Array) {
    // As words: a bigint a value would be an object a value.
    const source = wordsOf(from)
    const target = wordsOf(to as BigInt64Array)
    for (let at = 0; at < count; at++) {
      const row = rows === undefined ? at : rows[at]!
      const place = places === undefined ? at : places[at]!
      target[2 * place] = source[2 * row]!
      target[2 * place + 1] = source[2 * row + 1]!
    }
  } else if (from instanceof Float64Array) {
    const target = to as Float64Array
    for (let at = 0; at < count; at++)
      target[places === undefined ? at : places[at]!] = from[rows === undefined ? at : rows[at]!]!
  } else {
    const target = to as Value[]
    for (let at = 0; at < count; at++)
      target[places === undefined ? at : places[at]!] = from[rows === undefined ? at : rows[at]!]!
  }
}

/** The same memory as 32-bit words, low ones first. */
export function wordsOf({ buffer, byteOffset, length }: BigInt64Array): Int32Array {
  return new Int32Array(buffer, byteOffset, length * 2)
}

/** The same items with room for `count`, the memory grown where it can be: the array given is not to be used again. */
export function growValues(values: VectorValues, count: number): VectorValues {
  if (!Array.isArray(values)) return growArray(values, count)
  while (values.length < count) values.push(null)
  return values
}

export function growArray<T extends TypedArray>(items: T, count: number): T {
  const Items = items.constructor as new (buffer: ArrayBuffer) => T
  return new Items((items.buffer as ArrayBuffer).transfer(count * items.BYTES_PER_ELEMENT))
}

type TypedArray = Float64Array | BigInt64Array | Int32Array | Uint8Array
