import { hashKey } from '../core/entity-key.ts'
import { createRowDecoder, encodeRow } from '../core/row.ts'
import { keyRows, type LiveBlock, mergeLatest, type RulesOf, setWindows } from './live-block.ts'
import { NO_SLOT, nextSlot, readRow } from './row-columns.ts'
import { decodeWindowLine, encodeWindowLine, isWindowLine } from './window-state.ts'

/** The block as a checkpoint holds it: a line a row. */
export function encodeCheckpoint(block: LiveBlock, rulesOf: RulesOf): string {
  const lines: string[] = []
  const { rows } = block
  for (const [key, { first, windows }] of block.rowsByKey) {
    for (let slot = first; slot !== NO_SLOT; slot = nextSlot(rows, slot))
      lines.push(encodeRow(readRow(rows, slot, key)))
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
