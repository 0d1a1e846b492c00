import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeKey } from '../../src/core/entity-key.ts'
import { parseJson } from '../../src/core/json.ts'
import {
  decodeValue,
  encodeCells,
  encodeValue,
  parseValue,
  splitCells,
  type Value,
  type ValueType,
} from '../../src/core/value.ts'
import { decodeKeyCells } from '../oracles/key-cells.ts'

const string = fc.string({ unit: 'grapheme' })
const scalars = {
  bool: fc.boolean(),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  float64: fc.double(),
  string,
  timestamp: fc.integer({ min: -6_000_000_000_000_000, max: 9_000_000_000_000_000 }),
  bytes: fc.uint8Array(),
} as const
const typed: fc.Arbitrary<readonly [ValueType, Value]> = fc.oneof(
  ...Object.entries(scalars).map(([type, values]) =>
    (values as fc.Arbitrary<Value>).map((value) => [type as ValueType, value] as const),
  ),
  ...Object.entries(scalars)
    .filter(([type]) => type !== 'bytes')
    .map(([type, values]) =>
      fc
        .array(fc.option(values as fc.Arbitrary<Value>))
        .map((items) => [`list<${type}>` as ValueType, items as Value] as const),
    ),
  fc.constantFrom<ValueType>('int64', 'list<string>').map((type) => [type, null] as const),
)

test('encodeValue() and decodeValue() are exact inverses in ASCII (S14, S15, S16)', () => {
  fc.assert(
    fc.property(typed, ([type, value]) => {
      const text = encodeValue(type, value)
      expect(text).toMatch(/^[\x20-\x7e]*$/)
      expect(decodeValue(type, text)).toStrictEqual(value)
    }),
    { numRuns: 2_000 },
  )
})

test('encodeValue() writes JSON that parseValue() reads as the same value', () => {
  fc.assert(
    fc.property(typed, ([type, value]) => {
      expect(parseValue(type, parseJson(encodeValue(type, value), 'value'))).toStrictEqual(
        // JSON has no -0 of its own in some writers, but ours keeps it.
        value,
      )
    }),
    { numRuns: 2_000 },
  )
})

test('encodeCells() writes each value as encodeValue() does, floats side by side or alone (S15)', () => {
  const special = fc.constantFrom(-0, 0, Number.NaN, Number.POSITIVE_INFINITY, 1e21, 5e-324, null)
  const floats = fc.oneof(fc.double(), special).map((value) => ['float64', value] as const)
  fc.assert(
    fc.property(fc.array(fc.oneof(typed, { arbitrary: floats, weight: 5 })), (row) => {
      const columns = row.map(([type]) => ({ type }))
      const values = row.map(([, value]) => value)
      expect(encodeCells(columns, values)).toBe(
        row.map(([type, value]) => encodeValue(type, value)).join(','),
      )
    }),
  )
})

test('splitCells() cuts exactly where cells were joined', () => {
  fc.assert(
    fc.property(fc.array(typed, { minLength: 1 }), (values) => {
      const cells = values.map(([type, value]) => encodeValue(type, value))
      expect(splitCells(cells.join(','))).toEqual(cells)
    }),
  )
})

test('encodeKey() gives different keys different texts (S13)', () => {
  expect(encodeKey(['string', 'string'], ['a:b', 'c'])).not.toBe(
    encodeKey(['string', 'string'], ['a', 'b:c']),
  )
  expect(encodeKey(['string', 'string'], ['a","b', 'c'])).not.toBe(
    encodeKey(['string', 'string'], ['a', 'b","c']),
  )
  expect(encodeKey(['int64'], [1n])).not.toBe(encodeKey(['string'], ['1']))
  fc.assert(
    fc.property(fc.array(string, { minLength: 1, maxLength: 4 }), (parts) => {
      const types = parts.map(() => 'string' as const)
      expect(decodeKeyCells(encodeKey(types, parts))).toEqual(parts)
    }),
  )
})

test.each<[ValueType, unknown]>([
  ['int64', 1.5],
  ['int64', '9223372036854775808'],
  ['int64', '1e3'],
  ['int64', true],
  ['float64', 'nan'],
  ['float64', '1'],
  ['bool', 1],
  ['string', 5],
  ['string', '\ud800'],
  ['timestamp', 1_700_000_000],
  ['timestamp', '2026-02-30T00:00:00Z'],
  ['timestamp', '2026-01-01T00:00:00.1234567Z'],
  ['bytes', 'not base64'],
  ['list<int64>', 5],
  ['list<int64>', [1, 'x']],
])('parseValue() refuses %s from %j by name', (type, json) => {
  expect(() => parseValue(type, json)).toThrow(/^Cannot read /)
})

test('parseJson() keeps all digits of an int64 (S14)', () => {
  expect(parseValue('int64', parseJson('9223372036854775807', 'x'))).toBe(2n ** 63n - 1n)
  expect(parseValue('int64', parseJson('"-9223372036854775808"', 'x'))).toBe(-(2n ** 63n))
})
