import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cellsOfTexts, keyOfTexts, viewCells, viewKey } from '../../src/core/transform.ts'
import { encodeValue, type Value, type ValueType } from '../../src/core/value.ts'

const TYPES: readonly ValueType[] = ['int64', 'string', 'float64', 'list<string>']
const VIEW = {
  name: 'orders',
  keyColumns: [1, 0],
  features: [2, 3, 0].map((column) => ({ column, type: TYPES[column]! })),
}

test('texts of values give a view the same key and cells as the values themselves (S25)', () => {
  const text = fc.string({ unit: 'grapheme' })
  const row = fc.tuple(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    text,
    fc.option(fc.double()),
    fc.option(fc.array(fc.option(text))),
  )
  fc.assert(
    fc.property(row, (values: readonly Value[]) => {
      const texts = values.map((value, at) => encodeValue(TYPES[at]!, value))
      expect(keyOfTexts(VIEW, texts)).toBe(viewKey(VIEW, ['string', 'int64'], values))
      expect(cellsOfTexts(VIEW, texts)).toBe(viewCells(VIEW, values))
    }),
  )
})

test('keyOfTexts() refuses a key of which a part is null, and takes the word for one', () => {
  expect(() => keyOfTexts(VIEW, ['1', 'null', '1', 'null'])).toThrow('Join key of view "orders"')
  expect(keyOfTexts(VIEW, ['1', '"null"', '1', 'null'])).toBe('"null",1')
})
