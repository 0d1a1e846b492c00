/** Bytes from `start` to `end`, exclusive. */
export interface ByteSpan {
  readonly start: number
  readonly end: number
}

const SINGLE_RANGE = /^bytes=(\d*)-(\d*)$/

/**
 * The one range that a `Range` header asks of a file (RFC 9110): undefined where the whole file is the answer, for there is
 * no header, or it is malformed, or asks for several ranges; null where the file has none of it.
 */
export function parseRange(header: string | undefined, bytes: number): ByteSpan | null | undefined {
  const match = SINGLE_RANGE.exec(header ?? '')
  if (match === null || (match[1] === '' && match[2] === '')) return undefined
  const [first, last] = [match[1]!, match[2]!]
  if (first === '') return spanOf(Math.max(bytes - Number(last), 0), bytes)
  if (last !== '' && Number(last) < Number(first)) return undefined
  return spanOf(Number(first), last === '' ? bytes : Math.min(Number(last) + 1, bytes))
}

function spanOf(start: number, end: number): ByteSpan | null {
  return start < end ? { start, end } : null
}
