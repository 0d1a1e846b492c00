import { copyText } from './copy-text.ts'
import { parseDecimal } from './parse-decimal.ts'
import type { Instant } from './time.ts'

/**
 * When a row happened, when it was made and where it stands among equals: all that S6 needs.
 * Given once at the door and carried to every store.
 */
export interface Stamp {
  readonly eventTime: Instant
  readonly createdTime: Instant
  readonly ingestTime: Instant
  /** Sequence: door time of a push, first start of a load. */
  readonly sequenceTime: Instant
  /** Sequence: push id, or file identity of a load. */
  readonly sequenceOrigin: string
  /** Sequence: row index within the push, or row number within the file. */
  readonly sequenceIndex: number
}

/** The part of a stamp that S6 compares. */
export type StampOrder = Omit<Stamp, 'ingestTime'>

/** One row of one view: a stamp and the features as comma-separated JSON texts (`encodeValue`). */
export interface ViewRow extends Stamp {
  /** `view@version`. */
  readonly view: string
  /** Encoded key (`encodeKey`). */
  readonly key: string
  readonly cells: string
}

/** S6: negative when `a` loses to `b`. Arrival decides nothing; only one row equal in all is the same row. */
export function compareStamps(a: StampOrder, b: StampOrder): number {
  return (
    a.eventTime - b.eventTime ||
    a.createdTime - b.createdTime ||
    a.sequenceTime - b.sequenceTime ||
    compareText(a.sequenceOrigin, b.sequenceOrigin) ||
    a.sequenceIndex - b.sequenceIndex
  )
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/**
 * A tombstone is a row of no view: its id in the place of `view@version` says what it deletes, all views of the entity
 * or every version of one (S10). It has no cells.
 */
export function tombstoneId(viewName: string | null): string {
  return TOMBSTONE + (viewName ?? '')
}

export function isTombstone(view: string): boolean {
  return view.startsWith(TOMBSTONE)
}

/** The name of the view a tombstone deletes from; null for all. */
export function tombstoneView(id: string): string | null {
  return id === TOMBSTONE ? null : id.slice(TOMBSTONE.length)
}

/** The ids of the tombstones that rows of `view@version` obey. */
export function tombstonesOf(view: string): readonly [string, string] {
  return [TOMBSTONE, TOMBSTONE + view.slice(0, view.lastIndexOf('@'))]
}

/** No view's name begins with it. */
const TOMBSTONE = '~'

/**
 * A row as one line of text: the form in which rows travel to a shard writer, wait in its journal and stand in
 * its checkpoints. Fields are separated by tabs; JSON texts never hold a raw tab or newline.
 */
export function encodeRow(row: ViewRow): string {
  return `${row.view}\t${row.key}\t${row.eventTime}\t${row.createdTime}\t${row.ingestTime}\t${row.sequenceTime}\t${row.sequenceOrigin}\t${row.sequenceIndex}\t${row.cells}`
}

/** The inverse of `encodeRow`, of the line that starts at `start` of a text and ends before `end`. */
export type DecodeRow = (text: string, start: number, end: number) => ViewRow

/** Decodes rows one after another: what is the same in neighbours, they share in memory. */
export function createRowDecoder(): DecodeRow {
  let lastView = ''
  let lastOrigin = ''
  return (text, start, end) => {
    const view = text.indexOf('\t', start)
    const key = text.indexOf('\t', view + 1)
    const eventTime = text.indexOf('\t', key + 1)
    const createdTime = text.indexOf('\t', eventTime + 1)
    const ingestTime = text.indexOf('\t', createdTime + 1)
    const sequenceTime = text.indexOf('\t', ingestTime + 1)
    const sequenceOrigin = text.indexOf('\t', sequenceTime + 1)
    const sequenceIndex = text.indexOf('\t', sequenceOrigin + 1)
    lastView = pieceLike(lastView, text, start, view)
    lastOrigin = pieceLike(lastOrigin, text, sequenceTime + 1, sequenceOrigin)
    return {
      view: lastView,
      key: text.slice(view + 1, key),
      eventTime: parseDecimal(text, key + 1, eventTime),
      createdTime: parseDecimal(text, eventTime + 1, createdTime),
      ingestTime: parseDecimal(text, createdTime + 1, ingestTime),
      sequenceTime: parseDecimal(text, ingestTime + 1, sequenceTime),
      sequenceOrigin: lastOrigin,
      sequenceIndex: parseDecimal(text, sequenceOrigin + 1, sequenceIndex),
      cells: text.slice(sequenceIndex + 1, end),
    }
  }
}

/** The text from `start` to `end` (exclusive): the one before where it is the same, else one in memory of its own. */
function pieceLike(before: string, text: string, start: number, end: number): string {
  const isSame = end - start === before.length && text.startsWith(before, start)
  return isSame ? before : copyText(text.slice(start, end))
}

/** The inverse of `encodeRow`. */
export function decodeRow(line: string): ViewRow {
  return createRowDecoder()(line, 0, line.length)
}

/** Lines of `encodeRow` as rows; empty text is none. */
export function decodeRows(lines: string): ViewRow[] {
  const decode = createRowDecoder()
  const rows: ViewRow[] = []
  for (let start = 0; start < lines.length; ) {
    const newline = lines.indexOf('\n', start)
    const end = newline < 0 ? lines.length : newline
    rows.push(decode(lines, start, end))
    start = end + 1
  }
  return rows
}
