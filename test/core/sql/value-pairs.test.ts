// S26, without luck: every pair of odd values through every operator that takes two.
import { expect, test } from 'vitest'
import { checkExpression } from '../../../src/core/sql/check-expression.ts'
import { compileExpression } from '../../../src/core/sql/compile-expression.ts'
import type { Value, ValueType } from '../../../src/core/value.ts'
import { evaluateAll, type Outcome, openOracle } from '../../oracles/duckdb-expressions.ts'
import { COMPARISONS, ESCAPED, MORE_PARTS, PARTS, PATTERNS, UNITS } from './random-expression.ts'
import { POOLS } from './random-rows.ts'

const ORDER = [
  ...COMPARISONS.map((symbol) => `a ${symbol} b`),
  'a is distinct from b',
  'greatest(a, b)',
  'least(a, b)',
]
const EXPRESSIONS: Readonly<Record<string, readonly string[]>> = {
  bool: [...ORDER, 'a and b', 'a or b', 'not a', 'a is true', 'a is false', 'a::bigint', 'a::varchar'],
  int64: [
    ...ORDER,
    ...'+ - * / // %'.split(' ').map((symbol) => `a ${symbol} b`),
    '-a',
    'abs(a)',
    'a::varchar',
  ],
  float64: [
    ...ORDER,
    ...'+ - * / // %'.split(' ').map((symbol) => `a ${symbol} b`),
    ...['ceil', 'floor', 'round', 'trunc', 'abs', 'sqrt', 'isnan', 'isinf'].map((name) => `${name}(a)`),
    ...[
      'a::bigint',
      'a::boolean',
      'round(a, 1)',
      'round(a, 2)',
      'round(a, -2)',
      '[a] = [b]',
      '[a, null] < [b]',
    ],
  ],
  string: [
    ...ORDER,
    ...[...PATTERNS, ...ESCAPED].flatMap((pattern) => [`a like ${pattern}`, `a ilike ${pattern}`]),
    ...['a || b', 'strpos(a, b)', 'replace(a, b, a)', 'starts_with(a, b)', 'ends_with(a, b)', 'trim(a, b)'],
    ...[
      'split_part(a, b, 1)',
      'split_part(a, b, -1)',
      'lower(a)',
      'upper(a)',
      'length(a)',
      'a like b',
      'a ilike b',
    ],
    ...[
      'a::bigint',
      'a::double',
      'a::boolean',
      'try_cast(a as bigint)',
      'a::timestamp',
      'left(a, 2)',
      'right(a, -1)',
    ],
  ],
  timestamp: [
    ...ORDER,
    ...[...PARTS, ...MORE_PARTS].map((part) => `extract(${part} from a)`),
    ...UNITS.flatMap((unit) => [`date_diff('${unit}', a, b)`, `date_trunc('${unit}', a)`]),
    ...[
      'epoch(a)',
      'epoch_ms(a)',
      'epoch_us(a)',
      'a::varchar',
      "a + interval '1 month'",
      "a - interval '1 year'",
    ],
  ],
}

test.each(Object.keys(EXPRESSIONS))(
  'every pair of odd values of %s gives what DuckDB gives (S26)',
  async (type) => {
    const columns = ['a', 'b'].map((name) => ({ name, type: type as ValueType }))
    const pool: readonly Value[] = [...POOLS[type]!, null]
    const rows = pool.flatMap((a) => pool.map((b) => [a, b]))
    const expressions = EXPRESSIONS[type]!
    const expected = await evaluateAll(await openOracle(columns, rows), expressions)
    const failures = expressions.flatMap((sql, at) => {
      const evaluate = compileExpression(checkExpression(sql, columns))
      return rows
        .map((row, n) => ({ sql, row, ours: attempt(() => evaluate(row)), theirs: expected[at]![n]! }))
        .filter(({ ours, theirs }) => !isSame(ours, theirs))
    })
    expect(failures.slice(0, 10)).toEqual([])
  },
)

/** Errors are not compared by their reason, and the store's times end earlier than DuckDB's. */
function isSame(ours: Value | Error, theirs: Outcome): boolean {
  if (ours instanceof Error) return 'error' in theirs || ours.message.includes('1684-07-28')
  return 'value' in theirs && Object.is(ours, theirs.value)
}

function attempt(evaluate: () => Value): Value | Error {
  try {
    return evaluate()
  } catch (error) {
    return error as Error
  }
}
