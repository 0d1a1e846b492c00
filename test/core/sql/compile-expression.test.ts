import { expect, test } from 'vitest'
import { LIMITS } from '../../../src/core/limits.ts'
import { checkExpression } from '../../../src/core/sql/check-expression.ts'
import { compileExpression } from '../../../src/core/sql/compile-expression.ts'
import type { Value } from '../../../src/core/value.ts'
import { refusal } from './refusal.ts'

const columns = [
  { name: 'i', type: 'int64' },
  { name: 'f', type: 'float64' },
  { name: 's', type: 'string' },
  { name: 't', type: 'timestamp' },
  { name: 'l', type: 'list<float64>' },
  { name: 'y', type: 'bytes' },
] as const
const row: Value[] = [5n, 2.5, 'héllo', 0, [1, null, 3], new Uint8Array([1, 2])]

test.each<[string, Value]>([
  ['9223372036854775807', 2n ** 63n - 1n],
  ['1e-3', 0.001],
  ['i is distinct from null', true],
  ['i is not distinct from 5', true],
  ['-2 ^ 2', 4],
  ['7 // 2 * 2', 6n],
  ['i / 2', 2.5],
  ['i // 0', null],
  ['1 / 0', Number.POSITIVE_INFINITY],
  ['0.1 + 0.2', 0.30000000000000004],
  ['not null::bool', null],
  ['false and null', false],
  ['null and true', null],
  ['null or true', true],
  ['i in (1, null)', null],
  ['f::int64', 2n],
  ["'2.5'::int64", 3n],
  ["'1_0.6'::int64", 11n],
  ["'1_000.5'::double", 1000.5],
  ["try_cast('x' as int64)", null],
  ["try_cast(['1', 'x'] as int64[])", [1n, null]],
  ['1e20::string', '1e+20'],
  ['(0/0)::string', 'nan'],
  ['l[-1]', 3],
  ['l[9]', null],
  ['list_sum(l)', 4],
  ['list_avg(l)', 2],
  ['list_mean([1, 2])', 1.5],
  ['list_length(l)', 3n],
  ['reverse(s)', 'olléh'],
  ['substr(s, 2, 2)', 'él'],
  ["s like '%ll_'", true],
  ["t + interval '1 month'", 31 * 86_400_000_000],
  ["'2020-01-01 10:00:00+02'::timestamp = timestamp '2020-01-01 08:00:00'", true],
  ['extract(epoch from t)', 0],
  ['to_timestamp(1.5)', 1_500_000],
  ['y = y', true],
  ['coalesce(null, y)', row[5]!],
  ['cosine_similarity([1, 0], [0, 2])', 0],
  ['l2_distance([0, 0], [3, 4])', 5],
  ['dot([1, 2], [3, 4])', 11],
])('compileExpression() evaluates %s (S26)', (sql, value) => {
  expect(evaluate(sql)).toEqual(value)
})

test.each([
  ['i + 9223372036854775807', 'Cannot compute 5 + 9223372036854775807: the result lies outside int64'],
  ['i * 4611686018427387904', 'Cannot compute 5 * 4611686018427387904'],
  ['-(i - 5 + -9223372036854775808)', 'Cannot compute -(-9223372036854775808)'],
  ['list_sum([i, 9223372036854775807])', 'Cannot compute list_sum'],
  ['s::int64', 'Cannot cast "héllo" to int64'],
  ['(f / 0)::int64', 'Cannot cast "Infinity" to int64'],
  ['sqrt(-f)', 'Cannot take the square root of -2.5: it is negative'],
  ['ln(f - 2.5)', 'Cannot take the logarithm of 0: it is not above zero'],
  ['asin(f)', 'Cannot take an arc function of 2.5'],
  ['sin(f / 0)', 'Cannot take a trigonometric function of Infinity'],
  ['lpad(s, 9, substr(s, 9))', 'the padding is empty'],
  ['list_distance(l, [1.0])', 'they have 3 and 1 items'],
  ['list_dot_product(l, l)', 'an item is null'],
  ["t + interval '300 years'", 'the result lies outside 1684-07-28 to 2255-06-05'],
  ['make_timestamp(i * 4000000000000000)', 'it lies outside'],
  ['date_trunc(s, t)', 'Cannot find part of time "héllo"'],
])('a row that has no answer for %s says why', (sql, reason) => {
  const error = refusal(() => evaluate(sql))
  expect(error.code).toBe('invalid_argument')
  expect(error.message).toContain(reason)
})

test('strings, lists and patterns that a row makes are bounded before they are made (S27)', () => {
  expect(refusal(() => evaluate('repeat(s, i * 1000000000000)')).message).toContain('characters')
  expect(refusal(() => evaluate('lpad(s, i * 1000000000000, s)')).message).toContain('characters')
  const long = [...row]
  long[2] = 'a'.repeat(LIMITS.expressionStringCharsMax)
  expect(evaluate('s', long)).toBe(long[2])
  expect(refusal(() => evaluate("s || 'b'", long)).message).toContain('100001 characters')
  expect(refusal(() => evaluate('concat(s, s)', long)).message).toContain('200000 characters')
  expect(refusal(() => evaluate("replace(s, 'a', s)", long)).message).toContain('10000000000 characters')
  expect(refusal(() => evaluate("'x' like s", long)).message).toContain('pattern has 100000 characters')
  long[4] = Array(LIMITS.expressionListItemsMax).fill(1)
  expect(refusal(() => evaluate('l || [2.0]', long)).message).toContain('10001 items')
})

test('like takes time in proportion to text and pattern, whatever they are (S27)', () => {
  const text = 'a'.repeat(LIMITS.expressionStringCharsMax)
  const evil = [`${'%a'.repeat(499)}%b`, `${'%_a'.repeat(300)}%b`, `%${'a_'.repeat(498)}b%`]
  for (const pattern of evil) {
    const started = performance.now()
    expect(evaluate(`s like '${pattern}'`, ['', 0, text] as unknown as Value[])).toBe(false)
    // A backtracking matcher would be at it for longer than the universe.
    expect(performance.now() - started).toBeLessThan(10_000)
  }
})

function evaluate(sql: string, values = row): Value {
  return compileExpression(checkExpression(sql, columns))(values)
}
