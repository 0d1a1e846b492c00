import { FeatureStoreError } from './error.ts'
import { createParquetWriter, type ParquetFile } from './parquet.ts'
import { checkParquetValue, type Value } from './value.ts'

/** What is left of a file once rows were taken out of it. */
export interface ErasedFile {
  readonly bytes: Uint8Array
  /** Rows that are left, and rows that are gone. */
  readonly rowCount: number
  readonly erasedCount: number
}

export interface RowsToFind {
  /** Columns that `isErased` reads. */
  readonly reads: readonly string[]
  /** Whether a row goes, by its values of `reads`, as the file holds them. */
  readonly isErased: (values: readonly Value[]) => boolean
}

export interface RowsToErase extends RowsToFind {
  /** Columns that are never null, to be written so again. */
  readonly required: ReadonlySet<string>
}

/**
 * Takes rows out of a Parquet file, row group by row group. Undefined when there is no such row: then nothing but the columns
 * of `reads` was read. Throws `failed_precondition` where it has a column of a type that we cannot write.
 */
export async function eraseRows(
  file: ParquetFile,
  { required, ...rows }: RowsToErase,
): Promise<ErasedFile | undefined> {
  const erasedByGroup = await findRows(file, rows)
  const erasedCount = erasedByGroup.reduce((sum, { size }) => sum + size, 0)
  if (erasedCount === 0) return undefined
  const columns = file.columns.map(({ name, type, physical }) => {
    if (type === undefined)
      throw new FeatureStoreError(
        'failed_precondition',
        `column "${name}" is ${physical}, which cannot be written`,
      )
    return { name, type, required: required.has(name) }
  })
  const writer = createParquetWriter(columns)
  for (const [group, { rowStart, rowEnd }] of file.rowGroups.entries()) {
    const erased = erasedByGroup[group]!
    if (erased.size === rowEnd - rowStart) continue
    const kept: Value[][] = []
    for (const { name, type } of columns) {
      const values = Array.from(await file.readColumn(name, rowStart, rowEnd))
      kept.push(values.filter((_, row) => !erased.has(row)).map((value) => checkParquetValue(type, value)))
    }
    writer.write(kept)
  }
  return { bytes: writer.finish(), rowCount: file.rowCount - erasedCount, erasedCount }
}

/** Positions of such rows within each row group. */
export async function findRows(
  file: ParquetFile,
  { reads, isErased }: RowsToFind,
): Promise<readonly ReadonlySet<number>[]> {
  const found: Set<number>[] = []
  for (const { rowStart, rowEnd } of file.rowGroups) {
    const columns: ArrayLike<unknown>[] = []
    for (const name of reads) columns.push(await file.readColumn(name, rowStart, rowEnd))
    const erased = new Set<number>()
    for (let row = 0; row < rowEnd - rowStart; row++)
      if (isErased(columns.map((values) => (values[row] ?? null) as Value))) erased.add(row)
    found.push(erased)
  }
  return found
}
