import { invalid } from './error.ts'
import { formatInstant, type Instant, parseDuration } from './time.ts'

const FIELD = /\{([^{}]*)\}/g
const FIELD_TEXT = /^(date|hour|minute)(?:-(\d+[mhd]))?$/

/** Whether a path holds fields that a time fills in. */
export function isPathPattern(path: string): boolean {
  return /[{}]/.test(path)
}

/**
 * A path with its fields filled in for a time (UTC): `{date}` is 2026-01-31, `{hour}` 08, `{minute}` 05; `{date-1d}`
 * is the day before, and so for the others. Throws `invalid_argument` for another field.
 */
export function fillPathPattern(pattern: string, time: Instant): string {
  const path = pattern.replaceAll(FIELD, (_whole, field: string) => {
    const match = FIELD_TEXT.exec(field)
    if (match === null) throw malformed(pattern, `there is no field "{${field}}"`)
    const text = formatInstant(time - (match[2] === undefined ? 0 : parseDuration(match[2])))
    if (match[1] === 'date') return text.slice(0, 10)
    return match[1] === 'hour' ? text.slice(11, 13) : text.slice(14, 16)
  })
  if (isPathPattern(path)) throw malformed(pattern, 'a brace has no other')
  return path
}

function malformed(pattern: string, why: string) {
  return invalid(
    `Cannot read label path "${pattern.slice(0, 64)}": ${why}, {date}, {hour} and {minute} are known, each with an age such as {date-1d}`,
  )
}
