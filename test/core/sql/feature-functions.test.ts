import { expect, test } from 'vitest'
import { checkExpression } from '../../../src/core/sql/check-expression.ts'
import { compileExpression } from '../../../src/core/sql/compile-expression.ts'
import type { Value } from '../../../src/core/value.ts'
import { refusal } from './refusal.ts'

test('hash_bucket() stays what it is: stored features depend on it', () => {
  expect(evaluate("[hash_bucket('ATL', 1000), hash_bucket('', 7), hash_bucket('é', 4294967296)]")).toEqual([
    466n,
    6n,
    2_832_927_418n,
  ])
  expect(
    evaluate('[hash_bucket(0, 1000), hash_bucket(-1, 1000), hash_bucket(9223372036854775807, 7)]'),
  ).toEqual([110n, 106n, 2n])
  expect(refusal(() => evaluate("hash_bucket('a', 0)")).message).toContain('1 to 2^32')
})

test('hash_bucket() spreads values evenly', () => {
  const evaluate = compileExpression(checkExpression('hash_bucket(n, 10)', [{ name: 'n', type: 'int64' }]))
  const counts = Array(10).fill(0)
  for (let n = 0n; n < 10_000n; n++) counts[Number(evaluate([n]))]++
  expect(Math.min(...counts)).toBeGreaterThan(900)
  expect(Math.max(...counts)).toBeLessThan(1_100)
})

test('width_bucket() is that of PostgreSQL', () => {
  const examples: [string, bigint][] = [
    ['5.35, 0.024, 10.06, 5', 3n],
    ['-1, 0, 10, 5', 0n],
    ['0, 0, 10, 5', 1n],
    ['9.99, 0, 10, 5', 5n],
    ['10, 0, 10, 5', 6n],
    ['10, 10, 0, 5', 1n],
    ['0, 10, 0, 5', 6n],
    ['11, 10, 0, 5', 0n],
  ]
  for (const [operands, bucket] of examples) expect(evaluate(`width_bucket(${operands})`)).toBe(bucket)
  expect(refusal(() => evaluate('width_bucket(1, 2, 2, 5)')).message).toContain('are no buckets')
  expect(refusal(() => evaluate('width_bucket(1, 0, 2, 0)')).message).toContain('are no buckets')
})

test('haversine_km() measures the great circle', () => {
  // A quarter of the meridian, and Atlanta to Los Angeles.
  expect(evaluate('haversine_km(0, 0, 90, 0)')).toBeCloseTo((Math.PI / 2) * 6_371.0088, 6)
  expect(evaluate('haversine_km(33.6367, -84.4281, 33.9425, -118.4081)')).toBeCloseTo(3_126, -1)
  expect(evaluate('haversine_km(1, 2, 1, 2)')).toBe(0)
})

function evaluate(sql: string): Value {
  return compileExpression(checkExpression(sql, []))([])
}
