import { placesOf } from '../core/column-chunk/page-places.ts'
import { parseCsv } from '../core/csv.ts'
import { assert, invalid } from '../core/error.ts'
import { gunzip } from '../core/gzip.ts'
import { LIMITS } from '../core/limits.ts'
import { openParquet, type ParquetFile } from '../core/parquet.ts'
import { cutText, pieceText, type TextFormat } from '../core/text-piece.ts'
import type { CompiledSource, Snapshot } from '../definitions/snapshot.ts'
import type { LoadRecord, Platform } from '../platform.ts'
import { CHUNK_ROWS_MAX, CHUNK_TEXT_BYTES_MAX, type ChunkRange, type LoadPlan } from './load-plan.ts'
import { partitionValues } from './partition-values.ts'
import { checkColumns, type LandedColumn, planChunks } from './plan-load.ts'

/**
 * Cuts a landed file into chunks and checks its columns: Parquet by its footer; text by reading it once, because a quote
 * anywhere decides where rows end. Of a compressed file it keeps the parts, for gzip can only be read from its beginning.
 */
export async function planFile(
  platform: Platform,
  { snapshot, source }: { readonly snapshot: Snapshot; readonly source: CompiledSource },
  load: LoadRecord,
): Promise<LoadPlan> {
  const format = source.landing
  assert(format !== null, 'a source that is loaded has a landing')
  const what = `file "${load.file}"`
  const inPath = [...partitionValues(load.file).keys()].map(textColumn)
  if (format.kind === 'parquet') {
    const file = await openParquet(platform.landing.open(source.name, landedFile(load)), what)
    const columns = [...file.columns, ...lacking(inPath, file.columns)]
    const ignored = checkColumns(snapshot, source, { columns, what })
    const declared = source.columns.filter(({ name }) => file.columns.some((column) => column.name === name))
    const chunks = await locateChunks(file, planChunks(file.rowGroups, source.columns.length), {
      columns: declared.map(({ name }) => name),
      what,
    })
    return { fields: null, ignored, chunks }
  }
  const { fields, chunks } = await planText(platform, { source, format }, load)
  const declared = format.kind === 'csv' ? fields! : source.columns.map(({ name }) => name)
  const columns = declared.map(textColumn)
  const ignored = checkColumns(snapshot, source, { columns: [...columns, ...lacking(inPath, columns)], what })
  return { fields, ignored, chunks }
}

/**
 * Notes where the pages of each chunk are, of columns that are too large to be fetched whole; found once, because without an
 * index a page is only found by way of all before it.
 */
async function locateChunks(
  file: ParquetFile,
  chunks: readonly ChunkRange[],
  { columns, what }: { readonly columns: readonly string[]; readonly what: string },
): Promise<ChunkRange[]> {
  const located = [...chunks]
  for (const [group, range] of file.rowGroups.entries()) {
    for (const name of columns) {
      const { column: bytes } = range.sizes(name)
      if (bytes <= LIMITS.parquetColumnBytesMax) continue
      const places = await file.locatePages(name, group)
      if (places === undefined) {
        if (file.hasOffsetIndex(name, group)) continue
        throw invalid(
          `Cannot load ${what}: column "${name}" of row group ${group} is ${bytes} bytes large, at most ${LIMITS.parquetColumnBytesMax} are read of its type and encoding without an offset index`,
        )
      }
      for (const [at, chunk] of located.entries()) {
        if (chunk.rowStart < range.rowStart || chunk.rowStart >= range.rowEnd) continue
        const needed = placesOf(places, chunk.rowStart - range.rowStart, chunk.rowEnd - range.rowStart)
        located[at] = { ...chunk, pages: { ...chunk.pages, [name]: needed } }
      }
    }
  }
  return located
}

async function planText(
  platform: Platform,
  { source, format }: { readonly source: CompiledSource; readonly format: TextFormat },
  load: LoadRecord,
): Promise<Pick<LoadPlan, 'fields' | 'chunks'>> {
  const isCompressed = isGzip(load.file)
  const stream = platform.landing.stream(source.name, landedFile(load))
  const bounds = { bytesMax: CHUNK_TEXT_BYTES_MAX, rowsMax: CHUNK_ROWS_MAX }
  const chunks: ChunkRange[] = []
  let fields = format.kind === 'csv' ? source.columns.map(({ name }) => name) : null
  let isHeader = format.kind === 'csv' && format.header
  for await (const piece of cutText(isCompressed ? gunzip(stream) : stream, format, bounds)) {
    if (isHeader && format.kind === 'csv') {
      const [header] = parseCsv(pieceText(piece), format.delimiter, piece.lineStart)
      if (header === undefined || header.fault !== undefined)
        throw invalid(`Cannot load file "${load.file}": it has no header, ${header?.fault ?? 'it is empty'}`)
      fields = header.fields.map((field) => field ?? '')
      isHeader = false
      continue
    }
    const { byteStart, lineStart, rowStart, rowCount, bytes } = piece
    const { generation } = load
    if (isCompressed) await platform.loads.writePart(load.id, { generation, chunk: chunks.length }, bytes)
    chunks.push({
      rowStart,
      rowEnd: rowStart + rowCount,
      text: { byteStart, byteEnd: byteStart + bytes.length, lineStart },
    })
  }
  return { fields, chunks }
}

export function isGzip(fileName: string): boolean {
  return fileName.endsWith('.gz')
}

export function landedFile({ file, etag, bytes }: LoadRecord) {
  return { name: file, etag, bytes }
}

function textColumn(name: string): LandedColumn {
  return { name, type: 'text', physical: 'text' }
}

/** The columns of the path that the rows themselves do not have: what a row says of itself comes first. */
function lacking(inPath: readonly LandedColumn[], columns: readonly { readonly name: string }[]) {
  return inPath.filter(({ name }) => !columns.some((column) => column.name === name))
}
