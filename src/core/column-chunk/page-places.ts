import type { AsyncBuffer, ColumnMetaData } from 'hyparquet'
import { type ChunkPart, pageRowCount, readHeader } from './decode-chunk.ts'

/** Where a page of a column chunk stands. Plain JSON, for it is kept in the plans of loads. */
export interface PagePlace {
  /** Byte of the file at which its header begins. */
  readonly offset: number
  readonly byteCount: number
  /** Row of the row group at which it begins. */
  readonly rowStart: number
  /** 0 of a dictionary. */
  readonly rowCount: number
}

/** Bytes fetched to find headers: those of many small pages, or that of one and a part of what it stands before. */
const WINDOW_BYTES = 65_536
/** A header with statistics of long values may be larger than a window, but never than this. */
const HEADER_BYTES_MAX = 4_000_000

/** Finds a chunk's pages by their headers, one range read for each window; for a chunk too large to be fetched whole. */
export async function locatePages(
  file: AsyncBuffer,
  chunk: ColumnMetaData,
  rowCount: number,
): Promise<PagePlace[]> {
  const { start, end } = chunkBytes(chunk)
  const places: PagePlace[] = []
  let window = { start, bytes: new ArrayBuffer(0) }
  let row = 0
  for (let offset = start; row < rowCount; ) {
    for (let bytesMax = WINDOW_BYTES; ; bytesMax *= 4) {
      const place = readPlace(window, offset, row)
      if (place !== undefined) {
        places.push(place)
        offset += place.byteCount
        row += place.rowCount
        break
      }
      const isWhole = window.start === offset && offset + window.bytes.byteLength >= end
      if (offset >= end || isWhole || bytesMax > HEADER_BYTES_MAX) throw new Error('its pages end too early')
      window = { start: offset, bytes: await file.slice(offset, Math.min(offset + bytesMax, end)) }
    }
  }
  return places
}

/** Undefined where the window does not hold the whole header. */
function readPlace(
  window: { readonly start: number; readonly bytes: ArrayBuffer },
  offset: number,
  rowStart: number,
): PagePlace | undefined {
  const reader = { view: new DataView(window.bytes), offset: offset - window.start }
  if (reader.offset >= window.bytes.byteLength) return undefined
  let header: ReturnType<typeof readHeader>
  try {
    header = readHeader(reader)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
  const byteCount = reader.offset - (offset - window.start) + header.compressed_page_size
  const rowCount = header.type === 'DICTIONARY_PAGE' ? 0 : pageRowCount(header)
  return { offset, byteCount, rowStart, rowCount }
}

/** Fetches a chunk; with the places of its pages, those alone that rows from `rowStart` to `rowEnd` (exclusive) need. */
export async function readParts(
  file: AsyncBuffer,
  chunk: ColumnMetaData,
  {
    rowStart,
    rowEnd,
    places,
  }: {
    readonly rowStart: number
    readonly rowEnd: number
    readonly places: readonly PagePlace[] | undefined
  },
): Promise<ChunkPart[]> {
  const { start, end } = chunkBytes(chunk)
  if (places === undefined) return [{ bytes: new Uint8Array(await file.slice(start, end)), rowStart: 0 }]
  const parts: ChunkPart[] = []
  for (const run of neighbours(placesOf(places, rowStart, rowEnd))) {
    const bytes = await file.slice(run[0]!.offset, run.at(-1)!.offset + run.at(-1)!.byteCount)
    parts.push({ bytes: new Uint8Array(bytes), rowStart: run[0]!.rowStart })
  }
  return parts
}

/** The dictionary, if there is one, and the pages that hold some of these rows. */
export function placesOf(places: readonly PagePlace[], rowStart: number, rowEnd: number): PagePlace[] {
  return places.filter(
    (place) =>
      place.rowCount === 0 || (place.rowStart < rowEnd && place.rowStart + place.rowCount > rowStart),
  )
}

/** Pages that stand side by side in the file, together. */
function neighbours(places: readonly PagePlace[]): PagePlace[][] {
  const runs: PagePlace[][] = []
  for (const place of places) {
    const last = runs.at(-1)?.at(-1)
    if (last !== undefined && last.offset + last.byteCount === place.offset) runs.at(-1)!.push(place)
    else runs.push([place])
  }
  return runs
}

function chunkBytes({ dictionary_page_offset, data_page_offset, total_compressed_size }: ColumnMetaData) {
  const start = Number(dictionary_page_offset ?? data_page_offset)
  return { start, end: start + Number(total_compressed_size) }
}
