import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeRow, decodeRows, encodeRow, type ViewRow } from '../../src/core/row.ts'

/** Neighbours share what is the same in them, not what only begins or ends the same. */
const arbitraryRow: fc.Arbitrary<ViewRow> = fc.record({
  view: fc.constantFrom('a@1', 'a@10', 'ba@1', '~', '~a'),
  key: fc.constantFrom('1', '"a"', '"a",1'),
  eventTime: fc.maxSafeInteger(),
  createdTime: fc.maxSafeInteger(),
  ingestTime: fc.maxSafeInteger(),
  sequenceTime: fc.maxSafeInteger(),
  sequenceOrigin: fc.constantFrom('', 'push', 'push1', '01HZX3J7K8', '01HZX3J7K8M9N0P1Q2R3S4T5V6'),
  sequenceIndex: fc.nat(),
  cells: fc.constantFrom('', '1.5', '"x",null'),
})

test('decodeRows() and decodeRow() are the inverses of encodeRow(), whatever the rows beside one are', () => {
  fc.assert(
    fc.property(fc.array(arbitraryRow), (rows) => {
      expect(decodeRows(rows.map(encodeRow).join('\n'))).toEqual(rows)
      expect(rows.map((row) => decodeRow(encodeRow(row)))).toEqual(rows)
    }),
  )
})
