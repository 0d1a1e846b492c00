import type { Instant } from '../time.ts'
import { civilFromDay, dayFromCivil, daysInMonth, US_PER_DAY } from './calendar.ts'

/** A calendar span as DuckDB keeps it: whole months, whole days, microseconds. */
export type Interval = readonly [months: number, days: number, micros: number]

const UNITS: Readonly<Record<string, Interval>> = {
  microsecond: [0, 0, 1],
  us: [0, 0, 1],
  millisecond: [0, 0, 1_000],
  ms: [0, 0, 1_000],
  second: [0, 0, 1_000_000],
  sec: [0, 0, 1_000_000],
  s: [0, 0, 1_000_000],
  minute: [0, 0, 60_000_000],
  min: [0, 0, 60_000_000],
  m: [0, 0, 60_000_000],
  hour: [0, 0, 3_600_000_000],
  h: [0, 0, 3_600_000_000],
  day: [0, 1, 0],
  d: [0, 1, 0],
  week: [0, 7, 0],
  w: [0, 7, 0],
  month: [1, 0, 0],
  mon: [1, 0, 0],
  quarter: [3, 0, 0],
  year: [12, 0, 0],
  y: [12, 0, 0],
}
const PART = /\s*([+-]?\d{1,9})\s*([a-z]+)\s*/y

/** Reads `3 days -2 hours`; undefined for what is not whole numbers of known units. */
export function parseInterval(text: string): Interval | undefined {
  let interval: Interval = [0, 0, 0]
  let at = 0
  const lower = text.toLowerCase()
  while (at < lower.length || at === 0) {
    PART.lastIndex = at
    const part = PART.exec(lower)
    const unit = part === null ? undefined : intervalUnit(part[2]!)
    if (unit === undefined) return undefined
    const count = Number(part![1])
    interval = [interval[0] + count * unit[0], interval[1] + count * unit[1], interval[2] + count * unit[2]]
    at = PART.lastIndex
  }
  return interval.every(Number.isSafeInteger) ? interval : undefined
}

/** The span of one unit, named in the singular, in the plural or in short. */
function intervalUnit(name: string): Interval | undefined {
  if (Object.hasOwn(UNITS, name)) return UNITS[name]
  const singular = name.replace(/s$/, '')
  return singular.length > 2 && Object.hasOwn(UNITS, singular) ? UNITS[singular] : undefined
}

/** Moves a time by `sign` times an interval: months first, to the last day of a shorter month, then the rest. */
export function addInterval(instant: Instant, [months, days, micros]: Interval, sign: 1 | -1): number {
  let day = Math.floor(instant / US_PER_DAY)
  const inDay = instant - day * US_PER_DAY
  if (months !== 0) {
    const civil = civilFromDay(day)
    const month = civil.year * 12 + civil.month - 1 + sign * months
    const [year, monthOfYear] = [Math.floor(month / 12), (((month % 12) + 12) % 12) + 1]
    day = dayFromCivil(year, monthOfYear, Math.min(civil.day, daysInMonth(year, monthOfYear)))
  }
  return (day + sign * days) * US_PER_DAY + inDay + sign * micros
}
