import { invalid } from '../error.ts'
import type { Value } from '../value.ts'

type Vector = readonly Value[]

/** Sum of products; throws `invalid_argument` for vectors of other lengths and null items. */
export function dotProduct(a: Vector, b: Vector): number {
  checkVectors(a, b)
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number)
  return sum
}

/** As DuckDB has it: kept within -1 to 1, which makes -1 of the NaN of a zero vector. */
export function cosineSimilarity(a: Vector, b: Vector): number | null {
  checkVectors(a, b)
  if (a.length === 0) return null
  const similarity = dotProduct(a, b) / Math.sqrt(dotProduct(a, a) * dotProduct(b, b))
  return Number.isNaN(similarity) ? -1 : Math.max(-1, Math.min(1, similarity))
}

/** Square root of the sum of squared differences. */
export function euclideanDistance(a: Vector, b: Vector): number {
  checkVectors(a, b)
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += ((a[at] as number) - (b[at] as number)) ** 2
  return Math.sqrt(sum)
}

function checkVectors(a: Vector, b: Vector): void {
  if (a.length !== b.length) {
    throw invalid(
      `Cannot measure vectors: they have ${a.length} and ${b.length} items, equal lengths are needed`,
    )
  }
  if (a.includes(null) || b.includes(null)) throw invalid('Cannot measure vectors: an item is null')
}
