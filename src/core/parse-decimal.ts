/** The whole number that stands in decimal digits at `start` to `end` (exclusive): many times as fast as `Number` of that piece. */
export function parseDecimal(text: string, start: number, end: number): number {
  const isNegative = text.charCodeAt(start) === MINUS
  let value = 0
  for (let at = isNegative ? start + 1 : start; at < end; at++) {
    // The digit first: the sum with its character code may not fit into 53 bits.
    value = value * 10 + (text.charCodeAt(at) - 48)
  }
  return isNegative ? -value : value
}

const MINUS = 0x2d
