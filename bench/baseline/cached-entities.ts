/** As much as the store gives its blocks, and counted as it counts: a character of key and text a byte, and the objects. */
const BYTES_MAX = 32_000_000
const TTL_MS = 5_000
/** What the objects around an entry cost, as the store counts it for a block. */
const ENTRY_BYTES = 200

interface CachedEntity {
  readonly text: string | null
  readonly fetchedMs: number
}

/** In order of last use. */
const entities = new Map<string, CachedEntity>()
let bytes = 0

/** Texts of the keys by KV bulk get through an LRU cache of this isolate: what one would add next to one key per entity. */
export async function readCachedEntities(
  kv: KVNamespace,
  keys: readonly string[],
): Promise<(string | null)[]> {
  const nowMs = Date.now()
  const missing = keys.filter((key) => nowMs - (entities.get(key)?.fetchedMs ?? 0) >= TTL_MS)
  if (missing.length > 0) {
    const fetched = await kv.get([...new Set(missing)])
    for (const [key, text] of fetched) remember(key, { text, fetchedMs: nowMs })
  }
  return keys.map((key) => {
    const entity = entities.get(key)!
    entities.delete(key)
    entities.set(key, entity)
    return entity.text
  })
}

function remember(key: string, entity: CachedEntity): void {
  forget(key)
  entities.set(key, entity)
  bytes += bytesOf(key, entity)
  for (const oldest of entities.keys()) {
    if (bytes <= BYTES_MAX) return
    forget(oldest)
  }
}

function forget(key: string): void {
  const entity = entities.get(key)
  if (entity === undefined) return
  entities.delete(key)
  bytes -= bytesOf(key, entity)
}

function bytesOf(key: string, { text }: CachedEntity): number {
  return key.length + (text?.length ?? 0) + ENTRY_BYTES
}
