import { type BlockRow, encodeBlock } from '../core/block.ts'
import { hashKey, type KeyHash, topBits } from '../core/entity-key.ts'
import { compareStamps, decodeRow, encodeRow, isTombstone, tombstonesOf, type ViewRow } from '../core/row.ts'

/** A block in a writer's memory: the newest row of each view for each key, and what was deleted. */
export interface LiveBlock {
  readonly rowsByKey: Map<string, KeyRows>
  /** Merges that its checkpoint does not hold yet. */
  changes: number
  /** Bytes it takes in memory, roughly. */
  bytes: number
}

interface KeyRows {
  readonly hash: KeyHash
  /** Whether any of `rows` is a tombstone. */
  hasTombstones: boolean
  /** Newest row by `view@version`, newest tombstone by its id; a row that a tombstone beats is forgotten. */
  readonly rows: Map<string, ViewRow>
}

export function createLiveBlock(): LiveBlock {
  return { rowsByKey: new Map(), changes: 0, bytes: BLOCK_BYTES }
}

/** What the objects around a block, a key and a row cost; measured in V8, rounded up. */
const BLOCK_BYTES = 500
const KEY_BYTES = 300
const ROW_BYTES = 250

/**
 * S6 in one place: the row replaces what its view holds for its key if it wins; false when it loses, to a row
 * of its view or to a tombstone (S10).
 */
export function mergeRow(block: LiveBlock, row: ViewRow): boolean {
  let held = block.rowsByKey.get(row.key)
  if (held === undefined) {
    held = { hash: hashKey(row.key), hasTombstones: false, rows: new Map() }
    block.rowsByKey.set(row.key, held)
    block.bytes += KEY_BYTES + row.key.length
  }
  if (isBeaten(row, held.rows.get(row.view))) return false
  if (isTombstone(row.view)) {
    held.hasTombstones = true
    forgetDeleted(block, held, row)
  } else if (held.hasTombstones && tombstonesOf(row.view).some((id) => isBeaten(row, held.rows.get(id)))) {
    return false
  }
  forget(block, held, row.view)
  held.rows.set(row.view, row)
  block.bytes += bytesOf(row)
  block.changes++
  return true
}

function isBeaten(row: ViewRow, rival: ViewRow | undefined): boolean {
  return rival !== undefined && compareStamps(row, rival) <= 0
}

function forgetDeleted(block: LiveBlock, held: KeyRows, tombstone: ViewRow): void {
  for (const [view, row] of held.rows) {
    const isMeant = !isTombstone(view) && tombstonesOf(view).includes(tombstone.view)
    if (isMeant && isBeaten(row, tombstone)) forget(block, held, view)
  }
}

/** Forgets the rows of all views but these; tombstones stay, for versions to come. */
export function keepViews(block: LiveBlock, views: ReadonlySet<string>): void {
  for (const held of block.rowsByKey.values()) {
    for (const view of held.rows.keys()) if (!isTombstone(view) && !views.has(view)) forget(block, held, view)
  }
  block.changes++
}

function forget(block: LiveBlock, held: KeyRows, view: string): void {
  const row = held.rows.get(view)
  if (row === undefined) return
  held.rows.delete(view)
  block.bytes -= bytesOf(row)
}

function bytesOf({ cells }: ViewRow): number {
  return ROW_BYTES + cells.length
}

/** KV's text for the range `bits` of hashes: the rows of these views that the given blocks hold in it. */
export function encodeLiveBlocks(
  blocks: readonly LiveBlock[],
  {
    bits,
    views,
    publishedMs,
  }: { readonly bits: string; readonly views: readonly string[]; readonly publishedMs: number },
): string {
  const range = Number.parseInt(bits, 2)
  const rows: BlockRow[] = []
  for (const { rowsByKey } of blocks) {
    for (const [key, { hash, rows: rowsByView }] of rowsByKey) {
      if (topBits(hash.high, bits.length) !== range) continue
      const found = views.map((view) => rowsByView.get(view))
      if (found.some((row) => row !== undefined)) rows.push({ key, hashLow: hash.low, views: found })
    }
  }
  return encodeBlock(views, Math.floor(publishedMs), rows)
}

/** The block as a checkpoint holds it: a line a row. */
export function encodeCheckpoint(block: LiveBlock): string {
  const lines: string[] = []
  for (const { rows } of block.rowsByKey.values()) for (const row of rows.values()) lines.push(encodeRow(row))
  return lines.join('\n')
}

/** Lines of `encodeRow` as rows; empty text is none. */
export function decodeRows(lines: string): ViewRow[] {
  return lines === '' ? [] : lines.split('\n').map(decodeRow)
}
