import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type BlockRow,
  decodeBlockRows,
  encodeBlock,
  findBlockRow,
  openBlock,
  viewCells,
} from '../../src/core/block.ts'
import { encodeKey, hashKey } from '../../src/core/entity-key.ts'
import { encodeValue } from '../../src/core/value.ts'

const VIEWS = ['a@1', 'b@2', 'c@3']
const cells = fc
  .array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant(null)), { minLength: 1, maxLength: 4 })
  .map((values) => values.map((value) => encodeValue('string', value)).join(','))
const view = fc.option(fc.record({ eventTime: fc.integer({ min: -(2 ** 50), max: 2 ** 52 }), cells }), {
  nil: undefined,
})
const rows: fc.Arbitrary<BlockRow[]> = fc
  .uniqueArray(fc.tuple(fc.string({ unit: 'grapheme' }), fc.tuple(view, view, view)), {
    selector: ([key]) => key,
  })
  .map((entities) =>
    entities.map(([name, views]) => {
      const key = encodeKey(['string'], [name])
      return { key, hashLow: hashKey(key).low, views }
    }),
  )

test('encodeBlock() and decodeBlockRows() are exact inverses, whatever the order of rows', () => {
  fc.assert(
    fc.property(rows, (given) => {
      const block = openBlock(encodeBlock(VIEWS, 1_795_000_000_000, given))
      expect(block.views).toEqual(VIEWS)
      expect(block.publishedMs).toBe(1_795_000_000_000)
      const byKey = (a: BlockRow, b: BlockRow) => (a.key < b.key ? -1 : 1)
      expect(decodeBlockRows(block).sort(byKey)).toEqual(given.toSorted(byKey))
    }),
  )
})

test('findBlockRow() finds each key and no other, even when hashes are equal', () => {
  const same = ['x', 'y', 'z'].map((name) => ({
    key: `"${name}"`,
    hashLow: 7,
    views: [{ eventTime: 1, cells: `"${name}"` }],
  }))
  const block = openBlock(encodeBlock(['v@1'], 1, same))
  for (const { key } of same)
    expect(viewCells(findBlockRow(block, 7, key)!, 0)).toEqual({ eventTime: 1, cells: key })
  expect(findBlockRow(block, 7, '"w"')).toBeUndefined()
  expect(findBlockRow(block, 8, '"x"')).toBeUndefined()
})

test('a changed or missing character is detected and never served as data', () => {
  const given = ['ann', 'bob', 'eve'].map((name, at) => {
    const key = `"${name}"`
    return { key, hashLow: hashKey(key).low, views: [{ eventTime: at, cells: String(at) }] }
  })
  const text = encodeBlock(['v@1'], 1_795_000_000_000, given)
  const truth = new Map(given.map((row) => [row.key, row.views[0]]))
  const isSafe = (damaged: string) => {
    try {
      const block = openBlock(damaged)
      for (const { key, hashLow } of given) {
        const row = findBlockRow(block, hashLow, key)
        // With its head intact a block knows every key: to miss one would be to lie.
        if (row === undefined) return false
        expect(viewCells(row, 0)).toEqual(truth.get(key))
      }
      return false
    } catch {
      return true
    }
  }
  for (let at = 0; at < text.length; at++) {
    const flipped = String.fromCharCode(text.charCodeAt(at) ^ 1)
    expect(isSafe(text.slice(0, at) + flipped + text.slice(at + 1)), `character ${at} flipped`).toBe(true)
    expect(isSafe(text.slice(0, at)), `cut at ${at}`).toBe(true)
  }
})

test('the stored form of a block stays as it is (golden)', () => {
  const row = {
    key: '"ATL"',
    hashLow: hashKey('"ATL"').low,
    views: [{ eventTime: 12, cells: '5,null' }, undefined],
  }
  expect(encodeBlock(['v@1', 'w@1'], 1_795_000_000_000, [row])).toMatchInlineSnapshot(`
    "fe1 1n6987u 00001 0mwm0nk74 0000d
    ["v@1","w@1"]
    0ygi38n000000frfqmb"ATL"
    12:5,null

    "
  `)
})
