import type { OnlineStore } from '../platform.ts'

/** Keys one bulk get takes; it counts as one operation. */
const BULK_KEYS_MAX = 100

/** Blocks in KV. */
export function onlineKv(kv: KVNamespace): OnlineStore {
  return {
    async readBlocks(keys) {
      if (keys.length === 1) return [await kv.get(keys[0]!)]
      const chunks = Array.from({ length: Math.ceil(keys.length / BULK_KEYS_MAX) }, (_, at) =>
        keys.slice(at * BULK_KEYS_MAX, (at + 1) * BULK_KEYS_MAX),
      )
      const answers = await Promise.all(chunks.map((chunk) => kv.get(chunk)))
      return chunks.flatMap((chunk, at) => chunk.map((key) => answers[at]!.get(key) ?? null))
    },
    async writeBlock(key, text) {
      await kv.put(key, text)
    },
    async deleteBlock(key) {
      await kv.delete(key)
    },
  }
}
