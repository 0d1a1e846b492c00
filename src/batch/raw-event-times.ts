import type { ParquetFile } from '../core/parquet.ts'
import { RAW_GENERATION_COLUMN } from '../core/raw-segment.ts'
import type { Value } from '../core/value.ts'
import type { Source } from '../definitions/source.ts'
import type { Platform } from '../platform.ts'

/** Where the rows of a segment have their event time. */
export interface EventTimes {
  /** Columns that `timeOf` reads. */
  readonly reads: readonly string[]
  readonly timeOf: (values: readonly Value[]) => Value
}

/** The column that sources named as their event time in a generation, by source. */
export type TimeColumns = (generation: number) => Promise<ReadonlyMap<string, string>>

/** Reads each generation once. */
export function createTimeColumns({ registry }: Platform): TimeColumns {
  const known = new Map<number, ReadonlyMap<string, string>>()
  return async (generation) => {
    const columns = known.get(generation)
    if (columns !== undefined) return columns
    const sources = (await registry.read(generation))?.definitions.sources ?? []
    const read = new Map(sources.map(({ name, event_time }) => [name, event_time]))
    known.set(generation, read)
    return read
  }
}

/**
 * A raw row has its event time in the column that its source named when the row was taken in: rows of one segment may have it in
 * several, for segments are joined across such a change.
 */
export async function rawEventTimes(
  file: ParquetFile,
  { name, event_time: newest }: Source,
  timeColumns: TimeColumns,
): Promise<EventTimes> {
  const columns = new Map<Value, string>()
  for (const { rowStart, rowEnd } of file.rowGroups) {
    const generations = (await file.readColumn(RAW_GENERATION_COLUMN, rowStart, rowEnd)) as ArrayLike<bigint>
    for (const generation of new Set(Array.from(generations)))
      columns.set(generation, (await timeColumns(Number(generation))).get(name) ?? newest)
  }
  const times = [...new Set(columns.values())].filter((column) =>
    file.columns.some(({ name: held, type }) => held === column && type === 'timestamp'),
  )
  const reads = [RAW_GENERATION_COLUMN, ...times]
  return {
    reads,
    timeOf: (values) => values[reads.indexOf(columns.get(values[0]!)!)] ?? null,
  }
}
