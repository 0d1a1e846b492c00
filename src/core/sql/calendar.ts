import type { Instant } from '../time.ts'

export const US_PER_DAY = 86_400_000_000

/** A day of the Gregorian calendar, also before its introduction; `month` and `day` count from 1. */
export interface CivilDay {
  readonly year: number
  readonly month: number
  readonly day: number
}

/** The calendar day that lies `day` days after 1970-01-01 (Howard Hinnant's `civil_from_days`). */
export function civilFromDay(day: number): CivilDay {
  const shifted = day + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  // The year of this reckoning starts in March, so that the leap day is its last.
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
  }
}

/** The inverse of `civilFromDay` (`days_from_civil`). */
export function dayFromCivil(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year
  const era = Math.floor(marchYear / 400)
  const yearOfEra = marchYear - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeapYear(year) ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}

/** Days since 1970-01-01 of the day that holds an instant. */
export function dayOfInstant(instant: Instant): number {
  return Math.floor(instant / US_PER_DAY)
}

/** Monday is 1, Sunday is 7. */
export function isoWeekday(day: number): number {
  // 1970-01-01 was a Thursday.
  return ((((day + 3) % 7) + 7) % 7) + 1
}

/** The year that the ISO week of a day belongs to: that of its Thursday. */
export function isoYear(day: number): number {
  return civilFromDay(day - isoWeekday(day) + 4).year
}

/** The first Monday of an ISO year: that of the week with 4 January. */
export function isoYearStart(year: number): number {
  const fourth = dayFromCivil(year, 1, 4)
  return fourth - isoWeekday(fourth) + 1
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}
