import { parseCell } from '../core/cell.ts'
import { parseCsv } from '../core/csv.ts'
import { FeatureStoreError, invalid } from '../core/error.ts'
import { gunzip } from '../core/gzip.ts'
import { parseNdjson } from '../core/ndjson.ts'
import { writeParquet } from '../core/parquet.ts'
import { createFaults, parseNamedFields } from '../core/parse-fields.ts'
import type { NamedType } from '../core/segment.ts'
import { cutText, pieceText, type TextFormat } from '../core/text-piece.ts'
import { decodeValue, encodeValue, parseValue, type Value, type ValueType } from '../core/value.ts'
import type { Files, Platform, StoredFile } from '../platform.ts'
import { neededColumns } from './dataset-service.ts'
import { datasetPath, type PinnedDataset } from './dataset-steps.ts'
import { type LabelRows, openLabelRows } from './label-rows.ts'
import { kindOf, typeOfKinds } from './parse-labels.ts'

/** Bytes of text one step may hold: in memory its values take a few times as many. */
const PIECE_BYTES_MAX = 4_000_000

/** How label rows stand in a text file, by the ending of its name; undefined for Parquet. */
export function textFormat(path: string): TextFormat | undefined {
  const name = path.replace(/\.gz$/, '')
  if (name.endsWith('.csv')) return { kind: 'csv', delimiter: ',', header: true }
  return /\.(ndjson|jsonl)$/.test(name) ? { kind: 'ndjson' } : undefined
}

/** Where rows of a text file can be cut, found by reading it once: a quote anywhere decides where they end. */
export interface CutText {
  /** Names of a CSV file's fields; null for NDJSON. */
  readonly fields: readonly string[] | null
  readonly pieces: readonly CutPiece[]
}

interface CutPiece {
  /** The file itself, or what was decompressed of it. */
  readonly file: StoredFile
  readonly offset: number
  readonly bytes: number
  /** Where it begins in the text. */
  readonly byteStart: number
  readonly lineStart: number
  readonly rowStart: number
  readonly rowCount: number
}

/** Reads a text file once. Of a compressed one it keeps the pieces, for gzip can only be read from its beginning. */
export async function cutLabels(
  { files }: Platform,
  { dataset, pins }: PinnedDataset,
  { source, format }: { readonly source: StoredFile; readonly format: TextFormat },
): Promise<CutText> {
  const isCompressed = source.path.endsWith('.gz')
  const stream = isCompressed ? gunzip(files.chunks(source)) : files.chunks(source)
  const bounds = { bytesMax: PIECE_BYTES_MAX, rowsMax: pins.chunkRows }
  const pieces: CutPiece[] = []
  let fields: readonly string[] | null = null
  for await (const piece of cutText(stream, format, bounds)) {
    if (format.kind === 'csv' && fields === null) {
      const [header] = parseCsv(pieceText(piece), format.delimiter, piece.lineStart)
      fields = headerFields(source.path, header)
      continue
    }
    const { bytes, byteStart, lineStart, rowStart, rowCount } = piece
    const path = `${datasetPath.scratch(dataset.id)}text-${pieces.length}`
    const file = isCompressed ? await files.put(path, bytes) : source
    const offset = isCompressed ? 0 : byteStart
    pieces.push({ file, offset, bytes: bytes.length, byteStart, lineStart, rowStart, rowCount })
  }
  if (format.kind === 'csv' && fields === null) throw noHeader(source.path, 'it is empty')
  return { fields, pieces }
}

function headerFields(path: string, header: ReturnType<typeof parseCsv>[number] | undefined): string[] {
  if (header === undefined || header.fault !== undefined) throw noHeader(path, header?.fault ?? 'it is empty')
  const names = header.fields.map((field) => field ?? '')
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw noHeader(path, `it names "${twice}" twice`)
  return names
}

function noHeader(path: string, why: string) {
  return invalid(`Cannot read label file "${path}": it has no header, ${why}`)
}

/** A piece as Parquet: what the service needs by its type, the rest as text. */
export interface ConvertedPiece {
  readonly file: StoredFile
  readonly columns: readonly ConvertedColumn[]
}

/** `kinds` are the JSON types of a column of NDJSON that nobody declares; null for one of a known type. */
interface ConvertedColumn extends NamedType {
  readonly kinds: readonly string[] | null
}

/** Reads one piece and checks it, as inline labels are checked (S24). Throws naming every fault by row and column. */
export async function convertPiece(
  { files }: Platform,
  { dataset, resolved }: PinnedDataset,
  { cut, number }: { readonly cut: CutText; readonly number: number },
): Promise<ConvertedPiece> {
  const piece = cut.pieces[number]!
  const bytes = new Uint8Array(await files.open(piece.file).slice(piece.offset, piece.offset + piece.bytes))
  const text = pieceText({ ...piece, bytes })
  const needed = neededColumns(resolved.service)
  const columns =
    cut.fields === null
      ? readNdjson(text, piece, needed)
      : readCsv(text, piece, { needed, fields: cut.fields })
  const path = `${datasetPath.scratch(dataset.id)}rows-${number}`
  const file = await files.put(path, writeParquet(columns))
  return { file, columns: columns.map(({ name, type, kinds }) => ({ name, type, kinds })) }
}

interface ReadColumn extends ConvertedColumn {
  readonly values: readonly Value[]
}

function readNdjson(
  text: string,
  { lineStart, rowStart }: CutPiece,
  needed: readonly NamedType[],
): ReadColumn[] {
  const faults = createFaults('label')
  const rows = parseNdjson(text, lineStart).map(({ line, json, fault }, at) => {
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json)
    if (fault !== undefined || !isObject)
      throw badLine(rowStart + at, line, fault ?? 'a JSON object is needed')
    return json as Readonly<Record<string, unknown>>
  })
  const typed = rows.map((row, at) => parseNamedFields(needed, row, rowStart + at, faults))
  const names = new Set(rows.flatMap((row) => Object.keys(row)))
  for (const { name } of needed) names.add(name)
  const columns = [...names].map((name): ReadColumn => {
    const at = needed.findIndex((column) => column.name === name)
    if (at >= 0) return { ...needed[at]!, kinds: null, values: typed.map((values) => values[at]!) }
    const kinds = new Set<string>()
    const values = rows.map((row, label) => {
      const kind = kindOf(row[name])
      if (kind === 'object') faults.add(rowStart + label, name, 'lists and objects are not taken along')
      if (kind === 'null' || kind === 'object') return null
      kinds.add(kind)
      return encodeValue(kind, parseValue(kind, row[name]))
    })
    return { name, type: 'string', kinds: [...kinds], values }
  })
  faults.check()
  return columns
}

function readCsv(
  text: string,
  { lineStart, rowStart }: CutPiece,
  { needed, fields: names }: { readonly needed: readonly NamedType[]; readonly fields: readonly string[] },
): ReadColumn[] {
  const faults = createFaults('label')
  const rows = parseCsv(text, ',', lineStart).map(({ line, fields, fault }, at) => {
    const isRagged = fields.length !== names.length
    if (fault !== undefined || isRagged)
      throw badLine(
        rowStart + at,
        line,
        fault ?? `${fields.length} fields are there, ${names.length} are needed`,
      )
    return fields
  })
  const columns = names.map((name, at): ReadColumn => {
    const column = needed.find((one) => one.name === name)
    if (column === undefined)
      return { name, type: 'string', kinds: null, values: rows.map((fields) => fields[at]!) }
    const values = rows.map((fields, label) =>
      parseNeeded(column, fields[at]!, (why) => faults.add(rowStart + label, name, why)),
    )
    return { ...column, kinds: null, values }
  })
  faults.check()
  return columns
}

function parseNeeded({ type }: NamedType, field: string | null, refuse: (why: string) => void): Value {
  try {
    if (field === null) throw invalid('it is null, a value is needed')
    return parseCell(type, field)
  } catch (error) {
    if (!(error instanceof FeatureStoreError)) throw error
    refuse(error.message)
    return null
  }
}

function badLine(row: number, line: number, why: string) {
  return invalid(`Cannot read label ${row}: line ${line}: ${why}`, { row, line })
}

/** The rows of all pieces, each column of the narrowest type that holds all its values. */
export async function openTextLabels(
  files: Files,
  { fields }: CutText,
  { pieces, needed }: { readonly pieces: readonly ConvertedPiece[]; readonly needed: readonly NamedType[] },
): Promise<LabelRows> {
  const found = new Map<string, ConvertedColumn[]>()
  for (const column of pieces.flatMap((piece) => piece.columns))
    found.set(column.name, [...(found.get(column.name) ?? []), column])
  // Without rows there are the columns that are known beforehand.
  const known = fields?.map(
    (name) => needed.find((column) => column.name === name) ?? { name, type: 'string' as const },
  )
  const columns: NamedType[] =
    pieces.length === 0
      ? [...(known ?? needed)]
      : [...found].map(([name, parts]) => ({ name, type: typeOfParts(name, parts) }))
  const rows = await openLabelRows(
    files,
    pieces.map(({ file }) => file),
    columns,
  )
  return {
    ...rows,
    async readColumn(name, range) {
      const values = await rows.readColumn(name, range)
      if (found.get(name)!.some(({ kinds }) => kinds === null)) return values
      const type = columns.find((column) => column.name === name)!.type
      return Array.from(values, (value) => (typeof value === 'string' ? decodeValue(type, value) : null))
    },
  }
}

function typeOfParts(name: string, parts: readonly ConvertedColumn[]): ValueType {
  const known = parts.find(({ kinds }) => kinds === null)
  return known?.type ?? typeOfKinds(name, new Set(parts.flatMap(({ kinds }) => kinds!)))
}
