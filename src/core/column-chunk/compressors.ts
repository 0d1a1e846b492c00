import { decompress as decompressZstd } from 'fzstd'
import type { Compressors } from 'hyparquet'
import { decompressBrotli } from 'hyparquet-compressors/src/brotli.js'
import { gunzip } from 'hyparquet-compressors/src/gzip.js'
import { decompressLz4, decompressLz4Raw } from 'hyparquet-compressors/src/lz4.js'

/** Every usual codec, in plain JavaScript: no wasm to compile. Snappy is the store's own. */
export const COMPRESSORS: Compressors = {
  GZIP: orNothing((input, length) => gunzip(input, new Uint8Array(length))),
  BROTLI: orNothing(decompressBrotli),
  ZSTD: orNothing((input) => decompressZstd(input)),
  LZ4: orNothing(decompressLz4),
  LZ4_RAW: orNothing(decompressLz4Raw),
}

type Decompress = (input: Uint8Array, length: number) => Uint8Array

/** A page of nulls alone has nothing behind its levels, not even what a codec makes of nothing. */
function orNothing(decompress: Decompress): Decompress {
  return (input, length) => (length === 0 ? new Uint8Array(0) : decompress(input, length))
}
