import type { StampOrder } from '../row.ts'
import type { Instant } from '../time.ts'
import type { Value } from '../value.ts'
import { hopStart, windowStart } from './hop.ts'
import { type ColumnPlan, longestOf, oldestCounted, type SeriesPlan, type WindowPlan } from './window-plan.ts'

/** What one key's windows are finished from: one series for each hop of the plan, in the plan's order. */
export interface Tiles {
  /** Events at or before this instant no longer count (S10); null where nothing was deleted. */
  deletedThrough: Instant | null
  /** A deletion cut through a tile: until the tiles are made anew from the log, every value is an error (S10). */
  needsRebuild: boolean
  readonly series: readonly TileSeries[]
}

/** Tiles of one hop that hold an event, oldest first: position i of every array belongs to tile i. */
export interface TileSeries {
  /** Whole hops. */
  readonly starts: Instant[]
  /** Event time of each tile's oldest event. */
  readonly firsts: Instant[]
  /** Event time of each tile's newest event. */
  readonly lasts: Instant[]
  /** By the plan's column, then by tile. */
  readonly columns: readonly unknown[][]
}

/** An event of one key as windows see it. */
export interface WindowEvent {
  readonly stamp: StampOrder
  /** Values of the view's aggregated expressions. */
  readonly inputs: readonly Value[]
}

/** What a deletion did: `straddles` means that the caller has to rebuild the key from the log. */
export type Deletion = 'clean' | 'straddles'

export function createTiles(plan: WindowPlan): Tiles {
  return { deletedThrough: null, needsRebuild: false, series: plan.series.map(createSeries) }
}

/** Counts an event, late ones too; events of one key may come in any order. Deleted ones (S10) change nothing. */
export function addEvent(plan: WindowPlan, tiles: Tiles, { stamp, inputs }: WindowEvent): void {
  const time = stamp.eventTime
  if (isDeleted(time, tiles.deletedThrough)) return
  for (let at = 0; at < plan.series.length; at++) {
    const { hopUs, columns } = plan.series[at]!
    const series = tiles.series[at]!
    const tile = tileAt(series, columns, hopStart(time, hopUs))
    coverTimes(series, tile, time, time)
    for (let column = 0; column < columns.length; column++) {
      const { aggregator, input } = columns[column]!
      const value = inputs[input]!
      if (value === null) continue
      const states = series.columns[column]!
      states[tile] = aggregator.update(states[tile], value, stamp)
    }
  }
}

/** Adds what another set of tiles of the same key counted; no event may be in both. `other` is only read. */
export function mergeTiles(plan: WindowPlan, tiles: Tiles, other: Tiles): void {
  if (other.deletedThrough !== null) deleteThrough(tiles, other.deletedThrough)
  tiles.needsRebuild ||= other.needsRebuild
  plan.series.forEach(({ columns }, at) => {
    const series = tiles.series[at]!
    const added = other.series[at]!
    added.starts.forEach((start, from) => {
      if (isDeleted(added.lasts[from]!, tiles.deletedThrough)) return
      if (isDeleted(added.firsts[from]!, tiles.deletedThrough)) tiles.needsRebuild = true
      const tile = tileAt(series, columns, start)
      coverTimes(series, tile, added.firsts[from]!, added.lasts[from]!)
      columns.forEach(({ aggregator }, column) => {
        const states = series.columns[column]!
        states[tile] = aggregator.merge(states[tile], added.columns[column]![from])
      })
    })
  })
}

/** Drops all that no window at `now` or later counts. */
export function dropOldTiles(plan: WindowPlan, tiles: Tiles, now: Instant): void {
  for (let at = 0; at < plan.series.length; at++) {
    const { hopUs, longestUs, columns } = plan.series[at]!
    const series = tiles.series[at]!
    dropFirst(series, firstAtOrAfter(series.starts, windowStart(now, longestUs, hopUs)))
    for (let position = 0; position < columns.length; position++) {
      const column = columns[position]!
      const states = series.columns[position]!
      const needed = firstAtOrAfter(series.starts, windowStart(now, longestOf(column), hopUs))
      for (let tile = 0; tile < needed; tile++) states[tile] = column.aggregator.create()
    }
  }
  const isDeletionOver = tiles.deletedThrough !== null && tiles.deletedThrough < oldestCounted(plan, now)
  if (isDeletionOver) tiles.deletedThrough = null
}

/**
 * Deletes the events at or before `time` (S10). A tile wholly before is dropped and one wholly after kept; one that
 * straddles stays as it is, and the tiles need a rebuild.
 */
export function deleteThrough(tiles: Tiles, time: Instant): Deletion {
  const through = Math.max(tiles.deletedThrough ?? time, time)
  tiles.deletedThrough = through
  for (const series of tiles.series) {
    dropFirst(series, firstAtOrAfter(series.lasts, through + 1))
    if (series.firsts.length > 0 && isDeleted(series.firsts[0]!, through)) tiles.needsRebuild = true
  }
  return tiles.needsRebuild ? 'straddles' : 'clean'
}

/** First position of a rising list whose time is at or after `time`; its length when there is none. */
export function firstAtOrAfter(times: readonly Instant[], time: Instant): number {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (times[middle]! < time) low = middle + 1
    else high = middle
  }
  return low
}

function createSeries({ columns }: SeriesPlan): TileSeries {
  return { starts: [], firsts: [], lasts: [], columns: columns.map(() => []) }
}

function isDeleted(time: Instant, deletedThrough: Instant | null): boolean {
  return deletedThrough !== null && time <= deletedThrough
}

/** Position of the tile that starts at `start`, made if it is not there. */
function tileAt(series: TileSeries, columns: readonly ColumnPlan[], start: Instant): number {
  const { starts } = series
  // Most events are of the newest tile, or begin one after it.
  const newest = starts.length - 1
  if (newest >= 0 && starts[newest] === start) return newest
  const tile = newest < 0 || starts[newest]! < start ? newest + 1 : firstAtOrAfter(starts, start)
  if (starts[tile] === start) return tile
  insertAt(starts, tile, start)
  insertAt(series.firsts, tile, Number.POSITIVE_INFINITY)
  insertAt(series.lasts, tile, Number.NEGATIVE_INFINITY)
  for (let column = 0; column < columns.length; column++)
    insertAt(series.columns[column]!, tile, columns[column]!.aggregator.create())
  return tile
}

function insertAt<T>(items: T[], at: number, item: T): void {
  if (at === items.length) items.push(item)
  else items.splice(at, 0, item)
}

function coverTimes(series: TileSeries, tile: number, first: Instant, last: Instant): void {
  series.firsts[tile] = Math.min(series.firsts[tile]!, first)
  series.lasts[tile] = Math.max(series.lasts[tile]!, last)
}

function dropFirst({ starts, firsts, lasts, columns }: TileSeries, count: number): void {
  if (count === 0) return
  for (const times of [starts, firsts, lasts]) dropItems(times, count)
  for (const states of columns) dropItems(states, count)
}

/** As `splice`, without a list of what was dropped: a label or a read drops few of few. */
function dropItems(items: unknown[], count: number): void {
  for (let at = count; at < items.length; at++) items[at - count] = items[at]
  for (let dropped = 0; dropped < count; dropped++) items.pop()
}
