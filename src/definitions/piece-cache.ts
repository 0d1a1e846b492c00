/**
 * Pieces of snapshots an isolate remembers, parsed, bounded in characters of their texts, the one read longest ago first out. What
 * generations have in common is one object: whatever is made of it is made once.
 */
export interface PieceCache {
  readonly charsMax: number
  chars: number
  /** By hash, in order of reading. */
  readonly entries: Map<string, { readonly piece: unknown; readonly chars: number }>
}

export function createPieceCache(charsMax: number): PieceCache {
  return { charsMax, chars: 0, entries: new Map() }
}

/** Remembers the piece of a text, and parses it unless it is there already. */
export function writeCachedPiece(cache: PieceCache, hash: string, text: string): unknown {
  const held = cache.entries.get(hash)
  if (held !== undefined) return held.piece
  const piece: unknown = JSON.parse(text)
  cache.entries.set(hash, { piece, chars: text.length })
  cache.chars += text.length
  for (const [oldest, { chars }] of cache.entries) {
    if (cache.chars <= cache.charsMax) break
    cache.entries.delete(oldest)
    cache.chars -= chars
  }
  return piece
}
