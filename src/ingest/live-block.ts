import { type BlockRow, encodeBlock } from '../core/block.ts'
import { compareStamps, decodeRow, encodeRow, type ViewRow } from '../core/row.ts'

/** A block in a writer's memory: the newest row of each view for each key. */
export interface LiveBlock {
  readonly rowsByKey: Map<string, KeyRows>
  /** Counts merges, so that a put knows whether the block has changed under it. */
  changes: number
  /** When it should be put; null when KV holds it as it is. */
  dueMs: number | null
  failures: number
}

interface KeyRows {
  readonly hashLow: number
  /** Newest row by `view@version`. */
  readonly rows: Map<string, ViewRow>
}

export function createLiveBlock(): LiveBlock {
  return { rowsByKey: new Map(), changes: 0, dueMs: null, failures: 0 }
}

/** S6 in one place: the row replaces what its view holds for its key if it wins; false when it loses. */
export function mergeRow(block: LiveBlock, row: ViewRow, hashLow: number): boolean {
  let held = block.rowsByKey.get(row.key)
  if (held === undefined) {
    held = { hashLow, rows: new Map() }
    block.rowsByKey.set(row.key, held)
  }
  const newest = held.rows.get(row.view)
  if (newest !== undefined && compareStamps(row, newest) <= 0) return false
  held.rows.set(row.view, row)
  block.changes++
  return true
}

/** Forgets the rows of all views but these. */
export function keepViews(block: LiveBlock, views: readonly string[]): void {
  for (const { rows } of block.rowsByKey.values()) {
    for (const view of rows.keys()) if (!views.includes(view)) rows.delete(view)
  }
  block.changes++
}

/** The block as KV holds it. */
export function encodeLiveBlock(block: LiveBlock, views: readonly string[], publishedMs: number): string {
  const rows: BlockRow[] = []
  for (const [key, { hashLow, rows: rowsByView }] of block.rowsByKey) {
    rows.push({ key, hashLow, views: views.map((view) => rowsByView.get(view)) })
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
