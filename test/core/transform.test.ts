import fc from 'fast-check'
import { expect, test } from 'vitest'
import { transformRow, transformTexts, type ViewTransform } from '../../src/core/transform.ts'
import { encodeCells, encodeValue, type Value, type ValueType } from '../../src/core/value.ts'

const TYPES: readonly ValueType[] = ['int64', 'string', 'float64', 'list<string>']
const PLAIN = { keys: [1, 0], features: [2, 3, 0] }
const VIEW: ViewTransform = {
  name: 'orders',
  where: null,
  keys: PLAIN.keys.map((column) => (row: readonly Value[]) => row[column]!),
  keyTypes: ['string', 'int64'],
  features: PLAIN.features.map((column) => ({
    type: TYPES[column]!,
    evaluate: (row: readonly Value[]) => row[column]!,
  })),
  plain: PLAIN,
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
      const { key, features } = transformRow(VIEW, values)!
      expect(transformTexts(VIEW, PLAIN, texts)).toEqual({ key, cells: encodeCells(VIEW.features, features) })
    }),
  )
})

test('transformTexts() refuses a key of which a part is null, and takes the word for one', () => {
  expect(() => transformTexts(VIEW, PLAIN, ['1', 'null', '1', 'null'])).toThrow('Join key of view "orders"')
  expect(transformTexts(VIEW, PLAIN, ['1', '"null"', '1', 'null']).key).toBe('"null",1')
})
