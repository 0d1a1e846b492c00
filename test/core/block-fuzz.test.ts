import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Block, encodeBlock, findBlockRow, openBlock, viewCells } from '../../src/core/block.ts'
import { hashKey } from '../../src/core/entity-key.ts'
import { FeatureStoreError } from '../../src/core/error.ts'
import { checksum } from '../../src/core/hash.ts'

const KEYS = Array.from({ length: 12 }, (_, at) => `"user-${at}"`)
const ROWS = KEYS.map((key, at) => ({
  key,
  hashLow: hashKey(key).low,
  views: [{ eventTime: at, cells: `${at},"${key.slice(1)}` }, undefined],
}))
const TEXT = encodeBlock(['a@1', 'b@1'], 1_795_000_000_000, ROWS)
const TRUTH = new Map(ROWS.map(({ key }) => [key, rowOf(openBlock(TEXT), key)]))
/** Where the head's checksum stands, and where what it covers begins. */
const SUM_AT = 4
const SUMMED_AT = 11
const ROWS_AT = openBlock(TEXT).rowsStart

const place = fc.integer({ min: 0, max: TEXT.length })
const piece = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.constantFrom('zzzzz', '00000', '\n', '\ufffd', 'NaN', '-'),
)
/** Pieces of the text are replaced by others, which may be longer, shorter or copied from elsewhere in it. */
const mutation = fc.record({ start: place, length: fc.nat(40), piece: fc.oneof(piece, place) })

function mutate(
  text: string,
  { start, length, piece: given }: { start: number; length: number; piece: string | number },
) {
  const inserted = typeof given === 'string' ? given : TEXT.slice(given, given + length)
  return text.slice(0, start) + inserted + text.slice(start + length)
}

function rowOf(block: Block, key: string): string | undefined {
  return findBlockRow(block, hashKey(key).low, key)
}

/** What comes of it, or undefined where the store's own error is thrown; any other error fails the test. */
function attempt<T>(work: () => T): { readonly result: T } | undefined {
  try {
    return { result: work() }
  } catch (error) {
    expect(error).toBeInstanceOf(FeatureStoreError)
    return undefined
  }
}

test('openBlock() takes no text that is none, whatever it is, and throws nothing but its own error', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.string().map((rest) => `fe1 ${rest}`),
      ),
      (text) => {
        expect(attempt(() => openBlock(text))).toBeUndefined()
      },
    ),
    { numRuns: 2_000 },
  )
})

test('a changed block gives each key its own row or an error, and a key it never had nothing', () => {
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
      const block = attempt(() => openBlock(mutations.reduce(mutate, TEXT)))
      if (block === undefined) return
      for (const key of KEYS) {
        const found = attempt(() => rowOf(block.result, key))
        if (found !== undefined) expect(found.result).toBe(TRUTH.get(key))
      }
      expect(attempt(() => rowOf(block.result, '"nobody"'))?.result).toBeUndefined()
    }),
    { numRuns: 5_000 },
  )
})

test('a hostile head with the right checksum leads to an end and nowhere outside its text', () => {
  const headMutation = mutation.map((one) => ({
    ...one,
    start: SUMMED_AT + (one.start % (ROWS_AT - SUMMED_AT)),
  }))
  fc.assert(
    fc.property(fc.array(headMutation, { minLength: 1, maxLength: 3 }), (mutations) => {
      const changed = mutations.reduce(mutate, TEXT)
      for (const end of [ROWS_AT, ROWS_AT + changed.length - TEXT.length, changed.length]) {
        const sum = checksum(changed, SUMMED_AT, end).toString(36).padStart(7, '0')
        const text = changed.slice(0, SUM_AT) + sum + changed.slice(SUMMED_AT)
        const block = attempt(() => openBlock(text))
        if (block === undefined) continue
        for (const key of KEYS) {
          const row = attempt(() => rowOf(block.result, key))?.result
          if (row === undefined) continue
          expect(text).toContain(row)
          for (const view of [0, 1]) viewCells(row, view)
        }
      }
    }),
    { numRuns: 2_000 },
  )
})
