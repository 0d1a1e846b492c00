import { blockHead } from '../core/block.ts'
import { FeatureStoreError } from '../core/error.ts'
import { blockKey } from '../definitions/block-key.ts'
import type { OnlineStore } from '../platform.ts'

/** Keys one bulk get takes; it counts as one operation. */
const BULK_KEYS_MAX = 100
/**
 * Operations of one read, of which eleven are usual. An invocation has 1,000, and a request makes a few reads: for the answer,
 * for what others were to read for it, and to refresh, all again when a newer generation is met.
 */
const READ_OPERATIONS_MAX = 200

/** Blocks in KV. The metadata of each is its head. */
export function onlineKv(kv: KVNamespace): OnlineStore {
  return {
    async readBlocks(keys) {
      if (keys.length === 1) return [await kv.get(keys[0]!)]
      const read: BulkRead = { kv, operations: 0 }
      const chunks = Array.from({ length: Math.ceil(keys.length / BULK_KEYS_MAX) }, (_, at) =>
        keys.slice(at * BULK_KEYS_MAX, (at + 1) * BULK_KEYS_MAX),
      )
      const texts = await Promise.all(chunks.map((chunk) => readChunk(read, chunk)))
      return texts.flat()
    },
    async listHeads(space, { operationsMax }) {
      const heads = new Map<string, string>()
      const prefix = blockKey(space, '')
      let cursor: string | undefined
      for (let operations = 0; operations < operationsMax; operations++) {
        const page = await kv.list<string>({ prefix, cursor: cursor ?? null })
        // A block put by an older release has no metadata.
        for (const { name, metadata } of page.keys)
          if (typeof metadata === 'string') heads.set(name, metadata)
        if (page.list_complete) break
        cursor = page.cursor
      }
      return heads
    },
    async writeBlock(key, text) {
      await kv.put(key, text, { metadata: blockHead(text) })
    },
    async deleteBlock(key) {
      await kv.delete(key)
    },
  }
}

interface BulkRead {
  readonly kv: KVNamespace
  operations: number
}

/** A bulk get answers at most 25 MB: where blocks are larger together, each half is asked for by itself. */
async function readChunk(read: BulkRead, keys: string[]): Promise<(string | null)[]> {
  read.operations++
  if (read.operations > READ_OPERATIONS_MAX) {
    throw new FeatureStoreError(
      'limit_exceeded',
      `Cannot read blocks: they are so large that more than ${READ_OPERATIONS_MAX} operations are needed`,
    )
  }
  try {
    const texts = await read.kv.get(keys)
    return keys.map((key) => texts.get(key) ?? null)
  } catch (error) {
    if (keys.length === 1 || !isTooLarge(error)) throw error
    const middle = keys.length >>> 1
    const halves = [keys.slice(0, middle), keys.slice(middle)]
    return (await Promise.all(halves.map((half) => readChunk(read, half)))).flat()
  }
}

/** KV says it in text alone: "KV GET_BULK failed: 413 Total size of request exceeds the limit of 25MB". */
function isTooLarge(error: unknown): boolean {
  return String(error).includes(' 413 ')
}
