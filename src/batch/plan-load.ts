import { invalid } from '../core/error.ts'
import { nearestName } from '../core/nearest-name.ts'
import type { ParquetFile, RowGroupRange } from '../core/parquet.ts'
import type { ValueType } from '../core/value.ts'
import type { CompiledSource, Snapshot } from '../definitions/snapshot.ts'

/** Rows one step reads; a row group is cut into such chunks, page by page. */
export const CHUNK_ROWS_MAX = 65_536
/** Decoded bytes one step may hold, as the file's own statistics tell them. */
export const CHUNK_BYTES_MAX = 16_000_000

/** Rows of a file that one step loads: from `rowStart` to `rowEnd`, exclusive, within one row group. */
export interface ChunkRange {
  readonly rowStart: number
  readonly rowEnd: number
}

/** Cuts a file into chunks of even size, each within both bounds. Pure; the same file gives the same chunks. */
export function planChunks(rowGroups: readonly RowGroupRange[]): ChunkRange[] {
  return rowGroups.flatMap(({ rowStart, rowEnd, bytes }) => {
    const rows = rowEnd - rowStart
    const count = Math.max(
      Math.ceil(rows / CHUNK_ROWS_MAX),
      Math.min(Math.ceil(bytes / CHUNK_BYTES_MAX), rows),
    )
    const rowsEach = Math.ceil(rows / Math.max(count, 1))
    return Array.from({ length: rows === 0 ? 0 : Math.ceil(rows / rowsEach) }, (_, at) => ({
      rowStart: rowStart + at * rowsEach,
      rowEnd: Math.min(rowStart + (at + 1) * rowsEach, rowEnd),
    }))
  })
}

/**
 * Refuses a file whose columns are not those of the source: of another type, unknown to it, or missing though every
 * row needs a value there (times, required columns, join keys). Other missing columns read as null (S12).
 */
export function checkColumns(
  snapshot: Snapshot,
  source: CompiledSource,
  { file, what }: { readonly file: ParquetFile; readonly what: string },
): void {
  const found = new Map(file.columns.map((column) => [column.name, column]))
  const keys = source.views.flatMap((view) => snapshot.views[view]!.keys)
  const keyColumns = keys.flatMap((key) => (key.kind === 'column' ? [key.column] : []))
  const needed = new Set([source.eventTime, source.createdTime, ...keyColumns])
  const problems = source.columns.flatMap(({ name, type, required, unit }, at) => {
    const column = found.get(name)
    if (column === undefined) {
      return required || needed.has(at) ? [`it has no column "${name}", ${type} is needed`] : []
    }
    if (isReadableAs(type, column.type, unit !== null)) return []
    return [`column "${name}" is ${column.physical}, ${type} is needed`]
  })
  const names = source.columns.map(({ name }) => name)
  for (const { name } of file.columns) {
    if (names.includes(name)) continue
    const nearest = nearestName(name, names)
    problems.push(
      `column "${name}" is unknown to source "${source.name}"${nearest === undefined ? '' : ` (did you mean "${nearest}"?)`}`,
    )
  }
  if (problems.length > 0) throw invalid(`Cannot load ${what}: ${problems.join('; ')}`, { problems })
}

/** Whether values of a file's type are values of a declared one, without loss and without guessing. */
function isReadableAs(type: ValueType, found: ValueType | undefined, hasUnit: boolean): boolean {
  return found === type || (type === 'timestamp' && found === 'int64' && hasUnit)
}
