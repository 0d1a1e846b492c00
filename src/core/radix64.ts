const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const DIGIT_BY_CODE = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, DIGITS.indexOf(String.fromCharCode(code))),
)

/** The character of a number from 0 to 63. */
export function radix64Digit(value: number): string {
  return DIGITS.charAt(value)
}

/** The number of the character at `at`. */
export function parseRadix64Digit(text: string, at: number): number {
  return DIGIT_BY_CODE[text.charCodeAt(at)]!
}

/** A number from 0 to 2^53 in `width` characters, highest digit first. */
export function formatRadix64(value: number, width: number): string {
  let text = ''
  let rest = value
  for (let digit = 0; digit < width; digit++) {
    text = DIGITS.charAt(rest % 64) + text
    rest = Math.floor(rest / 64)
  }
  return text
}

/** The inverse of `formatRadix64`, of the `width` characters that start at `start`. */
export function parseRadix64(text: string, start: number, width: number): number {
  let value = 0
  for (let at = start; at < start + width; at++) value = value * 64 + DIGIT_BY_CODE[text.charCodeAt(at)]!
  return value
}
