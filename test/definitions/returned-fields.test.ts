import { expect, test } from 'vitest'
import type { FeatureStoreError } from '../../src/core/error.ts'
import { parseDefinitions } from '../../src/registry/plan-changes.ts'
import { CLICKS } from '../platform/clicks.ts'

const [view] = CLICKS.feature_views!
const transform = { service: 'PRICES', method: 'double' }
const aggregations = [{ name: 'spent', function: 'sum', sql: 'doubled', windows: ['1h'] }]
const doubled = { name: 'doubled', type: 'int64' }

function problemsOf(change: object): readonly string[] {
  try {
    parseDefinitions({ ...CLICKS, feature_views: [{ ...view, ...change }], feature_services: [] })
    return []
  } catch (error) {
    return (error as FeatureStoreError).details.problems as string[]
  }
}

test('a view takes what its Worker returns as features, and its SQL and aggregations may read it', () => {
  expect(
    problemsOf({ transform, features: [doubled, { name: 'more', type: 'int64', sql: 'doubled + price' }] }),
  ).toEqual([])
  const { features: _, ttl: __, ...windowed } = view!
  expect(problemsOf({ ...windowed, ttl: undefined, transform, features: [doubled], aggregations })).toEqual(
    [],
  )
})

test.each([
  ['no transform', { features: [doubled] }, /feature "doubled" has no sql, and the view no transform/],
  ['nothing returned', { transform }, /its transform returns nothing/],
  ['a column’s name', { transform, features: [{ name: 'price', type: 'int64' }] }, /cannot return "price"/],
  ['a name twice', { transform, features: [doubled, doubled] }, /cannot return "doubled"/],
  [
    'SQL of another type',
    { transform, features: [doubled, { name: 'text', type: 'string', sql: 'doubled' }] },
    /feature "text": .*int64, string is needed/,
  ],
  [
    'SQL beside aggregations',
    {
      ttl: undefined,
      transform,
      features: [doubled, { name: 'x', type: 'int64', sql: 'price' }],
      aggregations,
    },
    /feature "x" has sql: beside aggregations/,
  ],
  ['both without transform', { ttl: undefined, aggregations }, /either features or aggregations/],
  [
    'an unknown field of transform',
    { transform: { ...transform, timeout: 1 }, features: [doubled] },
    /timeout/,
  ],
  ['a binding’s own method', { transform: { ...transform, method: 'fetch' }, features: [doubled] }, /method/],
  [
    'no binding’s name',
    { transform: { ...transform, service: 'a-b' }, features: [doubled] },
    /service binding/,
  ],
])('a transform with %s is refused by name (S34)', (_, change, problem) => {
  expect(problemsOf(change).join()).toMatch(problem)
})
