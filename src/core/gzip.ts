import { FeatureStoreError, invalid } from './error.ts'

// Standard in every runtime the store meets; the pure layers are compiled without any runtime's types.
declare class DecompressionStream implements ByteTransform {
  constructor(format: 'gzip')
  readonly readable: ByteTransform['readable']
  readonly writable: ByteTransform['writable']
}
declare class CompressionStream implements ByteTransform {
  constructor(format: 'gzip')
  readonly readable: ByteTransform['readable']
  readonly writable: ByteTransform['writable']
}
interface ByteTransform {
  readonly readable: { getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array }> } }
  readonly writable: { getWriter(): Writer }
}
interface Writer {
  write(bytes: Uint8Array): Promise<void>
  close(): Promise<void>
  abort(reason: unknown): Promise<void>
}

/** Bytes given to the decompressor at a time: gzip shrinks at most a thousandfold, and what comes out is held. */
const INPUT_BYTES = 8_192

/** Decompresses a stream. Throws `invalid_argument` for one that is not gzip or is cut short. */
export function gunzip(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  return transform(chunks, new DecompressionStream('gzip'), 'decompress as gzip')
}

/** Compresses a stream; the same chunks make the same bytes. */
export function gzip(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  return transform(chunks, new CompressionStream('gzip'), 'compress as gzip')
}

async function* transform(
  chunks: AsyncIterable<Uint8Array>,
  { readable, writable }: ByteTransform,
  action: string,
): AsyncGenerator<Uint8Array> {
  const writer = writable.getWriter()
  let fault: unknown
  const writing = (async () => {
    try {
      for await (const chunk of chunks) {
        for (let at = 0; at < chunk.length; at += INPUT_BYTES)
          await writer.write(chunk.subarray(at, at + INPUT_BYTES))
      }
      await writer.close()
    } catch (error) {
      fault ??= error
      await writer.abort(error).catch(() => undefined)
    }
  })()
  const reader = readable.getReader()
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value!
  } catch (error) {
    await writing
    // What the store could not fetch is the store's error; what it fetched and cannot decode is the file's.
    if (fault instanceof FeatureStoreError) throw fault
    throw invalid(`Cannot ${action}: ${(error as Error).message}`)
  }
  await writing
}
