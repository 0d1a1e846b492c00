import { invalid } from './error.ts'
import { decodeUtf8 } from './utf8.ts'

/** How rows stand in a text file. */
export type TextFormat =
  | { readonly kind: 'csv'; readonly delimiter: string; readonly header: boolean }
  | { readonly kind: 'ndjson' }

/** Part of a text file that begins with a row and ends after one, so that it can be read without the rest. */
export interface TextPiece {
  readonly bytes: Uint8Array
  /** Where it begins in the (uncompressed) file. */
  readonly byteStart: number
  /** Line of its first row, from 1. */
  readonly lineStart: number
  /** Number of its first row, from 0; neither a header nor empty lines are rows. */
  readonly rowStart: number
  readonly rowCount: number
}

export interface PieceBounds {
  readonly bytesMax: number
  readonly rowsMax: number
}

/** Bytes taken from a chunk at a time. */
const PART_BYTES = 1_000_000
const NEWLINE = 0x0a
const RETURN = 0x0d
const QUOTE = 0x22
const MARK = [0xef, 0xbb, 0xbf]

/**
 * Cuts a file into pieces within both bounds. A CSV header comes first, as a piece of its own without rows. Holds one
 * piece and part of a chunk. Throws `invalid_argument` for a row longer than a piece may be.
 */
export async function* cutText(
  chunks: AsyncIterable<Uint8Array>,
  format: TextFormat,
  { bytesMax, rowsMax }: PieceBounds,
): AsyncGenerator<TextPiece> {
  const scanner = createScanner(format)
  /** The piece being gathered, whole rows up to `rowsEnd`, and the beginning of the next row. */
  const held = new Uint8Array(bytesMax + PART_BYTES)
  let [used, rowsEnd, rowCount] = [0, 0, 0]
  let [byteStart, lineStart, rowStart, rowsEndLine] = [0, 1, 0, 1]
  let isHeader = format.kind === 'csv' && format.header
  const takePiece = (): TextPiece => {
    const rows = isHeader ? 0 : rowCount
    const piece = { bytes: held.slice(0, rowsEnd), byteStart, lineStart, rowStart, rowCount: rows }
    held.copyWithin(0, rowsEnd, used)
    byteStart += rowsEnd
    lineStart = rowsEndLine
    rowStart += rows
    used -= rowsEnd
    rowsEnd = rowCount = 0
    isHeader = false
    return piece
  }
  const addRow = (end: number): void => {
    const length = end - rowsEnd
    if (length > bytesMax) throw tooLong(rowsEndLine, bytesMax)
    const isMarked = byteStart + rowsEnd === 0 && MARK.every((byte, at) => held[at] === byte)
    if (!isEmptyLine(held, isMarked ? MARK.length : rowsEnd, end)) rowCount++
    rowsEnd = end
    rowsEndLine = scanner.line()
  }
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length; from += PART_BYTES) {
      const part = chunk.subarray(from, from + PART_BYTES)
      held.set(part, used)
      let scanned = used
      used += part.length
      for (;;) {
        let end = scanner.rowEnd(held, scanned, used)
        if (end === -1) break
        if (rowsEnd > 0 && (end > bytesMax || rowCount === rowsMax)) {
          end -= rowsEnd
          yield takePiece()
        }
        addRow(end)
        scanned = end
        if (isHeader && rowCount === 1) {
          scanned = 0
          yield takePiece()
        }
      }
      if (used - rowsEnd > bytesMax) throw tooLong(rowsEndLine, bytesMax)
      // Room for another part behind the beginning of a row.
      if (used > bytesMax) yield takePiece()
    }
  }
  if (used > rowsEnd) {
    if (rowsEnd > 0 && (used > bytesMax || rowCount === rowsMax)) yield takePiece()
    addRow(used)
  }
  if (rowCount > 0 || isHeader) yield takePiece()
}

/** Text of a piece, without the mark of byte order a file may begin with. Throws `invalid_argument` naming the line that is not UTF-8. */
export function pieceText({ bytes, byteStart, lineStart }: TextPiece): string {
  const text = decodeUtf8(bytes)
  if (text !== undefined) return byteStart === 0 && text.startsWith('\ufeff') ? text.slice(1) : text
  let line = lineStart
  for (let at = 0; ; line++) {
    const end = bytes.indexOf(NEWLINE, at)
    if (end === -1 || decodeUtf8(bytes.subarray(at, end)) === undefined) break
    at = end + 1
  }
  throw invalid(`Cannot read line ${line}: it is not UTF-8`)
}

/** Finds ends of rows, keeping the state of quotes from call to call: a quoted field may hold lines (RFC 4180). */
function createScanner(format: TextFormat) {
  const delimiter = format.kind === 'csv' ? format.delimiter.charCodeAt(0) : -1
  const hasQuotes = format.kind === 'csv'
  let state: 'start' | 'plain' | 'quoted' | 'closing' = 'start'
  let line = 1
  let position = 0
  return {
    line: () => line,
    /** Index just past the row that goes on at `from`; -1 when it does not end before `to`. */
    rowEnd(bytes: Uint8Array, from: number, to: number): number {
      for (let at = from; at < to; at++, position++) {
        const byte = bytes[at]!
        if (byte === NEWLINE) {
          line++
          if (state === 'quoted') continue
          state = 'start'
          position++
          return at + 1
        }
        if (!hasQuotes) continue
        if (state === 'quoted') {
          if (byte === QUOTE) state = 'closing'
        } else if (byte === QUOTE && state !== 'plain') state = 'quoted'
        else if (byte === delimiter) state = 'start'
        // The mark of byte order stands before the first field.
        else if (byte !== MARK[position]) state = 'plain'
      }
      return -1
    },
  }
}

function isEmptyLine(bytes: Uint8Array, start: number, end: number): boolean {
  const last = bytes[end - 1] === NEWLINE ? end - 1 : end
  return last === start || (last === start + 1 && bytes[start] === RETURN)
}

function tooLong(line: number, bytesMax: number) {
  return invalid(
    `Cannot read the row at line ${line}: it is longer than ${bytesMax} bytes, at most so many may be (a quote that is never closed makes one row of the rest)`,
  )
}
