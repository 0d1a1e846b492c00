// Rows for random expressions: every kind of value that has gone wrong somewhere.
import type { Value, ValueType } from '../../../src/core/value.ts'
import type { Random } from './random-expression.ts'

const INT64S = [
  0n,
  1n,
  -1n,
  2n,
  3n,
  -7n,
  10n,
  15n,
  -25n,
  60n,
  1_000n,
  4_294_967_296n,
  -4_294_967_297n,
  9_007_199_254_740_993n,
]
/** Odd values of each type. */
export const POOLS: Readonly<Record<string, readonly Value[]>> = {
  bool: [true, false],
  int64: [...INT64S, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 62n, 1_577_836_800_000_000n],
  float64: [
    ...[
      0,
      -0,
      0.5,
      -0.5,
      1,
      1.5,
      -1.5,
      2.5,
      0.1,
      3.25e-7,
      -2.345,
      1e-5,
      123456.789,
      1e15,
      1e16,
      1e21,
      2 ** 53,
      2 ** 63,
    ],
    ...[-(2 ** 63), 1e308, -1e308, 5e-324, 0.49999999999999994, NaN, Infinity, -Infinity, 90, -45.25],
  ],
  string: [
    ...[
      '',
      'a',
      'b',
      'abc',
      'ABC',
      'abcabc',
      'héllo',
      'ÀÉß',
      'İstanbul',
      'ᾳΣΑΣ',
      '👍',
      '👍a👍',
      'ﬀ',
      '😀',
      'a%b',
      'a_b',
      'it’s',
    ],
    ...[
      ' x ',
      '\u00a0x\t',
      '42',
      ' 42 ',
      '-2.5',
      '2.5',
      '1e3',
      '1e18',
      '.5',
      '5.',
      '-0',
      '9223372036854775807',
    ],
    ...['9223372036854775808', 'true', 'T', 'no', 'nan', '2020-02-29', '2020-02-29 12:30', '1e400'],
    ...[
      '1999-12-31T23:59:59.123456',
      '2021-02-29',
      '0.49999999999999999999',
      '-0.5',
      '1e-3',
      '25e-1',
      '+7',
      'a!b',
      '\\',
      "'",
    ],
  ],
  timestamp: [
    ...[
      0, -1, 1, 1_577_836_800_000_000, 1_582_934_399_999_999, 951_782_400_000_000, -2_208_988_800_000_000,
      -1_500,
    ],
    ...[
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
      1_609_459_200_000_000,
      1_609_632_000_123_456,
      1_706_659_200_000_000,
    ],
  ],
}

/** Not for `s`, which is cast to a time: DuckDB knows infinite times. */
const INFINITE_WORDS = ['-inf', 'Infinity', 'nan']

/** Rows of these columns; about one value in eight is null. */
export function randomRows(
  columns: readonly { readonly name: string; readonly type: ValueType }[],
  count: number,
  random: Random,
): Value[][] {
  const columnValue = (name: string, type: ValueType): Value => {
    if (name === 'r' && random() < 0.1) return INFINITE_WORDS[Math.floor(random() * INFINITE_WORDS.length)]!
    const drawn = value(type)
    return name === 'v' || name === 'w'
      ? ((drawn as Value[] | null)?.map((item) => item ?? 0) ?? null)
      : drawn
  }
  const value = (type: string): Value => {
    if (random() < 0.12) return null
    if (type.startsWith('list')) {
      const length = Math.floor(random() * 4)
      return Array.from({ length }, () => value(type.slice(5, -1)))
    }
    const pool = POOLS[type]!
    return pool[Math.floor(random() * pool.length)]!
  }
  return Array.from({ length: count }, () => columns.map(({ name, type }) => columnValue(name, type)))
}

/** Mulberry32: the same numbers for the same seed, anywhere. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
