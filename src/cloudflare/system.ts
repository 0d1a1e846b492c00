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
const POOL_IDS = 64

/** Randomness is drawn for many ids at a time: a call into the runtime costs more than all the rest of an id. */
let pool = ''
let poolAt = 0
/** The last id's time, as most requests of a busy isolate share their millisecond with another. */
let lastMs = -1
let timeText = ''

/** A ULID in lower case: ten characters of milliseconds, sixteen of randomness. */
export function nextUlid(): string {
  const nowMs = Date.now()
  if (nowMs !== lastMs) {
    lastMs = nowMs
    timeText = formatTime(nowMs)
  }
  if (poolAt === pool.length) {
    const codes = crypto.getRandomValues(new Uint8Array(POOL_IDS * RANDOM_CHARS))
    for (let at = 0; at < codes.length; at++) codes[at] = ALPHABET.charCodeAt(codes[at]! & 31)
    pool = String.fromCharCode(...codes)
    poolAt = 0
  }
  poolAt += RANDOM_CHARS
  return timeText + pool.slice(poolAt - RANDOM_CHARS, poolAt)
}

function formatTime(nowMs: number): string {
  let text = ''
  for (let at = 0, time = nowMs; at < TIME_CHARS; at++, time = Math.floor(time / 32)) {
    text = ALPHABET[time % 32]! + text
  }
  return text
}
