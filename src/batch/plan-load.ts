import { invalid } from '../core/error.ts'
import { nearestName } from '../core/nearest-name.ts'
import type { RowGroupRange } from '../core/parquet.ts'
import type { ValueType } from '../core/value.ts'
import type { CompiledSource, Snapshot } from '../definitions/snapshot.ts'
import { CHUNK_BYTES_MAX, CHUNK_ROWS_MAX, type ChunkRange } from './load-plan.ts'

/** A value in memory takes this much at least, whatever a dictionary makes of it in the file. */
const VALUE_BYTES_MIN = 8

/** Cuts a Parquet file into chunks of even size, each within both bounds. Pure; the same file gives the same chunks. */
export function planChunks(
  rowGroups: readonly Pick<RowGroupRange, 'rowStart' | 'rowEnd' | 'bytes'>[],
  columnCount: number,
): ChunkRange[] {
  return rowGroups.flatMap(({ rowStart, rowEnd, bytes: stored }) => {
    const rows = rowEnd - rowStart
    const bytes = decodedBytes({ rows, stored, columnCount })
    const count = Math.max(
      Math.ceil(rows / CHUNK_ROWS_MAX),
      Math.min(Math.ceil(bytes / CHUNK_BYTES_MAX), rows),
    )
    const rowsEach = Math.ceil(rows / Math.max(count, 1))
    return Array.from({ length: rows === 0 ? 0 : Math.ceil(rows / rowsEach) }, (_, at) => ({
      rowStart: rowStart + at * rowsEach,
      rowEnd: Math.min(rowStart + (at + 1) * rowsEach, rowEnd),
      text: null,
    }))
  })
}

/** About what rows of a Parquet file take in memory, by the bytes of their pages before compression. */
export function decodedBytes({
  rows,
  stored,
  columnCount,
}: {
  readonly rows: number
  readonly stored: number
  readonly columnCount: number
}): number {
  return Math.max(stored, rows * columnCount * VALUE_BYTES_MIN)
}

/** A column of a landed file; text has no types. */
export interface LandedColumn {
  readonly name: string
  readonly type: ValueType | undefined | 'text'
  /** Of a decimal, how many of its digits stand behind the point. */
  readonly scale?: number
  /** How the file names its type, for messages. */
  readonly physical: string
}

/**
 * Refuses a file whose columns are not those of the source: of another type, or missing though every row needs a value
 * there (times, required columns, join keys). Other missing columns read as null (S12). Answers the columns that
 * the source does not declare: they are ignored.
 */
export function checkColumns(
  snapshot: Snapshot,
  source: CompiledSource,
  { columns, what }: { readonly columns: readonly LandedColumn[]; readonly what: string },
): string[] {
  const found = new Map(columns.map((column) => [column.name, column]))
  if (found.size < columns.length) throw invalid(`Cannot load ${what}: two of its columns have one name`)
  const keys = source.views.flatMap((view) => snapshot.views[view]!.keys)
  const keyColumns = keys.flatMap((key) => (key.kind === 'column' ? [key.column] : []))
  const needed = new Set([source.eventTime, source.createdTime, ...keyColumns])
  const declared = source.columns.map(({ name }) => name)
  const ignored = columns.map(({ name }) => name).filter((name) => !declared.includes(name))
  const problems = source.columns.flatMap(({ name, type, required, unit }, at) => {
    const column = found.get(name)
    if (column === undefined) {
      if (!required && !needed.has(at)) return []
      const nearest = nearestName(name, ignored)
      const hint = nearest === undefined ? '' : ` (it has "${nearest}")`
      return [`it has no column "${name}"${hint}, ${type} is needed`]
    }
    if (isReadableAs(type, column, unit !== null)) return []
    return [`column "${name}" is ${column.physical}, ${type} is needed`]
  })
  if (problems.length > 0) throw invalid(`Cannot load ${what}: ${problems.join('; ')}`, { problems })
  return ignored
}

/** Whether values of a file's type are values of a declared one, without loss and without guessing. */
function isReadableAs(type: ValueType, { type: found, scale }: LandedColumn, hasUnit: boolean): boolean {
  // A float64 is the nearest to a decimal, whose digits a string has all.
  if (scale !== undefined) return type === 'string' || type === 'float64' || (type === 'int64' && scale === 0)
  return found === 'text' || found === type || (type === 'timestamp' && found === 'int64' && hasUnit)
}
