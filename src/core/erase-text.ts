import { parseCsv } from './csv.ts'
import { invalid } from './error.ts'
import { parseNdjson } from './ndjson.ts'
import { cutText, pieceText, type TextFormat, type TextPiece } from './text-piece.ts'

/** One row of a text file, so far as it can be read. */
export interface TextRecord {
  /** What the row has under a name: a CSV field's text or null, a member of NDJSON; undefined where it has nothing. */
  readonly read: (name: string) => unknown
  /** What stands there where nobody can read it as a row; undefined for a row. */
  readonly unreadable: string | undefined
}

export interface TextRows {
  readonly format: TextFormat
  /** Names of a CSV file's fields where it has no header. */
  readonly fields: readonly string[]
  readonly isErased: (record: TextRecord) => boolean
}

/** Bytes of text held at a time; a row may be as long. */
const PIECE_BYTES_MAX = 4_000_000
const PIECE_ROWS_MAX = 65_536
/** Parts that a piece with such a row is cut into, to find where the row begins and ends. */
const PARTS = 32

/** What is left of a text file once rows were taken out of it, byte for byte; `onErased` is told how many those are, bit by bit. */
export async function* eraseText(
  chunks: AsyncIterable<Uint8Array>,
  { format, fields, isErased }: TextRows,
  onErased: (count: number) => void,
): AsyncGenerator<Uint8Array> {
  let names = fields
  let isHeader = format.kind === 'csv' && format.header
  for await (const piece of cutText(chunks, format, { bytesMax: PIECE_BYTES_MAX, rowsMax: PIECE_ROWS_MAX })) {
    if (isHeader && format.kind === 'csv') {
      names = headerFields(piece, format.delimiter)
      isHeader = false
      yield piece.bytes
    } else yield* keepRows(piece, { format, names, isErased }, onErased)
  }
}

interface RowTest {
  readonly format: TextFormat
  readonly names: readonly string[]
  readonly isErased: (record: TextRecord) => boolean
}

async function* keepRows(
  piece: TextPiece,
  test: RowTest,
  onErased: (count: number) => void,
): AsyncGenerator<Uint8Array> {
  const erased = readRecords(piece, test).filter(test.isErased).length
  if (erased === 0) yield piece.bytes
  else if (erased === piece.rowCount) onErased(erased)
  else {
    const format = test.format.kind === 'csv' ? { ...test.format, header: false } : test.format
    const rowsMax = Math.ceil(piece.rowCount / PARTS)
    const bytesMax = piece.bytes.length
    for await (const part of cutText(once(piece.bytes), format, { bytesMax, rowsMax }))
      yield* keepRows(part, test, onErased)
  }
}

function readRecords(piece: TextPiece, { format, names }: RowTest): TextRecord[] {
  const text = pieceText(piece)
  if (format.kind === 'ndjson')
    return parseNdjson(text, piece.lineStart).map(({ line, json, fault }) => {
      const isObject = typeof json === 'object' && json !== null && !Array.isArray(json)
      if (fault !== undefined || !isObject) return unreadable(text.split('\n')[line - piece.lineStart]!)
      const object = json as Readonly<Record<string, unknown>>
      return {
        read: (name) => (Object.hasOwn(object, name) ? object[name] : undefined),
        unreadable: undefined,
      }
    })
  const positions = new Map(names.map((name, at) => [name, at]))
  return parseCsv(text, format.delimiter, piece.lineStart).map(({ fields, fault }) => {
    if (fault !== undefined || fields.length !== names.length) return unreadable(fields.join('\n'))
    return {
      read: (name) => {
        const at = positions.get(name)
        return at === undefined ? undefined : fields[at]!
      },
      unreadable: undefined,
    }
  })
}

function unreadable(text: string): TextRecord {
  return { read: () => undefined, unreadable: text }
}

function headerFields(piece: TextPiece, delimiter: string): string[] {
  const [header] = parseCsv(pieceText(piece), delimiter, piece.lineStart)
  if (header === undefined || header.fault !== undefined)
    throw invalid(`Cannot read it: it has no header, ${header?.fault ?? 'it is empty'}`)
  return header.fields.map((field) => field ?? '')
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
