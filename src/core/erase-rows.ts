import { createParquetWriter, type ParquetFile } from './parquet.ts'
import type { Value, ValueType } from './value.ts'

/** What is left of a file once rows were taken out of it. */
export interface ErasedFile {
  readonly bytes: Uint8Array
  /** Rows that are left, and rows that are gone. */
  readonly rowCount: number
  readonly erasedCount: number
}

export interface RowsToErase {
  /** Columns that `isErased` reads. */
  readonly reads: readonly string[]
  /** Whether a row goes, by its values of `reads`. */
  readonly isErased: (values: readonly Value[]) => boolean
  /** Columns that are never null, to be written so again. */
  readonly required: ReadonlySet<string>
}

/**
 * Takes rows out of a Parquet file, row group by row group; every column of it is of a known type. Undefined when there is no
 * such row: then nothing but the columns of `reads` was read.
 */
export async function eraseRows(
  file: ParquetFile,
  { reads, isErased, required }: RowsToErase,
): Promise<ErasedFile | undefined> {
  const erasedByGroup: Set<number>[] = []
  for (const { rowStart, rowEnd } of file.rowGroups) {
    const columns: ArrayLike<unknown>[] = []
    for (const name of reads) columns.push(await file.readColumn(name, rowStart, rowEnd))
    const erased = new Set<number>()
    for (let row = 0; row < rowEnd - rowStart; row++)
      if (isErased(columns.map((values) => (values[row] ?? null) as Value))) erased.add(row)
    erasedByGroup.push(erased)
  }
  const erasedCount = erasedByGroup.reduce((sum, { size }) => sum + size, 0)
  if (erasedCount === 0) return undefined
  const writer = createParquetWriter(
    file.columns.map(({ name, type }) => ({ name, type: type as ValueType, required: required.has(name) })),
  )
  for (const [group, { rowStart, rowEnd }] of file.rowGroups.entries()) {
    const erased = erasedByGroup[group]!
    if (erased.size === rowEnd - rowStart) continue
    const kept: Value[][] = []
    for (const { name } of file.columns) {
      const values = Array.from(await file.readColumn(name, rowStart, rowEnd))
      kept.push(values.map((value) => (value ?? null) as Value).filter((_, row) => !erased.has(row)))
    }
    writer.write(kept)
  }
  return { bytes: writer.finish(), rowCount: file.rowCount - erasedCount, erasedCount }
}
