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

/** The inverse of `encodeRow`. */
export function decodeRow(line: string): ViewRow {
  const fields = line.split('\t')
  return {
    view: fields[0]!,
    key: fields[1]!,
    eventTime: Number(fields[2]),
    createdTime: Number(fields[3]),
    ingestTime: Number(fields[4]),
    sequenceTime: Number(fields[5]),
    sequenceOrigin: fields[6]!,
    sequenceIndex: Number(fields[7]),
    cells: fields[8]!,
  }
}
