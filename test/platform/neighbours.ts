import { encodeKey, hashKey, topBits } from '../../src/core/entity-key.ts'

/** Names of users whose keys lie in one block of that many bits. */
export function neighbours(count: number, blockBits: number): string[] {
  const namesByBlock = new Map<number, string[]>()
  for (let at = 0; ; at++) {
    const name = `user-${at}`
    const block = topBits(hashKey(encodeKey(['string'], [name])).high, blockBits)
    const names = namesByBlock.get(block) ?? []
    if (names.push(name) === count) return names
    namesByBlock.set(block, names)
  }
}
