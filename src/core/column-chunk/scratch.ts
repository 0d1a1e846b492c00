/** Larger pieces of memory are not kept. */
const BYTES_KEPT_MAX = 1_048_576

/**
 * A piece of memory that is used again, for its owner alone and until the owner asks anew: encoding a chunk never awaits, and
 * without it would leave a few megabytes for the garbage collector each time, faster than that runs. What is in it means
 * nothing.
 */
export interface Scratch {
  uint8(count: number): Uint8Array
  int32(count: number): Int32Array
  float64(count: number): Float64Array
  bigInt64(count: number): BigInt64Array
}

export function createScratch(): Scratch {
  let kept = new ArrayBuffer(0)
  const take = (bytes: number): ArrayBuffer => {
    if (bytes <= kept.byteLength) return kept
    const buffer = new ArrayBuffer(bytes)
    if (bytes <= BYTES_KEPT_MAX) kept = buffer
    return buffer
  }
  return {
    uint8: (count) => new Uint8Array(take(count), 0, count),
    int32: (count) => new Int32Array(take(count * 4), 0, count),
    float64: (count) => new Float64Array(take(count * 8), 0, count),
    bigInt64: (count) => new BigInt64Array(take(count * 8), 0, count),
  }
}
