import type { Clock, Log } from '../platform.ts'

/** The runtime's clock: milliseconds, as Workers see them. */
export const systemClock: Clock = { now: () => Date.now() * 1_000 }

/** Structured lines, one JSON object each, as Workers Logs index them. */
export const consoleLog: Log = {
  info: (message, facts = {}) => console.log(JSON.stringify({ level: 'info', message, ...facts })),
  error: (message, facts = {}) => console.error(JSON.stringify({ level: 'error', message, ...facts })),
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/** A ULID in lower case: ten characters of milliseconds, sixteen of randomness. */
export function nextUlid(): string {
  let time = Date.now()
  let text = ''
  for (let at = 0; at < 10; at++) {
    text = ALPHABET[time % 32] + text
    time = Math.floor(time / 32)
  }
  for (const byte of crypto.getRandomValues(new Uint8Array(16))) text += ALPHABET[byte & 31]
  return text
}
