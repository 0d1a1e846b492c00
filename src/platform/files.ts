import type { AsyncBuffer } from '../core/parquet.ts'
import type { ReadableStream } from './stream.ts'

/** Files that clients bring and take: label rows under `labels/`, what jobs make of them under `training/`. */
export interface Files {
  /** Streams a file in; `bytes` is its length. Replaces one of that path. */
  write(path: string, body: ReadableStream, bytes: number): Promise<StoredFile>
  /** Puts a whole file. Replaces one of that path. */
  put(path: string, content: Uint8Array | string): Promise<StoredFile>
  /** Puts other bytes in a file's place, unless it is another file by then: false. They are made twice and have to be the same. */
  rewrite(file: StoredFile, make: () => AsyncIterable<Uint8Array>): Promise<boolean>
  find(path: string): Promise<StoredFile | undefined>
  /** Part of a file as a stream. Fails with `failed_precondition` when the file is no longer this one. */
  stream(file: StoredFile, part: ByteRange): Promise<ReadableStream>
  /** Part of a file as text, in one read, which fails as that of a stream does. */
  readText(file: StoredFile, part: ByteRange): Promise<string>
  /** The whole file in order, a little at a time; fails as a read of part of it does. */
  chunks(file: StoredFile): AsyncIterable<Uint8Array>
  /** Its reads fail with `failed_precondition` once the file is no longer this one. */
  open(file: StoredFile): AsyncBuffer
  /** Every file whose path begins so, by path. */
  list(prefix: string): Promise<readonly StoredFile[]>
  delete(path: string): Promise<void>
  /** Deletes every file whose path begins so. */
  deleteAll(prefix: string): Promise<void>
}

export interface StoredFile {
  readonly path: string
  readonly etag: string
  readonly bytes: number
}

export interface ByteRange {
  readonly offset: number
  readonly length: number
}
