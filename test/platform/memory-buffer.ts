import type { AsyncBuffer } from '../../src/core/parquet.ts'

/** Bytes as a buffer of range reads; `check` may refuse one. */
export function memoryBuffer(bytes: Uint8Array, check: () => void = () => {}): AsyncBuffer {
  return {
    byteLength: bytes.length,
    slice(start: number, end?: number) {
      check()
      return bytes.slice(start, end).buffer as ArrayBuffer
    },
  }
}
