import { invalid } from './error.ts'

/**
 * Microseconds since 1970-01-01T00:00:00Z (S1). A double holds every microsecond between 1684-07-28 and
 * 2255-06-05 exactly; instants outside that range are refused by name rather than rounded.
 */
export type Instant = number

/** A span of time in microseconds. */
export type DurationUs = number

export const MICROS_PER_SECOND = 1_000_000
export const INSTANT_MIN: Instant = Number.MIN_SAFE_INTEGER
export const INSTANT_MAX: Instant = Number.MAX_SAFE_INTEGER

const INSTANT_PATTERN =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?\s?(?:([Zz])|([+-])(\d{2}):?(\d{2}))?$/
const DURATION_PATTERN = /^([1-9]\d{0,8})(ms|s|m|h|d)$/
const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1_000,
  s: MICROS_PER_SECOND,
  m: 60 * MICROS_PER_SECOND,
  h: 3_600 * MICROS_PER_SECOND,
  d: 86_400 * MICROS_PER_SECOND,
}

/** Reads RFC 3339 text; without an offset it is UTC. Throws `invalid_argument` for anything else. */
export function parseInstant(text: string): Instant {
  return parseUsual(text) ?? parseAny(text)
}

/**
 * `2026-01-31T08:30:00.5Z`, as most clients and the store itself write it: a fifth of the time the pattern takes. Undefined for every other text, and for
 * every one that has a fault.
 */
function parseUsual(text: string): Instant | undefined {
  const last = text.length - 1
  if (last < 19 || last > 26 || last === 20 || text.charCodeAt(last) !== UPPER_Z) return undefined
  if (text[4] !== '-' || text[7] !== '-' || text[10] !== 'T' || text[13] !== ':' || text[16] !== ':')
    return undefined
  if (last > 19 && text[19] !== '.') return undefined
  const year = digits(text, 0, 4)
  const month = digits(text, 5, 7)
  const day = digits(text, 8, 10)
  const hour = digits(text, 11, 13)
  const minute = digits(text, 14, 16)
  const second = digits(text, 17, 19)
  const fraction = last === 19 ? 0 : digits(text, 20, last) * 10 ** (26 - last)
  // The 29th of February is left to the pattern; NaN fails each comparison.
  const isUsual =
    year >= 1700 &&
    year < 2255 &&
    day >= 1 &&
    day <= (MONTH_DAYS[month] ?? 0) &&
    hour <= 23 &&
    minute <= 59 &&
    second <= 59 &&
    fraction >= 0
  if (!isUsual) return undefined
  return Date.UTC(year, month - 1, day, hour, minute, second) * 1_000 + fraction
}

const UPPER_Z = 0x5a
/** Days that each month has every year, January being 1. */
const MONTH_DAYS = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** NaN where a character is no digit. */
function digits(text: string, start: number, end: number): number {
  let value = 0
  for (let at = start; at < end; at++) {
    const digit = text.charCodeAt(at) - 48
    value = digit >= 0 && digit <= 9 ? value * 10 + digit : Number.NaN
  }
  return value
}

function parseAny(text: string): Instant {
  const match = INSTANT_PATTERN.exec(text)
  if (match === null) throw invalidInstant(text, 'an RFC 3339 time such as 2026-01-31T08:30:00Z is needed')
  const [, year, month, day, hour, minute, second, fraction = '', , sign, offsetHour, offsetMinute] = match
  if (fraction.length > 6) throw invalidInstant(text, 'at most six fractional digits of a second are kept')
  const clock = [Number(hour), Number(minute), Number(second)] as const
  const millis = Date.UTC(Number(year), Number(month) - 1, Number(day), ...clock)
  const date = new Date(millis)
  if (Number(year) < 100) date.setUTCFullYear(Number(year))
  const isCalendarDay = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day)
  if (!isCalendarDay || clock[0] > 23 || clock[1] > 59 || clock[2] > 59) {
    throw invalidInstant(text, 'no calendar has such a time')
  }
  if (Number(offsetHour ?? 0) > 23 || Number(offsetMinute ?? 0) > 59) {
    throw invalidInstant(text, 'an offset is at most 23:59')
  }
  const offsetMinutes = sign ? Number(`${sign}1`) * (Number(offsetHour) * 60 + Number(offsetMinute)) : 0
  const micros =
    date.getTime() * 1_000 + Number(fraction.padEnd(6, '0')) - offsetMinutes * 60 * MICROS_PER_SECOND
  if (!isInstant(micros)) throw invalidInstant(text, 'times between 1684-07-28 and 2255-06-05 are kept')
  return micros
}

/** Writes the shortest RFC 3339 text in UTC that says exactly this instant. */
export function formatInstant(instant: Instant): string {
  const second = Math.floor(instant / MICROS_PER_SECOND)
  const day = Math.floor(second / DAY_SECONDS)
  const ofDay = second - day * DAY_SECONDS
  const minute = Math.floor(ofDay / 60)
  const clock = `${DIGITS[Math.floor(minute / 60)]}:${DIGITS[minute % 60]}:${DIGITS[ofDay % 60]}`
  return `${formatDay(day)}T${clock}${formatFraction(instant - second * MICROS_PER_SECOND)}Z`
}

const DAY_SECONDS = 86_400
/** Two digits of each number below 100. */
const DIGITS = Array.from({ length: 100 }, (_, number) => String(number).padStart(2, '0'))

let formattedDay = 0
let dayText = '1970-01-01'

/** Days since 1970. The one formatted last is kept: a `Date` takes longer than all the rest, and rows are of one day. */
function formatDay(day: number): string {
  if (day !== formattedDay) {
    formattedDay = day
    dayText = new Date(day * DAY_SECONDS * 1_000).toISOString().slice(0, 10)
  }
  return dayText
}

function formatFraction(micros: number): string {
  if (micros === 0) return ''
  let [digits, width] = [micros, 6]
  for (; digits % 10 === 0; width--) digits /= 10
  return `.${String(digits).padStart(width, '0')}`
}

export function isInstant(value: number): boolean {
  return Number.isSafeInteger(value)
}

/** Reads `"90s" "10m" "24h" "7d"` (and `ms`) into microseconds. Throws `invalid_argument`. */
export function parseDuration(text: string): DurationUs {
  const match = DURATION_PATTERN.exec(text)
  if (match === null) throw invalid(`Cannot read duration "${text}": a number and ms, s, m, h or d is needed`)
  const micros = Number(match[1]) * DURATION_UNITS[match[2]!]!
  if (!isInstant(micros)) throw invalid(`Cannot read duration "${text}": it is longer than 285 years`)
  return micros
}

function invalidInstant(text: string, needed: string) {
  return invalid(`Cannot read time "${text.slice(0, 64)}": ${needed}`)
}
