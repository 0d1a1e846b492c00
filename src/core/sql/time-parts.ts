import type { Instant } from '../time.ts'
import {
  civilFromDay,
  dayFromCivil,
  dayOfInstant,
  isoWeekday,
  isoYear,
  isoYearStart,
  US_PER_DAY,
} from './calendar.ts'

/** Units of a time that are always as long, in microseconds. */
const FIXED_UNITS = {
  microsecond: 1,
  millisecond: 1_000,
  second: 1_000_000,
  minute: 60_000_000,
  hour: 3_600_000_000,
  day: US_PER_DAY,
} as const

/** The first day of the unit that holds a day. */
const CALENDAR_UNITS = {
  week: (day: number) => day - isoWeekday(day) + 1,
  month: (day: number) => {
    const { year, month } = civilFromDay(day)
    return dayFromCivil(year, month, 1)
  },
  quarter: (day: number) => {
    const { year, month } = civilFromDay(day)
    return dayFromCivil(year, month - ((month - 1) % 3), 1)
  },
  year: (day: number) => dayFromCivil(civilFromDay(day).year, 1, 1),
} as const

/** Parts that are numbers of the calendar, by the day. */
const DAY_PARTS: Readonly<Record<string, (day: number) => number>> = {
  day: (day) => civilFromDay(day).day,
  dayofweek: (day) => isoWeekday(day) % 7,
  isodow: isoWeekday,
  dayofyear: (day) => day - dayFromCivil(civilFromDay(day).year, 1, 1) + 1,
  week: (day) => Math.floor((day - isoYearStart(isoYear(day))) / 7) + 1,
  isoyear: isoYear,
  month: (day) => civilFromDay(day).month,
  quarter: (day) => Math.ceil(civilFromDay(day).month / 3),
  year: (day) => civilFromDay(day).year,
  decade: (day) => Math.floor(civilFromDay(day).year / 10),
  century: (day) => Math.ceil(civilFromDay(day).year / 100),
  millennium: (day) => Math.ceil(civilFromDay(day).year / 1_000),
}

/** Parts that are numbers of the clock; those below the second hold the seconds, too. */
const CLOCK_PARTS: Readonly<Record<string, (inDay: number) => number>> = {
  microsecond: (inDay) => inDay % 60_000_000,
  millisecond: (inDay) => Math.floor((inDay % 60_000_000) / 1_000),
  second: (inDay) => Math.floor(inDay / 1_000_000) % 60,
  minute: (inDay) => Math.floor(inDay / 60_000_000) % 60,
  hour: (inDay) => Math.floor(inDay / 3_600_000_000),
}

/** Other words for parts; besides, a part may be written in the plural. */
const ALIASES: Readonly<Record<string, string>> = {
  us: 'microsecond',
  ms: 'millisecond',
  sec: 'second',
  s: 'second',
  min: 'minute',
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  mon: 'month',
  y: 'year',
  dow: 'dayofweek',
  weekday: 'dayofweek',
  doy: 'dayofyear',
}

export const TIME_PARTS = [...Object.keys(CLOCK_PARTS), ...Object.keys(DAY_PARTS)]
export const TIME_UNITS = [...Object.keys(FIXED_UNITS), ...Object.keys(CALENDAR_UNITS)]

/** How to read a part of a time, undefined for a word that names none. */
export function partOf(word: string): ((instant: Instant) => bigint) | undefined {
  const name = canonical(word, TIME_PARTS)
  if (name === undefined) return undefined
  const ofDay = DAY_PARTS[name]
  if (ofDay !== undefined) return (instant) => BigInt(ofDay(dayOfInstant(instant)))
  const ofClock = CLOCK_PARTS[name]!
  return (instant) => BigInt(ofClock(instant - dayOfInstant(instant) * US_PER_DAY))
}

/** How to go back to the start of the unit that holds a time, undefined for a word that names none. */
export function truncationTo(word: string): ((instant: Instant) => Instant) | undefined {
  const name = canonical(word, TIME_UNITS)
  if (name === undefined) return undefined
  if (isFixed(name)) return (instant) => Math.floor(instant / FIXED_UNITS[name]) * FIXED_UNITS[name]
  const firstDay = CALENDAR_UNITS[name as keyof typeof CALENDAR_UNITS]
  return (instant) => firstDay(dayOfInstant(instant)) * US_PER_DAY
}

/**
 * How many starts of a unit lie between two times, undefined for a word that names none. Weeks have no start here:
 * every seventh day since the first counts, as in DuckDB.
 */
export function boundariesOf(word: string): ((from: Instant, to: Instant) => bigint) | undefined {
  const name = canonical(word, TIME_UNITS)
  if (name === undefined) return undefined
  if (name === 'week') return (from, to) => BigInt(Math.trunc((dayOfInstant(to) - dayOfInstant(from)) / 7))
  const count = isFixed(name)
    ? (instant: Instant) => Math.floor(instant / FIXED_UNITS[name])
    : (instant: Instant) => calendarCount(name, dayOfInstant(instant))
  return (from, to) => BigInt(count(to)) - BigInt(count(from))
}

/** The number of a month, quarter or year, counted from one and the same start. */
function calendarCount(name: string, day: number): number {
  const { year, month } = civilFromDay(day)
  if (name === 'month') return year * 12 + month
  return name === 'quarter' ? year * 4 + Math.ceil(month / 3) : year
}

function isFixed(name: string): name is keyof typeof FIXED_UNITS {
  return Object.hasOwn(FIXED_UNITS, name)
}

function canonical(word: string, known: readonly string[]): string | undefined {
  const lower = word.toLowerCase()
  const alias = Object.hasOwn(ALIASES, lower) ? ALIASES[lower]! : lower
  return [alias, lower.replace(/s$/, '')].find((name) => known.includes(name))
}
