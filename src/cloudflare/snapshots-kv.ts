import { SNAPSHOT_FORMAT } from '../definitions/snapshot.ts'
import type { ServingIndex } from '../definitions/snapshot-index.ts'
import type { SnapshotStore } from '../platform.ts'

const POINTER = 'definitions/current'

/**
 * Compiled snapshots in KV: `definitions/packs/<hash>` and `definitions/index/<generation>` are written once, `definitions/current`
 * names the newest generation.
 */
export function snapshotsKv(kv: KVNamespace): SnapshotStore {
  return {
    async readPointer() {
      const text = await kv.get(POINTER, { cacheTtl: CACHE_TTL_S })
      return text === null ? undefined : Number(text)
    },
    async read(generation) {
      const index = await kv.get<ServingIndex>(indexKey(generation), 'json')
      return index?.format === SNAPSHOT_FORMAT ? index : undefined
    },
    async readPack(hash) {
      return (await kv.get(packKey(hash))) ?? undefined
    },
    async writePack(hash, text) {
      await kv.put(packKey(hash), text)
    },
    async publish(index) {
      await kv.put(indexKey(index.generation), JSON.stringify(index))
      await kv.put(POINTER, String(index.generation))
    },
    async delete(generation, packs) {
      for (const hash of packs) await kv.delete(packKey(hash))
      await kv.delete(indexKey(generation))
    },
  }
}

/** KV's least. */
const CACHE_TTL_S = 30

function indexKey(generation: number): string {
  return `definitions/index/${generation}`
}

function packKey(hash: string): string {
  return `definitions/packs/${hash}`
}
