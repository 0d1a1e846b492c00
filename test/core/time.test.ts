import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatInstant, parseDuration, parseInstant } from '../../src/core/time.ts'

test('parseInstant() and formatInstant() are exact inverses to the microsecond (S1)', () => {
  fc.assert(
    fc.property(fc.integer({ min: -9_000_000_000_000_000, max: 9_000_000_000_000_000 }), (instant) => {
      expect(parseInstant(formatInstant(instant))).toBe(instant)
    }),
    { numRuns: 2_000 },
  )
})

test('parseInstant() reads every day of a leap year and of another as the calendar has it (S1)', () => {
  for (const year of [2024, 2026, 1900]) {
    for (let day = Date.UTC(year, 0, 1); day < Date.UTC(year + 1, 0, 1); day += 86_400_000)
      expect(parseInstant(new Date(day).toISOString())).toBe(day * 1_000)
  }
})

test('parseInstant() honours offsets and takes text without one as UTC (S1)', () => {
  expect(parseInstant('2026-01-01T01:00:00+01:00')).toBe(parseInstant('2026-01-01T00:00:00'))
  expect(parseInstant('2025-12-31T23:30:00-00:30')).toBe(parseInstant('2026-01-01T00:00:00Z'))
  expect(parseInstant('2026-01-01t00:00:00.50 z')).toBe(parseInstant('2026-01-01T00:00:00.5Z'))
  expect(parseInstant('2026-01-01T00:00:00.000002Z') - parseInstant('2026-01-01T00:00:00.000001Z')).toBe(1)
})

test.each([
  '',
  '2026-01-01',
  '2026-13-01T00:00:00Z',
  '2026-02-29T00:00:00Z',
  '2026-04-31T00:00:00Z',
  '2026-06-31T00:00:00Z',
  '2026-09-31T00:00:00Z',
  '2026-11-31T00:00:00Z',
  '2026-12-32T00:00:00Z',
  '2026-01-01T24:00:00Z',
  '2026-01-01T00:00:60Z',
  '2026-00-01T00:00:00Z',
  '2026-01-00T00:00:00Z',
  '2026-01-01T0a:00:00Z',
  '2026-01-01T00:00:00.Z',
  '2026-01-01T00:00:00,5Z',
  '2026-01-01T00:00:00.1234567Z',
  '2300-01-01T00:00:00Z',
  '2026-01-01T00:00:00+25:00',
])('parseInstant() refuses %j', (text) => {
  expect(() => parseInstant(text)).toThrow(/^Cannot read time/)
})

test('parseDuration() reads the units of the contract and nothing else', () => {
  expect(parseDuration('90s')).toBe(90_000_000)
  expect(parseDuration('7d')).toBe(7 * 86_400_000_000)
  for (const text of ['0s', '-1s', '1w', '1.5h', 's', '1 h'])
    expect(() => parseDuration(text)).toThrow(/^Cannot read duration/)
})
