import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'
import { LIMITS } from '../../../src/core/limits.ts'
import { checkExpression } from '../../../src/core/sql/check-expression.ts'
import { compileExpression } from '../../../src/core/sql/compile-expression.ts'
import { expressionColumns } from '../../../src/core/sql/typed-expression.ts'
import { refusal } from './refusal.ts'

const columns = [
  { name: 'delay', type: 'int64' },
  { name: 'distance', type: 'float64' },
  { name: 'airline', type: 'string' },
  { name: 'at', type: 'timestamp' },
  { name: 'late', type: 'bool' },
  { name: 'Late', type: 'bool' },
  { name: 'Tail', type: 'bytes' },
  { name: 'legs', type: 'list<int64>' },
] as const

test.each([
  ['delya + 1', 1, 'there is no column "delya" (did you mean "delay"?)'],
  ['delay + lenght(airline)', 9, 'there is no function "lenght" (did you mean "length"?)'],
  ['LATE', 1, 'column "LATE" is any of 2 but for its case'],
  ['abs(1, 2)', 1, '"abs" takes 1 argument, 2 given'],
  ['coalesce()', 1, '"coalesce" takes 1 or more arguments, 0 given'],
  ['round(1, 2, 3)', 1, '"round" takes 1 to 2 arguments, 3 given'],
  ['delay + airline', 7, '"+" does not take (int64, string)'],
  ["airline = 5 or airline = '6'", 9, '"=" does not take (string, int64)'],
  ['case when delay then 1 end', 6, '"case" does not take (int64, int64, null)'],
  ['[1, airline]', 1, '"list_value" does not take (int64, string)'],
  ['[Tail]', 1, '"list_value" does not take (bytes)'],
  ['delay and late', 7, '"and" does not take (int64, bool)'],
  ['at - at', 4, 'date_diff'],
  ["at > 'soon'", 6, "'soon' is not a time"],
  ['delay::timestamp', 6, 'int64 cannot be cast to timestamp'],
  ["date_trunc('mnth', at)", 12, 'there is no part of time "mnth" (did you mean "month"?)'],
  ['extract(yaer from at)', 9, 'did you mean "year"?'],
  ["airline like 'a!' escape '!'", 1, 'the pattern ends in its escape'],
  ["airline like 'a' escape 'ab'", 1, 'an escape of one character is needed'],
  ['null', 1, 'has no type'],
  ['[]', 1, 'has no type'],
  ['interval 3 days', 1, 'its result is an interval'],
  ["delay + 'x'::bigint", 12, 'Cannot cast "x" to int64'],
  ['delay + (9223372036854775807 + 1)', 30, '9223372036854775807 + 1: the result lies outside int64'],
])('checkExpression() points at the fault in %s (S26)', (sql, position, reason) => {
  const error = refusal(() => checkExpression(sql, columns))
  expect(error).toMatchObject({ code: 'invalid_argument', details: { position } })
  expect(error.message).toContain(`Cannot read expression at character ${position}: `)
  expect(error.message).toContain(reason)
})

test('checkExpression() bounds chains and the parts that case repeats (S27)', () => {
  const chain = Array(LIMITS.expressionDepthMax + 1)
    .fill('1')
    .join('+')
  expect(refusal(() => checkExpression(chain, columns)).message).toContain('nested deeper than 250')
  const sum = Array(100).fill('delay').join('+')
  const cases = `case ${sum} ${Array(20).fill('when 1 then 2').join(' ')} end`
  expect(refusal(() => checkExpression(cases, columns)).message).toContain('more than 2000 parts')
  const conditions = Array(400).fill('delay = 1').join(' or ')
  expect(checkExpression(conditions, columns).type).toBe('bool')
})

test.each([
  ['delay', 'int64'],
  ['"Late" and late', 'bool'],
  ['DELAY + 1', 'int64'],
  ['delay / 2', 'float64'],
  ['delay + 1e-3', 'float64'],
  ['coalesce(null, delay, 1.5)', 'float64'],
  ['[1, null, 2.5]', 'list<float64>'],
  ['legs[1]', 'int64'],
  ['list_max([])::string', 'string'],
  ["greatest(at, '2026-01-01')", 'timestamp'],
  ["at + interval '1 month'", 'timestamp'],
  ['null::bytes', 'bytes'],
  ["case airline when 'AA' then null else 5 end", 'int64'],
  ['try_cast(airline as bigint)', 'int64'],
  ['legs::double[]', 'list<float64>'],
])('checkExpression() finds the type of %s', (sql, type) => {
  expect(checkExpression(sql, columns).type).toBe(type)
})

test('checkExpression() brings the result to the type that is asked for, or refuses', () => {
  expect(compileExpression(checkExpression('delay', columns, 'float64'))([5n])).toBe(5)
  expect(checkExpression('null', columns, 'bytes').type).toBe('bytes')
  expect(compileExpression(checkExpression("'1970-01-01'", columns, 'timestamp'))([])).toBe(0)
  const error = refusal(() => checkExpression('distance', columns, 'int64'))
  expect(error.message).toContain('its result is float64, int64 is needed')
})

test('checkExpression() leaves a column a column, and a constant a constant', () => {
  expect(checkExpression('distance', columns)).toEqual({ kind: 'column', type: 'float64', column: 1 })
  expect(checkExpression("upper('a' || 'b')", columns)).toEqual({
    kind: 'constant',
    type: 'string',
    text: '"AB"',
  })
  expect(checkExpression('pi() > 3 and not false', columns)).toMatchObject({ kind: 'constant', text: 'true' })
})

test('checkExpression() keeps a part that fails where no row may reach it', () => {
  const evaluate = compileExpression(checkExpression("case when late then 'x'::bigint else 1 end", columns))
  expect(evaluate([null, null, null, null, false])).toBe(1n)
  expect(refusal(() => evaluate([null, null, null, null, true])).message).toBe('Cannot cast "x" to int64')
})

test('a checked expression is JSON, and names the columns it reads', () => {
  const sql =
    "case when delay in (9223372036854775807, -9223372036854775808) then 'nan'::double else distance end"
  const typed = checkExpression(`${sql} + delay`, columns)
  const copy = JSON.parse(JSON.stringify(typed))
  expect(copy).toEqual(typed)
  expect(expressionColumns(copy)).toEqual([0, 1])
  expect(compileExpression(copy)([2n ** 63n - 1n, 1])).toBeNaN()
})

test('compiling imports neither tokenizer nor parser nor checker', () => {
  const seen = new Set<string>()
  const visit = (file: string) => {
    if (seen.has(file)) return
    seen.add(file)
    for (const [, name] of readFileSync(file, 'utf8').matchAll(/from '(\.[^']+)'/g)) {
      visit(normalize(join(dirname(file), name!)))
    }
  }
  visit('src/core/sql/compile-expression.ts')
  visit('src/core/sql/typed-expression.ts')
  const front = globSync('src/core/sql/{tokenize,token-reader,parse-*,check-*,resolve-*,constant-folding}.ts')
  expect(front.length).toBeGreaterThan(5)
  expect(front.filter((file) => seen.has(file))).toEqual([])
})
