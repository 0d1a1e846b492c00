import { assert, FeatureStoreError } from '../core/error.ts'
import type { LandedFile, Landing } from '../platform.ts'
import { listObjects } from './list-objects.ts'
import { openR2, r2Buffer } from './r2-buffer.ts'
import { rewriteObject } from './rewrite-object.ts'

/** Landing files on R2, under `landing/<source>/`. */
export function landingR2(bucket: R2Bucket): Landing {
  return {
    async write(source, name, body, bytes) {
      // R2 wants to know the length of a stream, and refuses one that turns out shorter or longer.
      const { readable, writable } = new FixedLengthStream(bytes)
      const piped = (body as globalThis.ReadableStream<Uint8Array>).pipeTo(writable)
      const [object] = await Promise.all([bucket.put(landingPath(source, name), readable), piped])
      assert(object !== null, 'a put without a condition makes an object')
      return { name, etag: object.etag, bytes: object.size }
    },
    async find(source, name) {
      const object = await bucket.head(landingPath(source, name))
      return object === null ? undefined : { name, etag: object.etag, bytes: object.size }
    },
    async listSources() {
      const sources: string[] = []
      let cursor: string | undefined
      do {
        const page = await bucket.list({ prefix: ROOT, delimiter: '/', ...(cursor && { cursor }) })
        sources.push(...page.delimitedPrefixes.map((folder) => folder.slice(ROOT.length, -1)))
        cursor = page.truncated ? page.cursor : undefined
      } while (cursor !== undefined)
      return sources
    },
    async list(source) {
      const prefix = landingPath(source, '')
      const files: LandedFile[] = []
      for await (const { key, etag, size } of listObjects(bucket, prefix))
        files.push({ name: key.slice(prefix.length), etag, bytes: size })
      return files
    },
    open: (source, { name, etag, bytes }) =>
      r2Buffer(bucket, { path: landingPath(source, name), bytes, etag }),
    async *stream(source, { name, etag, bytes }) {
      // A range of nothing is none.
      if (bytes === 0) return
      const path = landingPath(source, name)
      const { body } = await openR2(bucket, { path, etag }, { offset: 0, length: bytes })
      try {
        yield* body as unknown as AsyncIterable<Uint8Array>
      } catch (error) {
        throw new FeatureStoreError('unavailable', `Cannot read object "${path}": ${error}`)
      }
    },
    async rewrite(source, { name, etag }, { make, before }) {
      const object = await rewriteObject(
        bucket,
        { path: landingPath(source, name), etag },
        { make, before: (made) => before({ name, ...made }) },
      )
      return object !== undefined
    },
  }
}

const ROOT = 'landing/'

function landingPath(source: string, name: string): string {
  return `${ROOT}${source}/${name}`
}
