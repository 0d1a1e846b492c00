import { expect, test } from 'vitest'
import { countCodePoints, sliceCodePoints, toLower, toUpper } from '../../../src/core/sql/code-points.ts'
import { trimText } from '../../../src/core/sql/string-parts.ts'
import { openDuckdb } from '../../oracles/open-duckdb.ts'

test('toLower(), toUpper() and trimText() agree with DuckDB on every letter up to Unicode 15', async () => {
  const duckdb = await openDuckdb()
  const read = await duckdb.runAndReadAll(`
    SELECT i, lower(chr(i::INTEGER)), upper(chr(i::INTEGER)), trim(chr(i::INTEGER)) = ''
    FROM range(1, 1114112) r(i) WHERE NOT (i BETWEEN 55296 AND 57343) AND i <> 65279`)
  const differing = read.getRows().filter(([code, lower, upper, isSpace]) => {
    const letter = String.fromCodePoint(Number(code))
    const isTrimmed = trimText(letter, undefined, true, true) === ''
    return toLower(letter) !== lower || toUpper(letter) !== upper || isTrimmed !== isSpace
  })
  // Letters of newer versions of Unicode, and two whose partners came with them.
  const older = differing.filter(([code]) => !isNewerLetter(Number(code)))
  expect(older.map(([code]) => Number(code).toString(16))).toEqual([])
})

test('text is counted and cut by code points', () => {
  expect(countCodePoints('a👍é')).toBe(3)
  expect(sliceCodePoints('a👍é', 1, 3)).toBe('👍é')
  expect(toUpper('straße ᾳ ﬁ')).toBe('STRAẞE ᾼ ﬁ')
  expect(toLower('ΑΣ İ')).toBe('ασ i')
})

function isNewerLetter(code: number): boolean {
  return (
    [0x19b, 0x264, 0x1c89, 0x1c8a].includes(code) ||
    (code >= 0xa7cb && code <= 0xa7dc) ||
    (code >= 0x10d50 && code <= 0x10d85) ||
    (code >= 0x16ea0 && code <= 0x16ed3)
  )
}
