import { FeatureStoreError } from '../../src/core/error.ts'
import { fingerprint } from '../../src/definitions/fingerprint.ts'
import type { ByteRange, Files, StoredFile } from '../../src/platform.ts'

const CHUNK_BYTES = 13

/** Files in a map of bytes by path. */
export function memoryFiles(objects: Map<string, Uint8Array>): Files {
  const etags = new WeakMap<Uint8Array, string>()
  const stored = (path: string): StoredFile => {
    const bytes = objects.get(path)!
    const etag = etags.get(bytes) ?? fingerprint([Buffer.from(bytes).toString('base64')])
    etags.set(bytes, etag)
    return { path, etag, bytes: bytes.length }
  }
  const put: Files['put'] = async (path, content) => {
    objects.set(path, typeof content === 'string' ? new TextEncoder().encode(content) : content.slice())
    return stored(path)
  }
  const check = ({ path, etag }: StoredFile) => {
    const bytes = objects.get(path)
    if (bytes === undefined)
      throw new FeatureStoreError('not_found', `Cannot read object "${path}": there is none`)
    if (stored(path).etag !== etag)
      throw new FeatureStoreError('failed_precondition', `Cannot go on reading "${path}": it was replaced`)
    return bytes
  }
  const slice = (file: StoredFile, { offset, length }: ByteRange) =>
    check(file).slice(offset, offset + length)
  return {
    put,
    readText: async (file, part) => new TextDecoder().decode(slice(file, part)),
    async write(path, body, bytes) {
      const content = new Uint8Array(await new Response(body as never).arrayBuffer())
      if (content.length !== bytes) throw new Error('the stream is not as long as it was said to be')
      return put(path, content)
    },
    async rewrite(file, make) {
      const made = await Array.fromAsync(make())
      if (!objects.has(file.path) || stored(file.path).etag !== file.etag) return false
      await put(file.path, new Uint8Array(Buffer.concat(made)))
      return true
    },
    find: async (path) => (objects.has(path) ? stored(path) : undefined),
    stream: async (file, part) => new Response(slice(file, part)).body,
    async *chunks(file) {
      // Few bytes at a time, so that rows and letters lie across two.
      for (let offset = 0; offset < file.bytes; offset += CHUNK_BYTES)
        yield slice(file, { offset, length: CHUNK_BYTES })
    },
    open: (file) => ({
      byteLength: file.bytes,
      slice: async (start, end) => check(file).slice(start, end).buffer as ArrayBuffer,
    }),
    list: async (prefix) =>
      [...objects.keys()]
        .filter((path) => path.startsWith(prefix))
        .sort()
        .map(stored),
    async delete(path) {
      objects.delete(path)
    },
    async deleteAll(prefix) {
      for (const path of [...objects.keys()]) if (path.startsWith(prefix)) objects.delete(path)
    },
  }
}
