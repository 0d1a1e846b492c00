import { FeatureStoreError, invalid } from '../core/error.ts'
import { openParquet, type ParquetFile } from '../core/parquet.ts'
import { createFaults } from '../core/parse-fields.ts'
import type { NamedType } from '../core/segment.ts'
import { isInstant, parseInstant } from '../core/time.ts'
import { checkParquetValue, type Value } from '../core/value.ts'
import type { CompiledService } from '../definitions/snapshot.ts'
import type { Files, StoredFile } from '../platform.ts'
import { neededColumns } from './dataset-service.ts'
import { LABEL_TIME } from './parse-labels.ts'
import type { RowRange } from './plan-dataset.ts'

/** Label rows in Parquet files, one after another, all of the same columns. */
export interface LabelRows {
  readonly columns: readonly NamedType[]
  readonly rowCount: number
  /** Decoded bytes. */
  readonly bytes: number
  /** Values of one column as the files hold them. */
  readColumn(name: string, rows: RowRange): Promise<ArrayLike<unknown>>
}

/** Opens files of the columns given, or of those of the first; a column that another file lacks is null there. */
export async function openLabelRows(
  files: Files,
  stored: readonly StoredFile[],
  columns?: readonly NamedType[],
): Promise<LabelRows> {
  const opened: ParquetFile[] = []
  for (const file of stored) opened.push(await openParquet(files.open(file), `label file "${file.path}"`))
  let rowStart = 0
  const parts = opened.flatMap((file) => {
    const fileStart = rowStart
    rowStart += file.rowCount
    return file.rowGroups.map((group) => ({ file, group, fileStart }))
  })
  return {
    columns: columns ?? typedColumns(opened[0]!, stored[0]!.path),
    rowCount: rowStart,
    bytes: parts.reduce((sum, { group }) => sum + group.bytes, 0),
    async readColumn(name, rows) {
      const found: ArrayLike<unknown>[] = []
      for (const { file, group, fileStart } of parts) {
        const start = Math.max(rows.rowStart - fileStart, group.rowStart)
        const end = Math.min(rows.rowEnd - fileStart, group.rowEnd)
        if (start >= end) continue
        const isThere = file.columns.some((column) => column.name === name)
        found.push(
          isThere ? await file.readColumn(name, start, end) : new Array<null>(end - start).fill(null),
        )
      }
      return found.length === 1 ? found[0]! : found.flatMap((values) => Array.from(values))
    },
  }
}

function typedColumns(file: ParquetFile, path: string): NamedType[] {
  return file.columns.map(({ name, type, physical }) => {
    if (type === undefined)
      throw invalid(`Cannot read label file "${path}": column "${name}" is ${physical}, which is not taken`)
    return { name, type }
  })
}

/**
 * Refuses label columns that lack what the service needs, have it in another type, or collide with what the dataset
 * will have beside them (S24). A time may be text, with an offset or without.
 */
export function checkLabelColumns(
  service: CompiledService,
  columns: readonly NamedType[],
  { path, hasStatuses }: { readonly path: string; readonly hasStatuses: boolean },
): void {
  const typeByName = new Map(columns.map(({ name, type }) => [name, type]))
  const problems = neededColumns(service).flatMap(({ name, type }) => {
    const found = typeByName.get(name)
    if (found === undefined) return [`there is no column "${name}", ${type} is needed`]
    const isText = name === LABEL_TIME && found === 'string'
    return found === type || isText ? [] : [`column "${name}" is ${found}, ${type} is needed`]
  })
  const added = answerColumns(service, hasStatuses).map(({ name }) => name)
  for (const [at, name] of [...typeByName.keys(), ...added].entries()) {
    const isFirst = [...typeByName.keys(), ...added].indexOf(name) === at
    if (!isFirst) problems.push(`column "${name}" has the name of a feature, another name is needed`)
  }
  if (problems.length > 0)
    throw invalid(`Cannot read label file "${path}": ${problems.join('; ')}`, { problems })
}

/** The columns that a dataset has beside those of its labels. */
export function answerColumns({ features }: CompiledService, hasStatuses: boolean): NamedType[] {
  const statuses = features.map(({ name }) => ({ name: `${name}_status`, type: 'string' as const }))
  return hasStatuses ? [...features, ...statuses] : [...features]
}

/**
 * What the service needs of some rows, by column: its inputs, then the times. Throws one `invalid_argument` naming
 * every fault by row and column (S24).
 */
export async function readNeeded(
  labels: LabelRows,
  service: CompiledService,
  rows: RowRange,
): Promise<{ readonly inputs: readonly Value[][]; readonly times: readonly number[] }> {
  const faults = createFaults('label')
  const read: Value[][] = []
  for (const { name, type } of neededColumns(service)) {
    const given = await labels.readColumn(name, rows)
    read.push(
      Array.from(given, (value, at) => {
        try {
          const isText = type === 'timestamp' && typeof value === 'string'
          const checked = isText ? parseInstant(value) : checkParquetValue(type, value)
          if (checked === null) faults.add(rows.rowStart + at, name, 'it is null, a value is needed')
          return checked
        } catch (error) {
          if (!(error instanceof FeatureStoreError)) throw error
          faults.add(rows.rowStart + at, name, error.message)
          return null
        }
      }),
    )
  }
  faults.check()
  return { inputs: read.slice(0, -1), times: read.at(-1) as number[] }
}

/** A column that travels along, as it is. */
export async function readPassing(labels: LabelRows, { name, type }: NamedType, rows: RowRange) {
  const values = await labels.readColumn(name, rows)
  return Array.from(values, (value, at) => {
    if (type === 'timestamp' && value !== null && value !== undefined && !isInstant(value as number)) {
      throw invalid(
        `Cannot read label ${rows.rowStart + at}: "${name}": it lies outside 1684-07-28 to 2255-06-05`,
      )
    }
    return checkParquetValue(type, value)
  })
}
