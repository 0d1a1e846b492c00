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
  plan.series.forEach(({ hopUs, columns }, at) => {
    const series = tiles.series[at]!
    const tile = tileAt(series, columns, hopStart(time, hopUs))
    coverTimes(series, tile, time, time)
    columns.forEach(({ aggregator, input }, column) => {
      const value = inputs[input]!
      if (value === null) return
      const states = series.columns[column]!
      states[tile] = aggregator.update(states[tile], value, stamp)
    })
  })
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
  plan.series.forEach(({ hopUs, longestUs, columns }, at) => {
    const series = tiles.series[at]!
    dropFirst(series, firstAtOrAfter(series.starts, windowStart(now, longestUs, hopUs)))
    columns.forEach((column, position) => {
      const states = series.columns[position]!
      const needed = firstAtOrAfter(series.starts, windowStart(now, longestOf(column), hopUs))
      for (let tile = 0; tile < needed; tile++) states[tile] = column.aggregator.create()
    })
  })
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
  const tile = firstAtOrAfter(series.starts, start)
  if (series.starts[tile] === start) return tile
  series.starts.splice(tile, 0, start)
  series.firsts.splice(tile, 0, Number.POSITIVE_INFINITY)
  series.lasts.splice(tile, 0, Number.NEGATIVE_INFINITY)
  columns.forEach(({ aggregator }, column) => {
    series.columns[column]!.splice(tile, 0, aggregator.create())
  })
  return tile
}

function coverTimes(series: TileSeries, tile: number, first: Instant, last: Instant): void {
  series.firsts[tile] = Math.min(series.firsts[tile]!, first)
  series.lasts[tile] = Math.max(series.lasts[tile]!, last)
}

function dropFirst({ starts, firsts, lasts, columns }: TileSeries, count: number): void {
  if (count === 0) return
  for (const parts of [starts, firsts, lasts, ...columns]) parts.splice(0, count)
}
