import { splitCells } from '../core/value.ts'
import type { CompiledSource } from '../definitions/snapshot.ts'

/** Where a message holds each column of the source as it is now; -1 for a column it did not know. */
export function cellPositions(source: CompiledSource, columns: readonly string[]): number[] {
  return source.columns.map(({ name }) => columns.indexOf(name))
}

/** The texts of a message's row in the order of the source's columns. */
export function cellTexts(positions: readonly number[], cells: string): string[] {
  const texts = splitCells(cells)
  return positions.map((position) => texts[position] ?? 'null')
}
