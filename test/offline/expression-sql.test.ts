// What the export writes of a checked expression means what was checked (S26). Another seed: SQL_SEED=7 SQL_COUNT=20000
import { expect, test } from 'vitest'
import { checkExpression } from '../../src/core/sql/check-expression.ts'
import { expressionSql } from '../../src/offline/expression-sql.ts'
import { DUCKDB, SPARK } from '../../src/offline/sql-dialect.ts'
import { COLUMNS, expressionGenerator } from '../core/sql/random-expression.ts'
import { randomRows, seededRandom } from '../core/sql/random-rows.ts'
import { evaluateAll, openOracle } from '../oracles/duckdb-expressions.ts'

const random = seededRandom(Number(process.env.SQL_SEED ?? 20_260_201))
const COUNT = Number(process.env.SQL_COUNT ?? 1_500)

test('expressions written for DuckDB give what the expressions themselves give there (S26)', async () => {
  const duckdb = await openOracle(COLUMNS, randomRows(COLUMNS, 12, random))
  const generator = expressionGenerator(random)
  const names = COLUMNS.map(({ name }) => name)
  const written = Array.from({ length: COUNT }, () => generator.exact(1 + Math.floor(random() * 4))).flatMap(
    ({ sql, oracle }) => {
      try {
        return [{ sql, oracle, text: expressionSql(DUCKDB, checkExpression(sql, COLUMNS), names) }]
      } catch {
        // One that always fails is refused by plan.
        return []
      }
    },
  )
  expect(written.length).toBeGreaterThan(COUNT * 0.8)
  const theirs = await evaluateAll(
    duckdb,
    written.map(({ oracle }) => oracle),
  )
  const ours = await evaluateAll(
    duckdb,
    written.map(({ text }) => text),
  )
  const failures = written.flatMap(({ sql, text }, at) => {
    const differing = ours[at]!.findIndex((outcome, row) => {
      const other = theirs[at]![row]!
      return 'value' in outcome && 'value' in other
        ? !isSame(outcome.value, other.value)
        : 'value' in outcome !== 'value' in other
    })
    return differing < 0
      ? []
      : [`${sql}\n  ${text}\n  ${show(ours[at]![differing])} is not ${show(theirs[at]![differing])}`]
  })
  expect(failures.slice(0, 10)).toEqual([])
})

function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, at) => isSame(item, b[at]))
  return Object.is(a, b)
}

function show(outcome: unknown): string {
  return JSON.stringify(outcome, (_, item) => (typeof item === 'bigint' ? `${item}n` : item))
}

test.each([
  ['hash_bucket(user, 10)', DUCKDB, /duckdb: it has nothing that means what "hash_bucket"/],
  ['hash_bucket(user, 10)', SPARK, /spark: it has nothing that means what "hash_bucket"/],
  ['f::string', SPARK, /cast from float64 to string/],
  ["date_part('hour', t)", SPARK, /"date_part"/],
])('%s is refused by name where an engine has nothing for it', (sql, dialect, message) => {
  const columns = [
    { name: 'user', type: 'string' as const },
    { name: 'f', type: 'float64' as const },
    { name: 't', type: 'timestamp' as const },
  ]
  expect(() => expressionSql(dialect, checkExpression(sql, columns), ['user', 'f', 't'])).toThrow(message)
})
