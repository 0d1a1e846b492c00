import { FeatureStoreError } from './error.ts'
import { createParquetWriter, type ParquetFile, ROW_GROUP_ROWS } from './parquet.ts'
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

/** Rows found in a file. */
export interface FoundRows {
  readonly count: number
  /** Positions within each row group. */
  readonly byGroup: readonly ReadonlySet<number>[]
}

/**
 * Takes rows out of a Parquet file, row group by row group. Undefined when there is no such row: then nothing but the columns
 * of `reads` was read. Throws `failed_precondition` where it has a column of a type that we cannot write.
 */
export async function eraseRows(
  file: ParquetFile,
  { required, ...rows }: RowsToErase,
): Promise<ErasedFile | undefined> {
  const found = await findRows(file, rows)
  if (found.count === 0) return undefined
  const parts = await Array.fromAsync(keepRows(file, found, required))
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return { bytes, rowCount: file.rowCount - found.count, erasedCount: found.count }
}

/** Such rows, a part of a row group in memory at a time. */
export async function findRows(file: ParquetFile, { reads, isErased }: RowsToFind): Promise<FoundRows> {
  const byGroup: Set<number>[] = []
  let count = 0
  for (const group of file.rowGroups) {
    const erased = new Set<number>()
    for (const [start, end] of parts(group)) {
      const columns: ArrayLike<unknown>[] = []
      for (const name of reads) columns.push(await file.readColumn(name, start, end))
      for (let row = 0; row < end - start; row++)
        if (isErased(columns.map((values) => (values[row] ?? null) as Value)))
          erased.add(start - group.rowStart + row)
    }
    byGroup.push(erased)
    count += erased.size
  }
  return { count, byGroup }
}

/** The bytes of a file like this one without the rows found, bit by bit, with bloom filters where it has some; throws as `eraseRows` does. */
export async function* keepRows(
  file: ParquetFile,
  { byGroup }: FoundRows,
  required: ReadonlySet<string> = new Set(),
): AsyncGenerator<Uint8Array> {
  const columns = file.columns.map(({ name, type, physical }) => {
    if (type === undefined)
      throw new FeatureStoreError(
        'failed_precondition',
        `column "${name}" is ${physical}, which cannot be written`,
      )
    const hasBloomFilter = file.rowGroups.some(({ sizes }) => sizes(name).bloomFilter > 0)
    return { name, type, required: required.has(name), hasBloomFilter }
  })
  const writer = createParquetWriter(columns)
  for (const [at, group] of file.rowGroups.entries()) {
    const erased = byGroup[at]!
    if (erased.size === group.rowEnd - group.rowStart) continue
    for (const [start, end] of parts(group)) {
      const kept: Value[][] = []
      for (const { name, type } of columns) {
        const values = Array.from(await file.readColumn(name, start, end))
        kept.push(
          values
            .filter((_, row) => !erased.has(start - group.rowStart + row))
            .map((value) => checkParquetValue(type, value)),
        )
      }
      writer.write(kept)
      yield writer.takeBytes()
    }
  }
  yield writer.finish()
}

/** Ranges of rows of which one is decoded at a time. */
function parts({ rowStart, rowEnd }: ParquetFile['rowGroups'][number]): [start: number, end: number][] {
  const count = Math.ceil((rowEnd - rowStart) / ROW_GROUP_ROWS)
  return Array.from({ length: count }, (_, part) => {
    const start = rowStart + part * ROW_GROUP_ROWS
    return [start, Math.min(start + ROW_GROUP_ROWS, rowEnd)]
  })
}
