import { assert } from './error.ts'
import { cellEnd, decodeValue, type Value, type ValueType } from './value.ts'
import { createVectorValues, type Vector } from './vector.ts'

/** Columns that are filled from cells, row by row: no value of a type that has typed arrays stays an object. */
export interface CellColumns {
  readonly vectors: readonly Vector[]
  /** Takes the cells of all columns, which stand in `text` from `start` to its end. */
  put(row: number, text: string, start: number): void
}

const MISSED = 'a row has one cell for each of its columns'

export function createCellColumns(types: readonly ValueType[], rowCount: number): CellColumns {
  const columns = types.map((type) => ({
    type,
    values: createVectorValues(type, rowCount),
    nulls: undefined as Uint8Array | undefined,
  }))
  return {
    vectors: columns,
    put(row, text, start) {
      let at = start
      for (const column of columns) {
        assert(at < text.length, MISSED)
        const end = cellEnd(text, at)
        const value = decodeValue(column.type, text.slice(at, end))
        if (value !== null) (column.values as Value[])[row] = value
        else {
          column.nulls ??= new Uint8Array(rowCount)
          column.nulls[row] = 1
        }
        at = end + 1
      }
      assert(at >= text.length, MISSED)
    },
  }
}
