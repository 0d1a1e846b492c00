import type { Snapshot } from '../definitions/snapshot.ts'
import type { SnapshotStore } from '../platform.ts'

const POINTER = 'definitions/current'

/** Compiled snapshots in KV: `definitions/<generation>` is written once, `definitions/current` names the newest. */
export function snapshotsKv(kv: KVNamespace): SnapshotStore {
  return {
    async readPointer() {
      const text = await kv.get(POINTER, { cacheTtl: CACHE_TTL_S })
      return text === null ? undefined : Number(text)
    },
    async read(generation) {
      return (await kv.get<Snapshot>(snapshotKey(generation), 'json')) ?? undefined
    },
    async publish(snapshot) {
      await kv.put(snapshotKey(snapshot.generation), JSON.stringify(snapshot))
      await kv.put(POINTER, String(snapshot.generation))
    },
  }
}

/** KV's least. */
const CACHE_TTL_S = 30

function snapshotKey(generation: number): string {
  return `definitions/${generation}`
}
