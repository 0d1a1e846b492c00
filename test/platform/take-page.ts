import { compareNewest, isAfter, type ListPage, type ListPlace } from '../../src/platform.ts'

/** A page of what a map holds, newest first. */
export function takePage<T>(
  all: Iterable<T>,
  placeOf: (one: T) => ListPlace,
  { after, countMax }: ListPage,
): T[] {
  return [...all]
    .filter((one) => isAfter(placeOf(one), after))
    .sort((a, b) => compareNewest(placeOf(a), placeOf(b)))
    .slice(0, countMax)
}
