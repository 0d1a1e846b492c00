import { encodeKey } from '../core/entity-key.ts'
import type { Value, ValueType } from '../core/value.ts'
import { type Vector, type VectorValues, wordsOf } from '../core/vector.ts'

/**
 * The number of each row's key, -1 where it has none. Rows of one key stand together, so that a key is looked up once
 * for all of them; rows in no order cost more, and are numbered as well.
 */
export function numberRows(
  types: readonly ValueType[],
  vectors: readonly Vector[],
  numberByKey: ReadonlyMap<string, number>,
): Int32Array {
  const count = vectors[0]!.values.length
  const isNew = new Uint8Array(count)
  if (count > 0) isNew[0] = 1
  for (const { values } of vectors) markChanges(values, isNew)
  const numbers = new Int32Array(count)
  const cells = vectors.map((): Value => null)
  let number = -1
  for (let row = 0; row < count; row++) {
    if (isNew[row] === 1) {
      for (let at = 0; at < vectors.length; at++) cells[at] = vectors[at]!.values[row] as Value
      number = numberByKey.get(encodeKey(types, cells)) ?? -1
    }
    numbers[row] = number
  }
  return numbers
}

function markChanges(values: VectorValues, isNew: Uint8Array): void {
  if (values instanceof BigInt64Array) {
    const words = wordsOf(values)
    for (let row = 1; row < values.length; row++) {
      const isSame = words[2 * row] === words[2 * row - 2] && words[2 * row + 1] === words[2 * row - 1]
      if (!isSame) isNew[row] = 1
    }
  } else {
    for (let row = 1; row < values.length; row++) if (values[row] !== values[row - 1]) isNew[row] = 1
  }
}
