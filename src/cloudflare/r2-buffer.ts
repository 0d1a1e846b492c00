import { FeatureStoreError } from '../core/error.ts'
import type { AsyncBuffer } from '../core/parquet.ts'

/** Objects up to this size are fetched in one read. */
const WHOLE_BYTES_MAX = 4_000_000

interface ReadObject {
  readonly path: string
  readonly bytes: number
  readonly etag?: string
}

/**
 * An R2 object as a buffer of range reads. With an etag, a read of a replaced object fails with
 * `failed_precondition`; a missing object is `not_found`.
 */
export function r2Buffer(bucket: R2Bucket, object: ReadObject): AsyncBuffer {
  const { bytes } = object
  let whole: Promise<ArrayBuffer> | undefined
  const read = async (offset: number, length: number) =>
    (await openR2(bucket, object, { offset, length })).arrayBuffer()
  return {
    byteLength: bytes,
    async slice(start, end = bytes) {
      const [from, to] = [start < 0 ? bytes + start : start, Math.min(end, bytes)]
      if (bytes > WHOLE_BYTES_MAX) return read(from, to - from)
      whole ??= read(0, bytes)
      return (await whole).slice(from, to)
    },
  }
}

/** Part of an R2 object, which fails as a read of `r2Buffer` does. */
export async function openR2(
  bucket: R2Bucket,
  { path, etag }: Omit<ReadObject, 'bytes'>,
  range: { readonly offset: number; readonly length: number },
): Promise<R2ObjectBody> {
  const onlyIf = etag === undefined ? {} : { onlyIf: { etagMatches: etag } }
  const object = await bucket.get(path, { range, ...onlyIf }).catch((error) => {
    throw new FeatureStoreError('unavailable', `Cannot read object "${path}": ${error}`)
  })
  if (object === null) throw new FeatureStoreError('not_found', `Cannot read object "${path}": there is none`)
  if (!('body' in object)) {
    throw new FeatureStoreError(
      'failed_precondition',
      `Cannot go on reading "${path}": the file was replaced meanwhile`,
    )
  }
  return object
}
