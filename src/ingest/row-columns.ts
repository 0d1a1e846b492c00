import { copyText } from '../core/copy-text.ts'
import { compareStamps, type ViewRow } from '../core/row.ts'

/**
 * The rows of a block by slot, in columns: as an object with four times a row takes twice the memory of its text. Slots
 * of one key are chained.
 */
export interface RowColumns {
  /** Of a slot: event, created, ingest and sequence time, sequence index, the next slot of the key. */
  numbers: Float64Array
  /** Of a slot: `view@version`, origin of the sequence, cells. */
  readonly texts: string[]
  /** Slots that were freed. */
  readonly free: number[]
}

/** The end of a chain. */
export const NO_SLOT = -1

const NUMBERS = 6
const TEXTS = 3
const NEXT = 5
const SLOTS_MIN = 8
const GROWTH = 1.25

export function createRowColumns(): RowColumns {
  return { numbers: new Float64Array(0), texts: [], free: [] }
}

/** Puts a row before the chain that begins at `next`; answers its slot. */
export function addRow(columns: RowColumns, row: ViewRow, next: number): number {
  const slot = columns.free.pop() ?? columns.texts.length / TEXTS
  if ((slot + 1) * NUMBERS > columns.numbers.length) {
    const grown = new Float64Array(Math.max(SLOTS_MIN, Math.ceil(slot * GROWTH)) * NUMBERS)
    grown.set(columns.numbers)
    columns.numbers = grown
  }
  columns.numbers[slot * NUMBERS + NEXT] = next
  writeRow(columns, slot, row)
  return slot
}

/**
 * Writes a row over that of a slot. Pieces of a text keep all of it in memory: a row that stays must not keep the
 * delivery it came with, so its cells are copied. Version and origin are shared by neighbours as they come.
 */
export function writeRow({ numbers, texts }: RowColumns, slot: number, row: ViewRow): void {
  const number = slot * NUMBERS
  numbers[number] = row.eventTime
  numbers[number + 1] = row.createdTime
  numbers[number + 2] = row.ingestTime
  numbers[number + 3] = row.sequenceTime
  numbers[number + 4] = row.sequenceIndex
  const text = slot * TEXTS
  texts[text] = row.view
  texts[text + 1] = row.sequenceOrigin
  texts[text + 2] = copyText(row.cells)
}

/** Frees the slot of a version or a tombstone's id in the chain that begins at `first`; answers where it begins then. */
export function removeRow(columns: RowColumns, first: number, slot: number): number {
  const { numbers, texts, free } = columns
  const next = nextSlot(columns, slot)
  texts.fill('', slot * TEXTS, (slot + 1) * TEXTS)
  free.push(slot)
  if (slot === first) return next
  let before = first
  while (nextSlot(columns, before) !== slot) before = nextSlot(columns, before)
  numbers[before * NUMBERS + NEXT] = next
  return first
}

export function nextSlot({ numbers }: RowColumns, slot: number): number {
  return numbers[slot * NUMBERS + NEXT]!
}

/** The slot of a version or a tombstone's id in a chain. */
export function findSlot(columns: RowColumns, first: number, view: string): number {
  let slot = first
  while (slot !== NO_SLOT && slotView(columns, slot) !== view) slot = nextSlot(columns, slot)
  return slot
}

function slotView({ texts }: RowColumns, slot: number): string {
  return texts[slot * TEXTS]!
}

export function slotCells({ texts }: RowColumns, slot: number): string {
  return texts[slot * TEXTS + 2]!
}

export function slotEventTime({ numbers }: RowColumns, slot: number): number {
  return numbers[slot * NUMBERS]!
}

export function readRow({ numbers, texts }: RowColumns, slot: number, key: string): ViewRow {
  const [number, text] = [slot * NUMBERS, slot * TEXTS]
  return {
    view: texts[text]!,
    key,
    eventTime: numbers[number]!,
    createdTime: numbers[number + 1]!,
    ingestTime: numbers[number + 2]!,
    sequenceTime: numbers[number + 3]!,
    sequenceOrigin: texts[text + 1]!,
    sequenceIndex: numbers[number + 4]!,
    cells: texts[text + 2]!,
  }
}

/** Whether a row loses to that of a slot (S6), or is that very row; not where there is none. */
export function isBeaten(row: ViewRow, columns: RowColumns, slot: number): boolean {
  return slot !== NO_SLOT && compareStamps(row, readRow(columns, slot, row.key)) <= 0
}
