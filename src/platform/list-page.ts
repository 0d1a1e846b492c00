import type { Instant } from '../core/time.ts'

/** Where a thing stands in a list that is newest first, and among those of one time by id, the last first. */
export interface ListPlace {
  readonly time: Instant
  readonly id: string
}

export interface ListPage {
  /** The last thing of the page before; absent for the first page. */
  readonly after?: ListPlace | undefined
  readonly countMax: number
}

/** Orders a list as its pages are read. */
export function compareNewest(a: ListPlace, b: ListPlace): number {
  if (a.time !== b.time) return b.time - a.time
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0
}

/** Whether a page that begins after this place, or at the beginning, may have a thing. */
export function isAfter(place: ListPlace, after: ListPlace | undefined): boolean {
  return after === undefined || compareNewest(after, place) < 0
}

/** A page, and where the one after it begins. */
export interface ListCut<T> {
  readonly page: readonly T[]
  /** Of its last thing; that of the page before where it has none, undefined where there was none before. */
  readonly last: ListPlace | undefined
  readonly hasMore: boolean
}

/** Cuts a page out of what was read for it: one thing more than it may have shows whether another page follows. */
export function cutPage<T>(
  found: readonly T[],
  { after, countMax }: ListPage,
  placeOf: (one: T) => ListPlace,
): ListCut<T> {
  const page = found.slice(0, countMax)
  const last = page.at(-1)
  return {
    page,
    last: last === undefined ? after : placeOf(last),
    hasMore: found.length > countMax,
  }
}
