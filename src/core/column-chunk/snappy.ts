import { createScratch } from './scratch.ts'

/**
 * Snappy, as https://github.com/google/snappy/blob/main/format_description.txt describes it: a length, then literals and
 * copies of what came up to 64 kB before. hyparquet's own, its oracle in the tests, goes byte by byte.
 */

/** Copies reach back within a block of this many bytes, so that every offset fits two bytes. */
const BLOCK_BYTES = 65_536
const HASH_BITS = 14
/** Last bytes of a block, in which no copy begins: four are read at once. */
const MARGIN_BYTES = 15

/** Positions in the block under way by the hash of the four bytes there. One for all: compressing never awaits. */
const table = new Uint16Array(1 << HASH_BITS)
const scratch = createScratch()

export function compressSnappy(input: Uint8Array): Uint8Array {
  const output = scratch.uint8(32 + input.length + Math.ceil(input.length / 6))
  let size = 0
  let rest = input.length
  for (; rest > 0x7f; rest >>>= 7) output[size++] = (rest & 0x7f) | 0x80
  output[size++] = rest
  for (let start = 0; start < input.length; start += BLOCK_BYTES)
    size = compressBlock(input, start, Math.min(start + BLOCK_BYTES, input.length), output, size)
  return output.slice(0, size)
}

function compressBlock(
  input: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
  outputStart: number,
): number {
  let size = outputStart
  /** First byte that is not written yet. */
  let pending = start
  table.fill(0)
  const last = end - MARGIN_BYTES
  let misses = 32
  for (let at = start + 1; at < last; ) {
    const word = wordAt(input, at)
    const place = Math.imul(word, 0x1e35a7bd) >>> (32 - HASH_BITS)
    const candidate = start + table[place]!
    table[place] = at - start
    if (candidate >= at || wordAt(input, candidate) !== word) {
      // The longer nothing is found, the less is looked at: what cannot be compressed costs little.
      at += misses++ >>> 5
      continue
    }
    let matchEnd = at + 4
    for (let from = candidate + 4; matchEnd < end && input[matchEnd] === input[from]; from++) matchEnd++
    size = appendLiteral(input, pending, at, output, size)
    size = appendCopy(at - candidate, matchEnd - at, output, size)
    at = matchEnd
    pending = matchEnd
    misses = 32
  }
  return appendLiteral(input, pending, end, output, size)
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

function appendLiteral(
  input: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
  outputStart: number,
): number {
  let size = outputStart
  const length = end - start - 1
  if (length < 0) return size
  if (length < 60) output[size++] = length << 2
  else if (length < 256) {
    output[size++] = 60 << 2
    output[size++] = length
  } else {
    output[size++] = 61 << 2
    output[size++] = length
    output[size++] = length >>> 8
  }
  if (length < 32) for (let at = start; at < end; at++) output[size++] = input[at]!
  else {
    output.set(input.subarray(start, end), size)
    size += end - start
  }
  return size
}

function appendCopy(offset: number, length: number, output: Uint8Array, outputStart: number): number {
  let size = outputStart
  let rest = length
  for (; rest >= 68; rest -= 64) size = appendLongCopy(offset, 64, output, size)
  if (rest > 64) {
    size = appendLongCopy(offset, 60, output, size)
    rest -= 60
  }
  if (rest >= 12 || offset >= 2_048) return appendLongCopy(offset, rest, output, size)
  output[size++] = ((rest - 4) << 2) | ((offset >>> 8) << 5) | 1
  output[size++] = offset
  return size
}

/** A copy of up to 64 bytes from anywhere in the block, in three bytes. */
function appendLongCopy(offset: number, length: number, output: Uint8Array, outputStart: number): number {
  output[outputStart] = ((length - 1) << 2) | 2
  output[outputStart + 1] = offset
  output[outputStart + 2] = offset >>> 8
  return outputStart + 3
}

/** Fills `output` with what `input` was made of. Throws when it is not exactly that much. */
export function decompressSnappy(input: Uint8Array, output: Uint8Array): void {
  let at = 0
  while (at < input.length && input[at]! >= 0x80) at++
  at++
  let size = 0
  while (at < input.length) {
    const tag = input[at++]!
    let length = (tag >>> 2) + 1
    if ((tag & 3) === 0) {
      if (length > 60) {
        const extra = length - 60
        length = 0
        for (let byte = 0; byte < extra; byte++) length += input[at + byte]! * 2 ** (8 * byte)
        length++
        at += extra
      }
      if (!(at + length <= input.length && size + length <= output.length)) throw damaged()
      if (length < 32) for (let end = at + length; at < end; ) output[size++] = input[at++]!
      else {
        output.set(input.subarray(at, at + length), size)
        at += length
        size += length
      }
      continue
    }
    let offset = 0
    if ((tag & 3) === 1) {
      length = ((tag >>> 2) & 7) + 4
      offset = ((tag >>> 5) << 8) | input[at++]!
    } else {
      offset = input[at]! | (input[at + 1]! << 8)
      if ((tag & 3) === 3) offset += input[at + 2]! * 65_536 + input[at + 3]! * 16_777_216
      at += (tag & 3) === 3 ? 4 : 2
    }
    if (!(offset > 0 && offset <= size && size + length <= output.length)) throw damaged()
    if (offset >= length && length > 24) output.copyWithin(size, size - offset, size - offset + length)
    else for (let byte = 0; byte < length; byte++) output[size + byte] = output[size + byte - offset]!
    size += length
  }
  if (size !== output.length) throw damaged()
}

function damaged(): Error {
  return new Error('its Snappy bytes are damaged')
}
