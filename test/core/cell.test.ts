import { describe, expect, it } from 'vitest'
import { parseCell } from '../../src/core/cell.ts'
import { parseInstant } from '../../src/core/time.ts'
import type { EpochUnit, Value, ValueType } from '../../src/core/value.ts'

const at = parseInstant('2026-01-31T08:30:00Z')
const READ: readonly (
  | readonly [ValueType, string, Value]
  | readonly [ValueType, string, Value, EpochUnit]
)[] = [
  ['string', ' as it is ', ' as it is '],
  ['string', 'null', 'null'],
  ['bool', 'True', true],
  ['bool', 'false', false],
  ['int64', '9223372036854775807', 9223372036854775807n],
  ['int64', '+5', 5n],
  ['float64', '1e3', 1000],
  ['float64', '.5', 0.5],
  ['float64', '-0', -0],
  ['float64', 'inf', Number.POSITIVE_INFINITY],
  ['float64', 'NaN', Number.NaN],
  ['timestamp', '2026-01-31 08:30:00', at],
  ['timestamp', '2026-01-31 08:30:00+00', at],
  ['timestamp', '2026-01-31T10:30:00+02:00', at],
  ['timestamp', '2026-01-31', at - 8.5 * 3_600_000_000],
  ['timestamp', '1769848200', at, 's'],
  ['timestamp', '2026-01-31 08:30:00', at, 'ms'],
  ['bytes', 'AQI=', Uint8Array.of(1, 2)],
  ['list<int64>', '[1, null, 9007199254740993]', [1n, null, 9007199254740993n]],
  ['list<string>', '[]', []],
]

describe('parseCell()', () => {
  it.each(READ)(
    'reads %s "%s" (S13-S16)',
    (type: ValueType, text: string, value?: Value, unit?: EpochUnit) => {
      expect(parseCell(type, text, unit)).toEqual(value)
    },
  )

  it.each([
    ['bool', '1'],
    ['int64', '1.0'],
    ['int64', '9223372036854775808'],
    ['int64', ''],
    ['float64', '1e999'],
    ['float64', '0x10'],
    ['timestamp', '1769848200'],
    ['timestamp', '31.01.2026'],
    ['bytes', '?'],
    ['list<int64>', '{1,2}'],
    ['list<int64>', '5'],
  ] as const)('refuses "%s" "%s" by name', (type, text) => {
    expect(() => parseCell(type, text)).toThrow(/^Cannot read /)
  })
})
