import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCsv } from '../../src/core/csv.ts'
import { parseNdjson } from '../../src/core/ndjson.ts'
import { cutText, pieceText, type TextFormat, type TextPiece } from '../../src/core/text-piece.ts'

const CSV: TextFormat = { kind: 'csv', delimiter: ',', header: false }
const LARGE = { bytesMax: 1_000_000, rowsMax: 1_000_000 }

async function* chunked(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function cut(
  text: string | Uint8Array,
  {
    format = CSV,
    chunk = 3,
    ...bounds
  }: Partial<typeof LARGE> & { format?: TextFormat; chunk?: number } = {},
): Promise<TextPiece[]> {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
  return Array.fromAsync(cutText(chunked(bytes, chunk), format, { ...LARGE, ...bounds }))
}

const csvRows = (pieces: readonly TextPiece[], delimiter = ',') =>
  pieces.flatMap((piece) => {
    const rows = parseCsv(pieceText(piece), delimiter, piece.lineStart)
    return rows.map((row, at) => ({ ...row, row: piece.rowStart + at }))
  })

const Field = fc.oneof(
  fc.constantFrom('', '"', ',', '\n', '\r\n', '\r', 'a', 'é', '"",\n"'),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
)
/** Null is written as nothing, all else in quotes unless it needs none and chance says so. */
const Record = fc.array(fc.record({ value: fc.option(Field), isQuoted: fc.boolean() }), {
  minLength: 2,
  maxLength: 5,
})

describe('cutText() and parseCsv()', () => {
  it('read back what RFC 4180 writes, whatever the chunks and pieces, with lines and rows counted', async () => {
    const sizes = fc.record({
      chunk: fc.integer({ min: 1, max: 40 }),
      rowsMax: fc.integer({ min: 1, max: 4 }),
      newline: fc.constantFrom('\n', '\r\n'),
      isEnded: fc.boolean(),
      hasMark: fc.boolean(),
      hasBlank: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(Record, { minLength: 1, maxLength: 6 }), sizes, async (records, how) => {
        const lines = records.map((fields) =>
          fields
            .map(({ value, isQuoted }) => {
              if (value === null) return ''
              const isPlain = !isQuoted && value !== '' && !/[",\r\n]/.test(value)
              return isPlain ? value : `"${value.replaceAll('"', '""')}"`
            })
            .join(','),
        )
        const between = how.newline + (how.hasBlank ? how.newline : '')
        const text = (how.hasMark ? '\ufeff' : '') + lines.join(between) + (how.isEnded ? how.newline : '')
        const pieces = await cut(text, how)
        const read = csvRows(pieces)
        expect(read.map(({ fields }) => fields)).toEqual(
          records.map((fields) => fields.map(({ value }) => value)),
        )
        expect(read.map(({ row }) => row)).toEqual(records.map((_, at) => at))
        expect(read.every(({ fault }) => fault === undefined)).toBe(true)
        const newlinesBefore = (at: number) => lines.slice(0, at).join('').split('\n').length
        const blank = how.hasBlank ? 2 : 1
        expect(read.map(({ line }) => line)).toEqual(lines.map((_, at) => newlinesBefore(at) + at * blank))
        expect(pieces.every(({ rowCount }) => rowCount <= how.rowsMax)).toBe(true)
        expect(pieces.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBe(
          new TextEncoder().encode(text).length,
        )
      }),
      { numRuns: 300 },
    )
  })

  it('pieces are within the bound, and each begins where the one before it ended', async () => {
    const text = Array.from({ length: 500 }, (_, at) => `${at},"line ${at}\nof two"`).join('\n')
    const pieces = await cut(text, { bytesMax: 100, chunk: 77 })
    expect(pieces.length).toBeGreaterThan(80)
    let [byte, line, row] = [0, 1, 0]
    for (const piece of pieces) {
      expect([piece.byteStart, piece.lineStart, piece.rowStart]).toEqual([byte, line, row])
      expect(piece.bytes.length).toBeLessThanOrEqual(100)
      byte += piece.bytes.length
      line += piece.rowCount * 2
      row += piece.rowCount
    }
    expect([byte, row]).toEqual([text.length, 500])
  })

  it('a header is a piece of its own and no row', async () => {
    const pieces = await cut('\ufeff\n"a\nb",c\n1,2\n3,4', { format: { ...CSV, header: true } })
    expect(pieces.map(({ rowStart, rowCount, lineStart }) => [rowStart, rowCount, lineStart])).toEqual([
      [0, 0, 1],
      [0, 2, 4],
    ])
    expect(csvRows(pieces.slice(0, 1))[0]!.fields).toEqual(['a\nb', 'c'])
    expect(await cut('', { format: { ...CSV, header: true } })).toMatchObject([{ rowCount: 0 }])
  })

  it('a row longer than a piece is refused by its line', async () => {
    await expect(cut(`a,b\n"${'x'.repeat(200)}\n`, { bytesMax: 100 })).rejects.toThrow(
      /row at line 2.*100 bytes/,
    )
    await expect(cut(`a,b\n${'x'.repeat(200)}\n`, { bytesMax: 100, chunk: 999 })).rejects.toThrow(/line 2/)
    expect(await cut(`a,b\n${'x'.repeat(99)}\n`, { bytesMax: 100 })).toHaveLength(2)
  })

  it('text that is not UTF-8 is refused by its line', async () => {
    const [piece] = await cut(Uint8Array.of(0x61, 0x0a, 0x62, 0x0a, 0xff, 0x0a))
    expect(() => pieceText(piece!)).toThrow('Cannot read line 3: it is not UTF-8')
  })
})

describe('parseCsv()', () => {
  it.each([
    ['an empty field is null, one in quotes the empty string', 'a,,""', ['a', null, '']],
    ['a quote inside an unquoted field is a character', '5" pipe,x "y"', ['5" pipe', 'x "y"']],
    ['space is kept', ' a , "b"', [' a ', ' "b"']],
    ['a delimiter at the end begins a field', '"a",', ['a', null]],
    ['a lone carriage return is a character', 'a\rb,c', ['a\rb', 'c']],
  ])('%s', (_, text, fields) => {
    expect(parseCsv(text, ',', 1)).toEqual([{ line: 1, fields, fault: undefined }])
  })

  it('names what is wrong with a record, and reads those after it', () => {
    const rows = parseCsv('"a"b,c\nd,e\nf,"g', ',', 5)
    expect(rows.map(({ line, fault }) => [line, fault])).toEqual([
      [5, 'field 1 goes on after its closing quote'],
      [6, undefined],
      [7, 'a quoted field never ends'],
    ])
  })

  it('takes other delimiters', () => {
    expect(parseCsv('a\t"b\tc"\n', '\t', 1)[0]!.fields).toEqual(['a', 'b\tc'])
  })
})

describe('parseNdjson()', () => {
  it('reads each line, keeps every digit (S14), and names what is no JSON', async () => {
    const text = '\ufeff{"a":9007199254740993}\r\n\n{"a":\n[1]'
    const [piece] = await cut(text, { format: { kind: 'ndjson' } })
    expect(piece!.rowCount).toBe(3)
    expect(parseNdjson(pieceText(piece!), 1)).toEqual([
      { line: 1, json: { a: 9007199254740993n }, fault: undefined },
      { line: 3, json: null, fault: expect.stringMatching(/Cannot read it as JSON/) },
      { line: 4, json: [1], fault: undefined },
    ])
  })
})
