/** A key of strings read back with nothing but JSON: what `encodeKey` must be the inverse of. */
export function decodeKeyCells(key: string): readonly string[] {
  return JSON.parse(`[${key}]`) as string[]
}
