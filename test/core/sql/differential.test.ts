// S26: expressions mean what DuckDB means by them. Another seed: SQL_SEED=7 SQL_COUNT=100000 npx vitest run <this file>
import type { DuckDBConnection } from '@duckdb/node-api'
import { beforeAll, expect, test } from 'vitest'
import { checkExpression } from '../../../src/core/sql/check-expression.ts'
import { compileExpression } from '../../../src/core/sql/compile-expression.ts'
import type { Value } from '../../../src/core/value.ts'
import { evaluateAll, type Outcome, openOracle } from '../../oracles/duckdb-expressions.ts'
import { COLUMNS, expressionGenerator, type Generated } from './random-expression.ts'
import { randomRows, seededRandom } from './random-rows.ts'

const SEED = Number(process.env.SQL_SEED ?? 20_260_131)
const COUNT = Number(process.env.SQL_COUNT ?? 20_000)
const ROW_COUNT = 24
/** Errors of DuckDB that no row is to blame for: the generator wrote nonsense. */
const GENERATOR_FAULTS = /Parser Error|Binder Error|Catalog Error/
const FAILURES_SHOWN = 20
const random = seededRandom(SEED)
const rows = randomRows(COLUMNS, ROW_COUNT, random)

let duckdb: DuckDBConnection
beforeAll(async () => {
  duckdb = await openOracle(COLUMNS, rows)
})

test('compileExpression() gives what DuckDB gives for random expressions over random rows (S26)', async () => {
  const generator = expressionGenerator(random)
  const expressions = Array.from({ length: (COUNT * 9) / 10 }, () =>
    generator.exact(1 + Math.floor(random() * 4)),
  )
  const { failures, outcomes } = await compareAll(expressions, isSameValue)
  expect(failures.slice(0, FAILURES_SHOWN)).toEqual([])
  // Most rows have answers to compare: a generator of errors would prove nothing.
  expect(outcomes.values).toBeGreaterThan(outcomes.errors * 3)
  expect(outcomes.departures).toBeLessThan(outcomes.values / 50)
}, 240_000)

test('compileExpression() agrees with DuckDB to 1e-12 where libraries round differently (S26)', async () => {
  const generator = expressionGenerator(random)
  const expressions = Array.from({ length: COUNT / 10 }, () => generator.inexact(3))
  const { failures } = await compareAll(expressions, isNearValue)
  expect(failures.slice(0, FAILURES_SHOWN)).toEqual([])
}, 240_000)

async function compareAll(
  expressions: readonly Generated[],
  isSame: (a: Value, b: Value) => boolean,
): Promise<{ failures: string[]; outcomes: { values: number; errors: number; departures: number } }> {
  const failures: string[] = []
  const outcomes = { values: 0, errors: 0, departures: 0 }
  const expected = await evaluateAll(
    duckdb,
    expressions.map(({ oracle }) => oracle),
  )
  for (const [at, { sql, oracle }] of expressions.entries()) {
    const { evaluated, hasConstantNull } = evaluateRows(sql)
    for (const [n, outcome] of evaluated.entries()) {
      const theirs = expected[at]![n]!
      if ('error' in theirs) outcomes.errors++
      else outcomes.values++
      if ('error' in theirs && GENERATOR_FAULTS.test(theirs.error)) {
        failures.push(`${oracle}\n  ${theirs.error}`)
        break
      }
      const isEqual =
        'value' in outcome && 'value' in theirs
          ? isSame(outcome.value, theirs.value)
          : 'error' in outcome && 'error' in theirs
      if (isEqual) continue
      if (isDeparture(sql, hasConstantNull, outcome, theirs)) {
        outcomes.departures++
        continue
      }
      failures.push(
        `${sql}\n  DuckDB: ${oracle}\n  row: ${show(rows[n]!)}\n  ${show(outcome)} is not ${show(theirs)}`,
      )
      break
    }
  }
  return { failures, outcomes }
}

/** An expression that is refused because a part of it always fails is an error of every row. */
function evaluateRows(sql: string): { evaluated: Outcome[]; hasConstantNull: boolean } {
  try {
    const typed = checkExpression(sql, COLUMNS)
    const evaluate = compileExpression(typed)
    const evaluated = rows.map((row) => attempt(() => evaluate(row)))
    return { evaluated, hasConstantNull: JSON.stringify(typed).includes('"text":"null"') }
  } catch (error) {
    const { message } = error as Error
    return {
      evaluated: rows.map(() => ({ error: message })),
      hasConstantNull: /null|try_cast|% ?0/.test(sql),
    }
  }
}

function attempt(evaluate: () => Value): Outcome {
  try {
    return { value: evaluate() }
  } catch (error) {
    return { error: (error as Error).message }
  }
}

/** The departures of docs/expressions.md that show in outcomes. */
function isDeparture(sql: string, hasConstantNull: boolean, ours: Outcome, theirs: Outcome): boolean {
  // `and` and `or` stop when they are decided; DuckDB evaluates all operands.
  if ('error' in theirs && 'value' in ours) return /\b(and|or)\b/.test(sql)
  // In a condition of `case`, DuckDB stops at a null, too.
  if ('error' in ours && 'value' in theirs && /\bcase\b.*\band\b/.test(sql)) return true
  // DuckDB does not look at the other arguments of a call with a constant null.
  if ('error' in ours && 'value' in theirs && hasConstantNull) return true
  // The store's times end earlier, and its strings are bounded.
  return 'error' in ours && /1684-07-28|characters/.test(ours.error)
}

function isSameValue(a: Value, b: Value): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, at) => isSameValue(item, b[at]!))
  }
  return Object.is(a, b)
}

function isNearValue(a: Value, b: Value): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return isSameValue(a, b)
  return Object.is(a, b) || Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b))
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, item) =>
    typeof item === 'bigint'
      ? `${item}n`
      : typeof item === 'number'
        ? Object.is(item, -0)
          ? '-0'
          : String(item)
        : item,
  )
}
