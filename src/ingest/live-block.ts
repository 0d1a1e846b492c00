import { type BlockCells, type BlockRow, encodeBlock } from '../core/block.ts'
import { copyText } from '../core/copy-text.ts'
import { hashKey, type KeyHash, topBits } from '../core/entity-key.ts'
import {
  compareStamps,
  createRowDecoder,
  encodeRow,
  isTombstone,
  tombstonesOf,
  type ViewRow,
} from '../core/row.ts'
import type { Instant } from '../core/time.ts'
import { encodeTiles } from '../core/window/tile-text.ts'
import {
  countEvent,
  createWindowState,
  decodeWindowLine,
  deleteEvents,
  dropOld,
  encodeWindowLine,
  isWindowLine,
  type WindowRules,
  type WindowState,
} from './window-state.ts'

/** A block in a writer's memory: what each view holds for each key, and what was deleted. */
export interface LiveBlock {
  readonly rowsByKey: Map<string, KeyRows>
  /** Merges that its checkpoint does not hold yet. */
  changes: number
  /** The last journal entry whose rows it holds: windows must not count one again. */
  through: number
  /** Bytes it takes in memory, roughly. */
  bytes: number
}

interface KeyRows {
  readonly hashHigh: number
  readonly hashLow: number
  /** Whether any of `rows` is a tombstone. */
  hasTombstones: boolean
  /**
   * Newest row of each `view@version`, newest tombstone of each id; a row that a tombstone beats is forgotten. Few, and
   * most often one: a map for each key would take more memory than the row.
   */
  rows: readonly ViewRow[]
  /** By `view@version`; undefined while no view of the key has windows. */
  windows: Map<string, WindowState> | undefined
}

/** How the views of a block's rows are kept; undefined for a view that serves its latest row. */
export type RulesOf = (view: string) => WindowRules | undefined

export function createLiveBlock(): LiveBlock {
  return { rowsByKey: new Map(), changes: 0, through: 0, bytes: BLOCK_BYTES }
}

/** What the objects around a block, a key, a row and a set of tiles cost; measured in V8, rounded up. */
const BLOCK_BYTES = 500
const KEY_BYTES = 170
const ROW_BYTES = 260
const WINDOWS_BYTES = 2_000

export interface MergeOptions {
  /** Of the row's key. */
  readonly hash: KeyHash
  readonly rulesOf: RulesOf
  readonly now: Instant
  /** What brought the row, if it stands in the log already (`WindowState.batches`). */
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
  if (isChange) block.changes++
  return isChange
}

function keyRows(block: LiveBlock, key: string, hash: KeyHash): KeyRows {
  let held = block.rowsByKey.get(key)
  if (held === undefined) {
    held = { hashHigh: hash.high, hashLow: hash.low, hasTombstones: false, rows: [], windows: undefined }
    block.rowsByKey.set(copyText(key), held)
    block.bytes += KEY_BYTES + key.length
  }
  return held
}

/** What is held of a key under a version or a tombstone's id. */
export function findRow(held: KeyRows | undefined, view: string): ViewRow | undefined {
  return held?.rows.find((row) => row.view === view)
}

/**
 * S6 in one place: the row replaces what its view holds for its key if it wins; false when it loses, to a row
 * of its view or to a tombstone (S10).
 */
function mergeLatest(block: LiveBlock, held: KeyRows, row: ViewRow): boolean {
  if (isBeaten(row, findRow(held, row.view))) return false
  if (isTombstone(row.view)) {
    held.hasTombstones = true
    forgetDeleted(block, held, row)
  } else if (held.hasTombstones && tombstonesOf(row.view).some((id) => isBeaten(row, findRow(held, id)))) {
    return false
  }
  forget(block, held, row.view)
  // Pushed to or spread, an array has room for sixteen more.
  held.rows = held.rows.concat(ownRow(row))
  block.bytes += bytesOf(row)
  return true
}

/** Pieces of a text keep all of it in memory: a row that stays must not keep the delivery it came with. */
function ownRow(row: ViewRow): ViewRow {
  return { ...row, key: copyText(row.key), cells: copyText(row.cells) }
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
      const tombstone = findRow(held, id)
      if (tombstone !== undefined) deleteEvents(state, tombstone.eventTime)
    }
    setWindows(block, held, row.view, state)
  }
  if (batch !== undefined && state.batches.has(batch)) return false
  return countEvent(rules, state, row, now)
}

/** Puts windows in the place of those held. */
export function setWindows(block: LiveBlock, held: KeyRows, view: string, state: WindowState): void {
  held.windows ??= new Map()
  if (!held.windows.has(view)) block.bytes += WINDOWS_BYTES
  held.windows.set(copyText(view), state)
}

function isBeaten(row: ViewRow, rival: ViewRow | undefined): boolean {
  return rival !== undefined && compareStamps(row, rival) <= 0
}

function forgetDeleted(block: LiveBlock, held: KeyRows, tombstone: ViewRow): void {
  const isMeant = (view: string) => !isTombstone(view) && tombstonesOf(view).includes(tombstone.view)
  for (const row of held.rows)
    if (isMeant(row.view) && isBeaten(row, tombstone)) forget(block, held, row.view)
  for (const [view, state] of held.windows ?? []) if (isMeant(view)) deleteEvents(state, tombstone.eventTime)
}

/** Forgets what all views but these hold; tombstones stay, for versions to come. */
export function keepViews(block: LiveBlock, views: ReadonlySet<string>): void {
  for (const held of block.rowsByKey.values()) {
    for (const { view } of held.rows) if (!isTombstone(view) && !views.has(view)) forget(block, held, view)
    for (const view of held.windows?.keys() ?? []) {
      if (!views.has(view) && held.windows?.delete(view)) block.bytes -= WINDOWS_BYTES
    }
  }
  block.changes++
}

/** Forgets all that is held of a key; false when there is nothing. */
export function forgetKey(block: LiveBlock, key: string): boolean {
  const held = block.rowsByKey.get(key)
  if (held === undefined) return false
  for (const { view } of held.rows) forget(block, held, view)
  block.rowsByKey.delete(key)
  block.bytes -= KEY_BYTES + key.length + (held.windows?.size ?? 0) * WINDOWS_BYTES
  block.changes++
  return true
}

function forget(block: LiveBlock, held: KeyRows, view: string): void {
  const row = findRow(held, view)
  if (row === undefined) return
  held.rows = held.rows.filter((one) => one !== row)
  block.bytes -= bytesOf(row)
}

function bytesOf({ cells }: ViewRow): number {
  return ROW_BYTES + cells.length
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
  for (const { rowsByKey } of blocks) {
    for (const [key, held] of rowsByKey) {
      if (topBits(held.hashHigh, bits.length) !== range) continue
      const found = views.map((view) => findRow(held, view) ?? tileCells(held, view, rulesOf, now))
      if (found.some((row) => row !== undefined)) rows.push({ key, hashLow: held.hashLow, views: found })
    }
  }
  return encodeBlock(views, Math.floor(now / 1_000), rows)
}

/** A view's tiles as its line in a block; readers finish the windows at their own now (S18). */
function tileCells(held: KeyRows, view: string, rulesOf: RulesOf, now: Instant): BlockCells | undefined {
  const state = held.windows?.get(view)
  const rules = state && rulesOf(view)
  if (state === undefined || rules === undefined) return undefined
  dropOld(rules, state, now)
  if (state.newest === Number.NEGATIVE_INFINITY) return undefined
  return { eventTime: state.newest, cells: encodeTiles(rules.plan, state.tiles) }
}

/** The block as a checkpoint holds it: a line a row. */
export function encodeCheckpoint(block: LiveBlock, rulesOf: RulesOf): string {
  const lines: string[] = []
  for (const [key, { rows, windows }] of block.rowsByKey) {
    for (const row of rows) lines.push(encodeRow(row))
    for (const [view, state] of windows ?? []) {
      const rules = rulesOf(view)
      if (rules !== undefined) lines.push(encodeWindowLine(rules, { view, key, state }))
    }
  }
  return lines.join('\n')
}

/** Takes in what a checkpoint holds of the keys that are wanted. */
export function decodeCheckpoint(
  block: LiveBlock,
  text: string,
  {
    rulesOf,
    isWanted,
  }: { readonly rulesOf: RulesOf; readonly isWanted: (view: string, key: string) => boolean },
): void {
  const decode = createRowDecoder()
  for (const line of text === '' ? [] : text.split('\n')) {
    if (!isWindowLine(line)) {
      const row = decode(line, 0, line.length)
      if (isWanted(row.view, row.key)) mergeLatest(block, keyRows(block, row.key, hashKey(row.key)), row)
      continue
    }
    const found = decodeWindowLine(line, rulesOf)
    if (found === undefined || !isWanted(found.view, found.key)) continue
    setWindows(block, keyRows(block, found.key, hashKey(found.key)), found.view, found.state)
  }
}
