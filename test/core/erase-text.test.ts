import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eraseText } from '../../src/core/erase-text.ts'
import type { TextFormat } from '../../src/core/text-piece.ts'

async function* chunked(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function erased(text: string, format: TextFormat, size: number) {
  let count = 0
  const rows = {
    format,
    fields: ['key', 'value'],
    isErased: ({ read, unreadable }: { read: (name: string) => unknown; unreadable: string | undefined }) =>
      unreadable === undefined ? read('key') === 'gone' : unreadable.includes('gone'),
  }
  const kept = eraseText(chunked(new TextEncoder().encode(text), size), rows, (more) => (count += more))
  const parts = await Array.fromAsync(kept)
  return { count, text: Buffer.concat(parts).toString() }
}

const line = fc.record({
  key: fc.constantFrom('gone', 'ann', 'g\none', 'gone,', '"gone"', ''),
  value: fc.string({ unit: 'grapheme', maxLength: 5 }),
  end: fc.constantFrom('\n', '\r\n', '\n\n'),
})
const size = fc.integer({ min: 1, max: 40 })
const quote = (text: string) => `"${text.replaceAll('"', '""')}"`

test('eraseText() leaves the other rows of a CSV file byte for byte (S11)', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 80 }), fc.boolean(), size, async (lines, header, bytes) => {
      const rows = lines.map(({ key, value, end }) => `${quote(key)},${quote(value)}${end}`)
      const left = rows.filter((_, at) => lines[at]!.key !== 'gone')
      const head = header ? 'key,value\n' : ''
      const answer = await erased(head + rows.join(''), { kind: 'csv', delimiter: ',', header }, bytes)
      expect(answer.count).toBe(rows.length - left.length)
      // Empty lines go with the rows before or behind them.
      const plain = (text: string) => text.replaceAll(/^\r?\n/gm, '')
      expect(plain(answer.text)).toBe(plain(head + left.join('')))
    }),
    { numRuns: 150 },
  )
})

test('eraseText() leaves the other rows of an NDJSON file byte for byte (S11)', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 80 }), size, async (lines, bytes) => {
      const rows = lines.map(({ key, value, end }) => `${JSON.stringify({ key, value })}${end}`)
      const left = rows.filter((_, at) => lines[at]!.key !== 'gone')
      const answer = await erased(rows.join(''), { kind: 'ndjson' }, bytes)
      expect(answer.count).toBe(rows.length - left.length)
      const plain = (text: string) => text.replaceAll(/^\r?\n/gm, '')
      expect(plain(answer.text)).toBe(plain(left.join('')))
    }),
    { numRuns: 150 },
  )
})

test('eraseText() takes a row that nobody can read by what stands in it, and leaves its neighbours (S11)', async () => {
  const csv = await erased(
    'key,value\nann,1\nragged gone\ngone,2\nragged\n',
    { kind: 'csv', delimiter: ',', header: true },
    7,
  )
  expect(csv).toEqual({ count: 2, text: 'key,value\nann,1\nragged\n' })
  const ndjson = await erased('{"key":"ann"}\n{gone\n["gone"]\n{"key":"gone"}\n{\n', { kind: 'ndjson' }, 7)
  expect(ndjson).toEqual({ count: 3, text: '{"key":"ann"}\n{\n' })
})
