import type { Value } from '../value.ts'
import {
  itemAt,
  listContains,
  listExtreme,
  meanFloat64,
  meanInt64,
  sumFloat64,
  sumInt64,
} from './list-items.ts'
import { checkListSize } from './result-size.ts'
import type { Evaluate, Operand, SqlFunction } from './sql-function.ts'
import { cosineSimilarity, dotProduct, euclideanDistance } from './vector-measures.ts'

/** Lists, whose items may be null, and vectors, which are lists of numbers. */
export const LIST_FUNCTIONS: readonly SqlFunction[] = [
  {
    names: ['list_value'],
    syntax: '[a, …], list_value(a, …)',
    nulls: 'a null argument is a null item',
    description: 'The list of these items, all of one type.',
    overloads: [
      { signature: '() -> list<null>', compile: compileList },
      { signature: '(T...) -> list<T>', compile: compileList },
    ],
  },
  {
    names: ['[]'],
    syntax: 'a[b]',
    nulls: 'null if any is null or there is no such item',
    description: 'The item at a position: 1 is the first, -1 the last.',
    overloads: [{ signature: '(list<T>, int64) -> T', evaluate: itemAt }],
  },
  {
    names: ['list_length', 'array_length'],
    description: 'How many items a list has, nulls included.',
    overloads: [
      { signature: '(list<T>) -> int64', evaluate: (items: readonly Value[]) => BigInt(items.length) },
    ],
  },
  {
    names: ['list_contains', 'list_has', 'array_contains', 'array_has'],
    description: 'Whether an item equals a value; nulls in the list equal nothing.',
    overloads: [{ signature: '(list<T>, T) -> bool', evaluateFor: listContains }],
  },
  {
    names: ['list_sum'],
    nulls: 'null items are skipped; null if no others are there',
    description: 'Sum of the items.',
    overloads: [
      { signature: '(list<int64>) -> int64', evaluate: sumInt64 },
      { signature: '(list<float64>) -> float64', evaluate: sumFloat64 },
    ],
  },
  {
    names: ['list_avg', 'list_mean'],
    nulls: 'null items are skipped; null if no others are there',
    description: 'Mean of the items.',
    overloads: [
      { signature: '(list<int64>) -> float64', evaluate: meanInt64 },
      { signature: '(list<float64>) -> float64', evaluate: meanFloat64 },
    ],
  },
  {
    names: ['list_min'],
    nulls: 'null items are skipped; null if no others are there',
    description: 'The least item.',
    overloads: [{ signature: '(list<T>) -> T', evaluateFor: ([list]) => listExtreme(list!, -1) }],
  },
  {
    names: ['list_max'],
    nulls: 'null items are skipped; null if no others are there',
    description: 'The greatest item.',
    overloads: [{ signature: '(list<T>) -> T', evaluateFor: ([list]) => listExtreme(list!, 1) }],
  },
  {
    names: ['list_dot_product', 'list_inner_product', 'dot'],
    description: 'Sum of the products of items at the same place; an error for other lengths and null items.',
    overloads: [{ signature: '(list<float64>, list<float64>) -> float64', evaluate: dotProduct }],
  },
  {
    names: ['list_cosine_similarity', 'cosine_similarity'],
    nulls: 'null if any is null or both are empty',
    description:
      'Cosine of the angle of two vectors, -1 if one is zero; an error for other lengths and null items.',
    overloads: [{ signature: '(list<float64>, list<float64>) -> float64', evaluate: cosineSimilarity }],
  },
  {
    names: ['list_distance', 'l2_distance'],
    description: 'Euclidean distance of two vectors; an error for other lengths and null items.',
    overloads: [{ signature: '(list<float64>, list<float64>) -> float64', evaluate: euclideanDistance }],
  },
]

function compileList(operands: readonly Operand[]): Evaluate {
  const parts = operands.map((operand) => operand.evaluate)
  return (row) => checkListSize(parts.map((part) => part(row)))
}
