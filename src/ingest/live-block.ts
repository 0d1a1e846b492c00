import { type BlockCells, type BlockRow, encodeBlock } from '../core/block.ts'
import { copyText } from '../core/copy-text.ts'
import { type KeyHash, topBits } from '../core/entity-key.ts'
import { compareStamps, isTombstone, tombstonesOf, type ViewRow } from '../core/row.ts'
import type { Instant } from '../core/time.ts'
import { encodeTiles } from '../core/window/tile-text.ts'
import {
  addRow,
  createRowColumns,
  findSlot,
  isBeaten,
  NO_SLOT,
  nextSlot,
  type RowColumns,
  readRow,
  removeRow,
  slotCells,
  slotEventTime,
  writeRow,
} from './row-columns.ts'
import {
  countEvent,
  createWindowState,
  deleteEvents,
  dropOld,
  type WindowRules,
  type WindowState,
  wasCounted,
} from './window-state.ts'

/** A block in a writer's memory: what each view holds for each key, and what was deleted. */
export interface LiveBlock {
  readonly rowsByKey: Map<string, KeyRows>
  readonly rows: RowColumns
  /** Merges that its checkpoint does not hold yet. */
  changes: number
  /** The last journal entry whose rows it holds: windows must not count one again. */
  through: number
  /** Bytes it takes in memory, roughly. */
  bytes: number
  /** Publish time (ms) of the newest text with its rows. */
  textMs: number
  /** The least publish time of the next one: of two texts that differ, readers have to know the newer (S31). */
  textMsMin: number
}

interface KeyRows {
  /** The key's hash, as signed words: V8 keeps those without an object around them. */
  readonly hashHigh: number
  readonly hashLow: number
  /** Whether any of its rows is a tombstone. */
  hasTombstones: boolean
  /**
   * First slot of its chain: the newest row of each `view@version`, the newest tombstone of each id; a row that a tombstone
   * beats is forgotten. Few, and most often one.
   */
  first: number
  /** By `view@version`; undefined while no view of the key has windows. */
  windows: Map<string, WindowState> | undefined
}

/** How the views of a block's rows are kept; undefined for a view that serves its latest row. */
export type RulesOf = (view: string) => WindowRules | undefined

export function createLiveBlock(): LiveBlock {
  return {
    rowsByKey: new Map(),
    rows: createRowColumns(),
    changes: 0,
    through: 0,
    bytes: BLOCK_BYTES,
    textMs: 0,
    textMsMin: 0,
  }
}

/** To be called with every change. The clock stands still while a writer computes: a text from before may be of this very millisecond. */
export function noteChange(block: LiveBlock): void {
  block.changes++
  block.textMsMin = block.textMs + 1
}

/** What the objects around a block, a key, a row and a set of tiles cost, about as measured in V8 (decision 0057). */
const BLOCK_BYTES = 500
const KEY_BYTES = 105
const ROW_BYTES = 180
const WINDOWS_BYTES = 2_000

export interface MergeOptions {
  /** Of the row's key. */
  readonly hash: KeyHash
  readonly rulesOf: RulesOf
  readonly now: Instant
  /** The load that brought the row (`WindowState.batches`). */
  readonly batch: string | undefined
}

/** Merges a row into what its view holds for its key; false when that changes nothing. */
export function mergeRow(
  block: LiveBlock,
  row: ViewRow,
  { hash, rulesOf, now, batch }: MergeOptions,
): boolean {
  const held = keyRows(block, row.key, hash)
  const rules = isTombstone(row.view) ? undefined : rulesOf(row.view)
  const isChange =
    rules === undefined ? mergeLatest(block, held, row) : mergeEvent(block, held, row, { rules, now, batch })
  if (isChange) noteChange(block)
  return isChange
}

/** What is held of a key; an empty place for it where nothing is. */
export function keyRows(block: LiveBlock, key: string, hash: KeyHash): KeyRows {
  let held = block.rowsByKey.get(key)
  if (held === undefined) {
    held = {
      hashHigh: hash.high | 0,
      hashLow: hash.low | 0,
      hasTombstones: false,
      first: NO_SLOT,
      windows: undefined,
    }
    block.rowsByKey.set(copyText(key), held)
    block.bytes += KEY_BYTES + key.length
  }
  return held
}

/** What is held of a key under a version or a tombstone's id. */
export function findRow({ rowsByKey, rows }: LiveBlock, key: string, view: string): ViewRow | undefined {
  const slot = findSlot(rows, rowsByKey.get(key)?.first ?? NO_SLOT, view)
  return slot === NO_SLOT ? undefined : readRow(rows, slot, key)
}

/**
 * S6 in one place: the row replaces what its view holds for its key if it wins; false when it loses, to a row
 * of its view or to a tombstone (S10).
 */
export function mergeLatest(block: LiveBlock, held: KeyRows, row: ViewRow): boolean {
  const { rows } = block
  const slot = findSlot(rows, held.first, row.view)
  if (isBeaten(row, rows, slot)) return false
  if (isTombstone(row.view)) {
    held.hasTombstones = true
    forgetDeleted(block, held, row)
  } else if (held.hasTombstones && isDeleted(block, held, row)) {
    return false
  }
  if (slot === NO_SLOT) {
    held.first = addRow(rows, row, held.first)
    block.bytes += ROW_BYTES + row.cells.length
  } else {
    block.bytes += row.cells.length - slotCells(rows, slot).length
    writeRow(rows, slot, row)
  }
  return true
}

/** Whether a tombstone that is held beats the row. */
function isDeleted({ rows }: LiveBlock, { first }: KeyRows, row: ViewRow): boolean {
  return tombstonesOf(row.view).some((id) => isBeaten(row, rows, findSlot(rows, first, id)))
}

function mergeEvent(
  block: LiveBlock,
  held: KeyRows,
  row: ViewRow,
  { rules, now, batch }: Pick<MergeOptions, 'now' | 'batch'> & { readonly rules: WindowRules },
): boolean {
  let state = held.windows?.get(row.view)
  if (state === undefined) {
    state = createWindowState(rules)
    for (const id of held.hasTombstones ? tombstonesOf(row.view) : []) {
      const slot = findSlot(block.rows, held.first, id)
      if (slot !== NO_SLOT) deleteEvents(state, slotEventTime(block.rows, slot))
    }
    setWindows(block, held, row.view, state)
  }
  if (wasCounted(state, row, batch)) return false
  return countEvent(rules, state, row, now)
}

/** Puts windows in the place of those held. */
export function setWindows(block: LiveBlock, held: KeyRows, view: string, state: WindowState): void {
  held.windows ??= new Map()
  if (!held.windows.has(view)) block.bytes += WINDOWS_BYTES
  held.windows.set(copyText(view), state)
}

/** Forgets what the tombstone deletes: rows that it beats. */
function forgetDeleted(block: LiveBlock, held: KeyRows, tombstone: ViewRow): void {
  const isMeant = (view: string) => !isTombstone(view) && tombstonesOf(view).includes(tombstone.view)
  forgetRows(block, tombstone.key, (row) => isMeant(row.view) && compareStamps(row, tombstone) <= 0)
  for (const [view, state] of held.windows ?? []) if (isMeant(view)) deleteEvents(state, tombstone.eventTime)
}

/** Forgets what all views but these hold; tombstones stay, for versions to come. */
export function keepViews(block: LiveBlock, views: ReadonlySet<string>): void {
  for (const [key, held] of block.rowsByKey) {
    forgetRows(block, key, ({ view }) => !isTombstone(view) && !views.has(view))
    for (const view of held.windows?.keys() ?? []) {
      if (!views.has(view) && held.windows?.delete(view)) block.bytes -= WINDOWS_BYTES
    }
  }
  noteChange(block)
}

/** Forgets all that is held of a key; false when there is nothing. */
export function forgetKey(block: LiveBlock, key: string): boolean {
  const held = block.rowsByKey.get(key)
  if (held === undefined) return false
  forgetRows(block, key, () => true)
  block.rowsByKey.delete(key)
  block.bytes -= KEY_BYTES + key.length + (held.windows?.size ?? 0) * WINDOWS_BYTES
  noteChange(block)
  return true
}

function forgetRows(block: LiveBlock, key: string, isForgotten: (row: ViewRow) => boolean): void {
  const { rows } = block
  const held = block.rowsByKey.get(key)!
  for (let slot = held.first, next = NO_SLOT; slot !== NO_SLOT; slot = next) {
    next = nextSlot(rows, slot)
    if (!isForgotten(readRow(rows, slot, key))) continue
    block.bytes -= ROW_BYTES + slotCells(rows, slot).length
    held.first = removeRow(rows, held.first, slot)
  }
}

export interface EncodedRange {
  /** The range of hashes, as text. */
  readonly bits: string
  readonly views: readonly string[]
  readonly rulesOf: RulesOf
  readonly now: Instant
}

/** KV's text for a range of hashes: what the given blocks hold in it of these views. */
export function encodeLiveBlocks(
  blocks: readonly LiveBlock[],
  { bits, views, rulesOf, now }: EncodedRange,
): string {
  const range = Number.parseInt(bits, 2)
  const rows: BlockRow[] = []
  for (const block of blocks) {
    for (const [key, held] of block.rowsByKey) {
      if (topBits(held.hashHigh, bits.length) !== range) continue
      const found = views.map((view) => latestCells(block, held, view) ?? tileCells(held, view, rulesOf, now))
      if (found.some((row) => row !== undefined))
        rows.push({ key, hashLow: held.hashLow >>> 0, views: found })
    }
  }
  const publishedMs = blocks.reduce((ms, { textMsMin }) => Math.max(ms, textMsMin), Math.floor(now / 1_000))
  for (const block of blocks) block.textMs = Math.max(block.textMs, publishedMs)
  return encodeBlock(views, publishedMs, rows)
}

function latestCells({ rows }: LiveBlock, { first }: KeyRows, view: string): BlockCells | undefined {
  const slot = findSlot(rows, first, view)
  return slot === NO_SLOT ? undefined : { eventTime: slotEventTime(rows, slot), cells: slotCells(rows, slot) }
}

/** A view's tiles as its line in a block; readers finish the windows at their own now (S18). */
function tileCells(held: KeyRows, view: string, rulesOf: RulesOf, now: Instant): BlockCells | undefined {
  const state = held.windows?.get(view)
  const rules = state && rulesOf(view)
  if (state === undefined || rules === undefined) return undefined
  dropOld(rules, state, now)
  // What a block shows has been filled: the writer has all of its log, and refuses by message what comes again.
  state.counted = undefined
  if (state.newest === Number.NEGATIVE_INFINITY) return undefined
  return { eventTime: state.newest, cells: encodeTiles(rules.plan, state.tiles) }
}
