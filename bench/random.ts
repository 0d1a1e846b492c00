/** Numbers from 0 to 1, exclusive, the same for the same seed (mulberry32), so that every run measures the same data. */
export function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A whole number from 0 to `end`, exclusive. */
export function randomInt(random: () => number, end: number): number {
  return Math.floor(random() * end)
}
