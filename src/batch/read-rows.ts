import { parseCell } from '../core/cell.ts'
import { parseCsv } from '../core/csv.ts'
import { assert, FeatureStoreError } from '../core/error.ts'
import { LIMITS } from '../core/limits.ts'
import { parseNdjson } from '../core/ndjson.ts'
import { openParquet } from '../core/parquet.ts'
import { pieceText, type TextFormat } from '../core/text-piece.ts'
import { isInstant } from '../core/time.ts'
import { checkParquetValue, parseValue, type Value } from '../core/value.ts'
import { type Vector, vectorOfValues, vectorValue } from '../core/vector.ts'
import type { CompiledColumn, CompiledSource } from '../definitions/snapshot.ts'
import type { LoadRecord, Platform } from '../platform.ts'
import type { ChunkRange, LoadPlan, TextRange } from './load-plan.ts'
import { partitionValues } from './partition-values.ts'
import { isGzip, landedFile } from './plan-file.ts'

/** Rows of a chunk, column by column as the source declares them. */
export interface ChunkRows {
  readonly rowStart: number
  readonly rowCount: number
  readonly columns: readonly Vector[]
  /** Why rows could not be read, by position; their values mean nothing. */
  readonly faults: ReadonlyMap<number, string>
}

/** Reads one chunk of a landed file. A fault of the file is thrown, one of a row is noted. */
export async function readRows(
  platform: Platform,
  source: CompiledSource,
  { load, plan, chunk }: { readonly load: LoadRecord; readonly plan: LoadPlan; readonly chunk: number },
): Promise<ChunkRows> {
  const range = plan.chunks[chunk]!
  const { rowStart, rowEnd, text } = range
  const rows = createRows(source, rowStart, rowEnd - rowStart)
  const found =
    text === null
      ? await readParquet(platform, { load, rows }, range)
      : await readText(platform, { load, plan, chunk, rows }, text)
  fillFromPath(rows, load.file, found)
  const columns = source.columns.map(
    ({ type }, at) => rows.vectors.get(at) ?? vectorOfValues(type, rows.cells[at]!),
  )
  return { rowStart, rowCount: rows.rowCount, columns, faults: rows.faults }
}

interface Rows extends Omit<ChunkRows, 'columns'> {
  readonly source: CompiledSource
  /** By column, then by row: values that come one by one. */
  readonly cells: Value[][]
  /** Columns that come as a whole, by position: their cells mean nothing. */
  readonly vectors: Map<number, Vector>
  readonly faults: Map<number, string>
}

function createRows(source: CompiledSource, rowStart: number, rowCount: number): Rows {
  const cells = source.columns.map(() => new Array<Value>(rowCount).fill(null))
  return { source, rowStart, rowCount, cells, vectors: new Map(), faults: new Map() }
}

/** Sets one value; a fault of its own spoils the row, and the first one is told. */
function setValue(
  rows: Rows,
  { row, at, line }: { readonly row: number; readonly at: number; readonly line?: number },
  read: (column: CompiledColumn) => Value,
): void {
  const column = rows.source.columns[at]!
  try {
    rows.cells[at]![row] = read(column)
  } catch (error) {
    if (!(error instanceof FeatureStoreError)) throw error
    const where = line === undefined ? '' : `Line ${line}: `
    if (!rows.faults.has(row)) rows.faults.set(row, `${where}Column "${column.name}": ${error.message}`)
  }
}

/** Answers the columns it found, as all of these do. */
async function readParquet(
  platform: Platform,
  { load, rows }: { readonly load: LoadRecord; readonly rows: Rows },
  { rowStart, rowEnd, pages }: ChunkRange,
): Promise<ReadonlySet<string>> {
  const buffer = platform.landing.open(load.source, landedFile(load))
  const file = await openParquet(buffer, `file "${load.file}"`)
  const types = new Map(file.columns.map(({ name, type }) => [name, type]))
  for (const [at, { name, type, unit }] of rows.source.columns.entries()) {
    const found = types.get(name)
    if (!types.has(name)) continue
    if (found === type) {
      const vector = await file.readVectorRange(name, {
        rowStart,
        rowEnd,
        places: pages?.[name],
        pageBytesMax: LIMITS.parquetPageBytesMax,
      })
      if (vector !== undefined) {
        setVector(rows, at, vector)
        continue
      }
    }
    const values = await file.readColumn(name, rowStart, rowEnd)
    // A unit is for epoch numbers; a column of real timestamps needs none.
    const epoch = found === 'int64' ? (unit ?? undefined) : undefined
    for (let row = 0; row < rows.rowCount; row++)
      setValue(rows, { row, at }, () => checkParquetValue(type, values[row], epoch))
  }
  return new Set(types.keys())
}

/** Of what such columns hold, only a time may be none of the store's. */
function setVector(rows: Rows, at: number, vector: Vector): void {
  const { type } = rows.source.columns[at]!
  rows.vectors.set(at, vector)
  if (type !== 'timestamp') return
  for (let row = 0; row < rows.rowCount; row++) {
    const value = vectorValue(vector, row)
    if (value !== null && !isInstant(value as number))
      setValue(rows, { row, at }, () => checkParquetValue(type, value))
  }
}

async function readText(
  platform: Platform,
  {
    load,
    plan,
    chunk,
    rows,
  }: { readonly load: LoadRecord; readonly plan: LoadPlan; readonly chunk: number; readonly rows: Rows },
  range: TextRange,
): Promise<ReadonlySet<string>> {
  const format = rows.source.landing as TextFormat
  const bytes = isGzip(load.file)
    ? await readPart(platform, load, chunk)
    : new Uint8Array(
        await platform.landing.open(load.source, landedFile(load)).slice(range.byteStart, range.byteEnd),
      )
  const { rowStart, rowCount } = rows
  const text = pieceText({ ...range, bytes, rowStart, rowCount })
  if (format.kind === 'ndjson') return readNdjson(rows, text, range.lineStart)
  readCsv(rows, { text, delimiter: format.delimiter, lineStart: range.lineStart }, plan.fields!)
  return new Set(plan.fields)
}

async function readPart(
  { loads }: Platform,
  { id, generation }: LoadRecord,
  chunk: number,
): Promise<Uint8Array> {
  const bytes = await loads.readPart(id, { generation, chunk })
  if (bytes !== undefined) return bytes
  // Deleted for a run before. Without its plan the file is cut once more when this is tried again, and all parts are kept.
  await loads.deleteKept(id)
  throw new FeatureStoreError('unavailable', `Part ${chunk} of load "${id}" is gone, it is made again`)
}

function readCsv(
  rows: Rows,
  {
    text,
    delimiter,
    lineStart,
  }: { readonly text: string; readonly delimiter: string; readonly lineStart: number },
  names: readonly string[],
): void {
  const records = parseCsv(text, delimiter, lineStart)
  assert(records.length === rows.rowCount, 'a chunk has the rows its plan says')
  const positions = rows.source.columns.map(({ name }) => names.indexOf(name))
  for (const [row, { line, fields, fault }] of records.entries()) {
    const isRagged = fields.length !== names.length
    if (fault !== undefined || isRagged) {
      const why = fault ?? `${fields.length} fields are there, ${names.length} are needed`
      rows.faults.set(row, `Line ${line}: ${why}`)
      continue
    }
    for (const [at, position] of positions.entries()) {
      const field = fields[position] ?? null
      if (field !== null)
        setValue(rows, { row, at, line }, ({ type, unit }) => parseCell(type, field, unit ?? undefined))
    }
  }
}

function readNdjson(rows: Rows, text: string, lineStart: number): ReadonlySet<string> {
  const lines = parseNdjson(text, lineStart)
  assert(lines.length === rows.rowCount, 'a chunk has the rows its plan says')
  for (const [row, { line, json, fault }] of lines.entries()) {
    if (fault !== undefined || typeof json !== 'object' || json === null || Array.isArray(json)) {
      rows.faults.set(row, `Line ${line}: ${fault ?? 'a JSON object is needed'}`)
      continue
    }
    const object = json as Record<string, unknown>
    for (const [at, { name }] of rows.source.columns.entries()) {
      if (!Object.hasOwn(object, name)) continue
      setValue(rows, { row, at, line }, ({ type, unit }) => parseValue(type, object[name], unit ?? undefined))
    }
  }
  // Each line has the fields it has: what the path says is for files whose rows are alike.
  return new Set()
}

/** Columns that the file lacks and its path has, the same value in every row. */
function fillFromPath(rows: Rows, fileName: string, found: ReadonlySet<string>): void {
  const inPath = partitionValues(fileName)
  for (const [at, { name }] of rows.source.columns.entries()) {
    const text = inPath.get(name)
    if (found.has(name) || text === undefined || text === null) continue
    for (let row = 0; row < rows.rowCount; row++) {
      if (rows.cells[at]![row] !== null) continue
      setValue(rows, { row, at }, ({ type, unit }) => parseCell(type, text, unit ?? undefined))
    }
  }
}
