import { FeatureStoreError } from '../core/error.ts'
import type { ByteRange, Files, StoredFile } from '../platform.ts'
import { listObjects } from './list-objects.ts'
import { openR2, r2Buffer } from './r2-buffer.ts'
import { rewriteObject } from './rewrite-object.ts'

/** Keys that one call deletes. */
const DELETED_AT_ONCE = 1_000

/** Label files and results on R2, under their own paths. */
export function filesR2(bucket: R2Bucket): Files {
  const open = (file: StoredFile, range: ByteRange) => openR2(bucket, file, range)
  return {
    async write(path, body, bytes) {
      // R2 wants to know the length of a stream, and refuses one that turns out shorter or longer.
      const { readable, writable } = new FixedLengthStream(bytes)
      const piped = (body as ReadableStream<Uint8Array>).pipeTo(writable)
      const [object] = await Promise.all([bucket.put(path, readable), piped])
      return storedFile(object)
    },
    put: async (path, content) => storedFile(await bucket.put(path, content)),
    rewrite: async (file, make) => (await rewriteObject(bucket, file, { make })) !== undefined,
    async find(path) {
      const object = await bucket.head(path)
      return object === null ? undefined : storedFile(object)
    },
    stream: async (file, part) => (await open(file, part)).body,
    readText: async (file, part) => (await open(file, part)).text(),
    async *chunks(file) {
      const { body } = await open(file, { offset: 0, length: file.bytes })
      try {
        yield* body as unknown as AsyncIterable<Uint8Array>
      } catch (error) {
        throw new FeatureStoreError('unavailable', `Cannot read object "${file.path}": ${error}`)
      }
    },
    open: (file) => r2Buffer(bucket, file),
    async list(prefix) {
      const files: StoredFile[] = []
      for await (const object of listObjects(bucket, prefix)) files.push(storedFile(object))
      return files
    },
    delete: (path) => bucket.delete(path),
    async deleteAll(prefix) {
      for (;;) {
        const { objects } = await bucket.list({ prefix, limit: DELETED_AT_ONCE })
        if (objects.length === 0) return
        await bucket.delete(objects.map(({ key }) => key))
      }
    },
  }
}

function storedFile(object: R2Object | null): StoredFile {
  if (object === null) throw new FeatureStoreError('internal', 'A put without a condition made no object')
  return { path: object.key, etag: object.etag, bytes: object.size }
}
