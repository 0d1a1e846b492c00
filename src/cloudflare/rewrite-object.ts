import { assert, FeatureStoreError } from '../core/error.ts'

/**
 * Puts other bytes in the place of an object unless it is another one by then; answers what it is, undefined when it was. They
 * are made twice, for R2 wants to know beforehand how long they are; `before` is told what will be there.
 */
export async function rewriteObject(
  bucket: R2Bucket,
  { path, etag }: { readonly path: string; readonly etag: string },
  {
    make,
    before = async () => {},
  }: {
    readonly make: () => AsyncIterable<Uint8Array>
    readonly before?: (made: { readonly etag: string; readonly bytes: number }) => Promise<void>
  },
): Promise<R2Object | undefined> {
  const { md5, bytes } = await measure(make())
  await before({ etag: hex(md5), bytes })
  const { readable, writable } = new FixedLengthStream(bytes)
  let fault: unknown
  write(make(), writable).catch((error) => {
    fault = error
  })
  // With its digest R2 refuses what is not what was measured, and the etag is the digest.
  const put = bucket.put(path, readable, { onlyIf: { etagMatches: etag }, md5 })
  const object = await put.catch((error) => {
    throw fault ?? new FeatureStoreError('unavailable', `Cannot write object "${path}": ${error}`)
  })
  if (object === null) return undefined
  assert(object.etag === hex(md5), 'the etag of an object put at once is its MD5')
  return object
}

async function measure(made: AsyncIterable<Uint8Array>): Promise<{ md5: ArrayBuffer; bytes: number }> {
  const digest = new crypto.DigestStream('MD5')
  const writer = digest.getWriter()
  let bytes = 0
  for await (const part of made) {
    bytes += part.length
    await writer.write(part)
  }
  await writer.close()
  return { md5: await digest.digest, bytes }
}

async function write(made: AsyncIterable<Uint8Array>, writable: WritableStream<Uint8Array>): Promise<void> {
  const writer = writable.getWriter()
  try {
    for await (const part of made) await writer.write(part)
    await writer.close()
  } catch (error) {
    await writer.abort(error)
    throw error
  }
}

function hex(digest: ArrayBuffer): string {
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
