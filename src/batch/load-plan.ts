import type { PagePlace } from '../core/parquet.ts'
import { RAW_SEGMENT_ROWS_MAX } from '../definitions/raw-log.ts'

/** Rows one step reads; a row group is cut into such chunks, page by page. Those accepted are one segment of raw rows. */
export const CHUNK_ROWS_MAX = RAW_SEGMENT_ROWS_MAX
/** Decoded bytes of columns one step may hold, as a Parquet file's own statistics tell them, 8 a value at least. */
export const CHUNK_BYTES_MAX = 16_000_000
/** Bytes of text one step may hold: in memory its values take a few times as many. */
export const CHUNK_TEXT_BYTES_MAX = 4_000_000

/** How a file is cut, made once and kept until the load has ended: every step reads its chunk by it. */
export interface LoadPlan {
  /** Names of a CSV file's fields, in their order; null for other formats. */
  readonly fields: readonly string[] | null
  /** Columns of the file that the source does not declare. */
  readonly ignored: readonly string[]
  readonly chunks: readonly ChunkRange[]
}

/** Rows of a file that one step loads. */
export interface ChunkRange {
  readonly rowStart: number
  /** Exclusive. */
  readonly rowEnd: number
  /** Where they stand in a text file; null for Parquet. */
  readonly text: TextRange | null
  /** Where the pages are that hold them, by column: of columns too large to be fetched whole. */
  readonly pages?: Readonly<Record<string, readonly PagePlace[]>>
}

export interface TextRange {
  readonly byteStart: number
  /** Exclusive. */
  readonly byteEnd: number
  readonly lineStart: number
}
