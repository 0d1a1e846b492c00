import { expect, test } from 'vitest'
import { nextCronTime } from '../../src/core/cron.ts'
import { fillPathPattern, isPathPattern } from '../../src/core/path-pattern.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'

const next = (cron: string, time: string) => {
  const found = nextCronTime(cron, parseInstant(time))
  return found === null ? null : formatInstant(found)
}

test('nextCronTime() is the first minute after a time that an expression names, in UTC', () => {
  expect(next('30 2 * * *', '2026-01-31T02:29:59.999999Z')).toBe('2026-01-31T02:30:00Z')
  expect(next('30 2 * * *', '2026-01-31T02:30:00Z')).toBe('2026-02-01T02:30:00Z')
  expect(next('*/15 8-9 * * MON-FRI', '2026-01-31T00:00:00Z')).toBe('2026-02-02T08:00:00Z')
  expect(next('0 0 29 2 *', '2026-01-01T00:00:00Z')).toBe('2028-02-29T00:00:00Z')
  // A day of the month or of the week, as cron has it.
  expect(next('0 0 13 * FRI', '2026-11-28T00:00:00Z')).toBe('2026-12-04T00:00:00Z')
  // No zone skips or repeats an hour in UTC.
  expect(next('30 2 29 3 *', '2026-03-29T00:00:00Z')).toBe('2026-03-29T02:30:00Z')
  expect(next('0 0 30 2 *', '2026-01-01T00:00:00Z')).toBeNull()
})

test('nextCronTime() equals a look at every minute', () => {
  const start = parseInstant('2026-02-27T21:37:00Z')
  const fits: [string, (date: Date) => boolean][] = [
    ['7,37 */5 * * *', (date) => [7, 37].includes(date.getUTCMinutes()) && date.getUTCHours() % 5 === 0],
    ['0 0 1 * *', (date) => date.getUTCMinutes() + date.getUTCHours() === 0 && date.getUTCDate() === 1],
    [
      '59 23 * * 0',
      (date) => date.getUTCMinutes() === 59 && date.getUTCHours() === 23 && date.getUTCDay() === 0,
    ],
  ]
  for (const [cron, isNamed] of fits) {
    for (let offset = 0; offset < 400; offset++) {
      let minute = start / 1_000 + offset * 60_000 + 60_000
      while (!isNamed(new Date(minute))) minute += 60_000
      expect(nextCronTime(cron, start + offset * 60_000_000), `${cron} ${offset}`).toBe(minute * 1_000)
    }
  }
})

test.each(['', 'x', '0 2 * *', '0 2 * * * *', '60 * * * *', '0 24 * * *', '0 0 * 13 *'])(
  'nextCronTime() refuses %j by name',
  (cron) => expect(() => nextCronTime(cron, 0)).toThrow(`Cannot read schedule "${cron}"`),
)

test('fillPathPattern() fills a time in, and times before it', () => {
  const at = parseInstant('2026-03-01T00:05:59Z')
  expect(fillPathPattern('labels/{date}/{hour}-{minute}.parquet', at)).toBe('labels/2026-03-01/00-05.parquet')
  expect(fillPathPattern('labels/{date-1d}/{hour-2h}/{date-2h}-{minute-10m}', at)).toBe(
    'labels/2026-02-28/22/2026-02-28-55',
  )
  expect(fillPathPattern('labels/a', at)).toBe('labels/a')
  expect(isPathPattern('labels/a')).toBe(false)
  expect(isPathPattern('labels/{date}')).toBe(true)
})

test.each(['{day}', '{date+1d}', '{date-1w}', '{}', 'a{', 'a}', '{{date}}'])(
  'fillPathPattern() refuses %j by name',
  (pattern) => expect(() => fillPathPattern(pattern, 0)).toThrow(`Cannot read label path "${pattern}"`),
)
