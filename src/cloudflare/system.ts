import type { Clock, Log } from '../platform.ts'

/** The runtime's clock: milliseconds, as Workers see them. */
export const systemClock: Clock = { now: () => Date.now() * 1_000 }

/** Structured lines, one JSON object each, as Workers Logs index them. */
export const consoleLog: Log = {
  info: (message, facts = {}) => console.log(JSON.stringify({ level: 'info', message, ...facts })),
  error: (message, facts = {}) => console.error(JSON.stringify({ level: 'error', message, ...facts })),
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

const TIME_CHARS = 10
const RANDOM_CHARS = 16

/** Randomness is drawn for many ids at a time: a call into the runtime costs more than all the rest of an id. */
const random = new Uint8Array(64 * RANDOM_CHARS)
let randomAt = random.length

/** A ULID in lower case: ten characters of milliseconds, sixteen of randomness. */
export function nextUlid(): string {
  if (randomAt === random.length) {
    crypto.getRandomValues(random)
    randomAt = 0
  }
  const codes: number[] = []
  for (let at = 0, time = Date.now(); at < TIME_CHARS; at++, time = Math.floor(time / 32)) {
    codes[TIME_CHARS - 1 - at] = ALPHABET.charCodeAt(time % 32)
  }
  for (let at = 0; at < RANDOM_CHARS; at++) codes.push(ALPHABET.charCodeAt(random[randomAt++]! & 31))
  return String.fromCharCode(...codes)
}
