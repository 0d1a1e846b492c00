import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createCellColumns } from '../../src/core/cell-columns.ts'
import { encodeValue, type Value, type ValueType } from '../../src/core/value.ts'
import { vectorValue } from '../../src/core/vector.ts'

const VALUES: Partial<Record<ValueType, fc.Arbitrary<Value>>> = {
  bool: fc.boolean(),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  float64: fc.oneof(fc.double(), fc.constantFrom(-0, Number.NaN, Number.NEGATIVE_INFINITY)),
  string: fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom(',', '","', 'null', '[')),
  timestamp: fc.maxSafeInteger(),
  bytes: fc.uint8Array(),
  'list<string>': fc.array(fc.option(fc.constantFrom('a,b', ']', '"')), { maxLength: 3 }),
}
const types = Object.keys(VALUES) as ValueType[]
const arbitraryRows = fc.array(fc.tuple(...Object.values(VALUES).map((value) => fc.option(value!))))

test('columns hold what cells say, wherever in a text they stand (S14, S15)', () => {
  fc.assert(
    fc.property(arbitraryRows, fc.constantFrom('', '12\t'), (rows, before) => {
      const columns = createCellColumns(types, rows.length)
      rows.forEach((values, row) => {
        const cells = values.map((value, at) => encodeValue(types[at]!, value))
        columns.put(row, before + cells.join(','), before.length)
      })
      const read = rows.map((_, row) => columns.vectors.map((vector) => vectorValue(vector, row)))
      expect(read).toStrictEqual(rows)
    }),
  )
})

test('a row of more cells or fewer than there are columns is refused', () => {
  const columns = createCellColumns(['float64', 'float64'], 1)
  expect(() => columns.put(0, '1', 0)).toThrow('a row has one cell for each of its columns')
  expect(() => columns.put(0, '1,2,3', 0)).toThrow('a row has one cell for each of its columns')
})
