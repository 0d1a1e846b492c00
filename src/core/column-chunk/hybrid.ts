import { createScratch } from './scratch.ts'

/**
 * Parquet's hybrid of run lengths and bit packing: runs of one value, and groups of eight values in `width` bits each.
 * Levels (width 1) and positions in a dictionary are written so.
 */

/** Runs this long are worth a header of their own, which first ends the group of eight under way. */
const RUN_MIN = 16

/** Bits that hold every number up to `max`. */
export function bitWidth(max: number): number {
  return max === 0 ? 0 : 32 - Math.clz32(max)
}

const scratch = createScratch()

/** Encodes the first `count` numbers, each of at most `width` bits; at most 24. The answer holds until the next one. */
export function encodeHybrid(values: ArrayLike<number>, count: number, width: number): Uint8Array {
  // Packed values, a header (5) for each run, which is at least RUN_MIN long, and one for the group before it.
  const bytes = scratch.uint8(Math.ceil((count * width) / 8) + Math.ceil(count / RUN_MIN) * 14 + width + 16)
  let size = 0
  const append = (number: number) => {
    let rest = number
    for (; rest > 0x7f; rest >>>= 7) bytes[size++] = (rest & 0x7f) | 0x80
    bytes[size++] = rest
  }
  const appendPacked = (start: number, end: number) => {
    if (start === end) return
    append((Math.ceil((end - start) / 8) << 1) | 1)
    let [buffer, bits] = [0, 0]
    for (let at = start, last = start + Math.ceil((end - start) / 8) * 8; at < last; at++) {
      if (at < end) buffer |= values[at]! << bits
      for (bits += width; bits >= 8; bits -= 8) {
        bytes[size++] = buffer
        buffer >>>= 8
      }
    }
  }
  let packedStart = 0
  for (let at = 0; at < count; ) {
    const value = values[at]!
    let end = at + 1
    while (end < count && values[end] === value) end++
    // A group is of eight: the run gives it what it lacks.
    const runStart = at + ((8 - ((at - packedStart) & 7)) & 7)
    if (end - runStart >= RUN_MIN) {
      appendPacked(packedStart, runStart)
      append((end - runStart) << 1)
      for (let bits = 0; bits < width; bits += 8) bytes[size++] = value >>> bits
      packedStart = end
    }
    at = end
  }
  appendPacked(packedStart, count)
  return bytes.subarray(0, size)
}

/** Decodes into `values` until it is full. `start` is where the first header stands. Throws when the bytes end before. */
export function decodeHybrid(
  bytes: Uint8Array,
  start: number,
  width: number,
  values: Int32Array | Uint8Array,
): void {
  const count = values.length
  const mask = width === 32 ? -1 : (1 << width) - 1
  let at = start
  for (let filled = 0; filled < count; ) {
    let header = 0
    for (let shift = 0; ; shift += 7) {
      if (at >= bytes.length) throw new Error('levels or positions end too early')
      const byte = bytes[at++]!
      header |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    if ((header & 1) === 0) {
      let value = 0
      for (let bits = 0; bits < width; bits += 8) value |= bytes[at++]! << bits
      const end = Math.min(count, filled + (header >>> 1))
      values.fill(value, filled, end)
      filled = end
      continue
    }
    const groups = header >>> 1
    const last = Math.min(count, filled + groups * 8)
    const next = at + groups * width
    // A number of up to 32 bits that starts within a byte may reach into a fifth one.
    let bit = 0
    for (; filled < last; filled++, bit += width) {
      const from = at + (bit >>> 3)
      const shift = bit & 7
      const low = bytes[from]! | (bytes[from + 1]! << 8) | (bytes[from + 2]! << 16) | (bytes[from + 3]! << 24)
      const high = shift + width > 32 ? bytes[from + 4]! << (32 - shift) : 0
      values[filled] = ((low >>> shift) | high) & mask
    }
    at = next
  }
}
