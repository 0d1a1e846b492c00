import type { Block } from '../core/block.ts'
import { type BlockCache, countDerivedBytes } from '../core/block-cache.ts'
import type { Instant } from '../core/time.ts'
import { type FinishedWindows, finishWindows } from '../core/window/finish-windows.ts'
import { decodeTilesToFinish } from '../core/window/tile-text.ts'
import { createTiles, firstAtOrAfter, type Tiles } from '../core/window/tiles.ts'
import { nextTailMove, type WindowPlan } from '../core/window/window-plan.ts'

/** The windows of one row as texts of an answer. */
export interface FinishedRow {
  readonly values: string
  readonly statuses: string
  readonly eventTimes: FinishedWindows['eventTimes']
}

interface HeldRow extends FinishedRow {
  /** The instants at which it is right: from, inclusive, until, exclusive. */
  readonly from: Instant
  readonly until: Instant
}

/** By block, plan and encoded key. */
const heldByBlock = new WeakMap<Block, WeakMap<WindowPlan, Map<string, HeldRow>>>()

/** Where a row's tiles are. */
export interface TileCells {
  /** Undefined where features were picked for one request: what they come to would serve no other. */
  readonly cache: BlockCache | undefined
  readonly block: Block
  /** The block's KV key. */
  readonly blockKey: string
  /** Encoded key of the row. */
  readonly key: string
  /** Text of the tiles; undefined where the block has none for the key. */
  readonly cells: string | undefined
}

/**
 * Finishes a row's windows at `now`, or takes what they came to before: without new events they stay as they are until
 * a tail moves (S18), five minutes or an hour for most, and with new events the block is another. What is held counts
 * as bytes of its block, in whose place in the cache it stands.
 */
export function finishRow(plan: WindowPlan, tileCells: TileCells, now: Instant): FinishedRow {
  const { cache, block, blockKey, key, cells } = tileCells
  // Keys without tiles are not held: there is no end of them, and nothing to merge.
  if (cells === undefined) return toTexts(finishWindows(plan, createTiles(plan), now))
  if (cache === undefined) return toTexts(finishWindows(plan, decodeTilesToFinish(plan, cells), now))
  const heldByKey = heldOf(block, plan)
  const held = heldByKey.get(key)
  if (held !== undefined && held.from <= now && now < held.until) return held
  const tiles = decodeTilesToFinish(plan, cells)
  const row = { ...toTexts(finishWindows(plan, tiles, now)), from: now, until: rightUntil(plan, tiles, now) }
  heldByKey.set(key, row)
  countDerivedBytes(cache, blockKey, {
    block,
    bytes: bytesOf(key, row) - (held === undefined ? 0 : bytesOf(key, held)),
  })
  return row
}

function heldOf(block: Block, plan: WindowPlan): Map<string, HeldRow> {
  const heldByPlan = heldByBlock.get(block) ?? new WeakMap<WindowPlan, Map<string, HeldRow>>()
  heldByBlock.set(block, heldByPlan)
  const heldByKey = heldByPlan.get(plan) ?? new Map<string, HeldRow>()
  heldByPlan.set(plan, heldByKey)
  return heldByKey
}

/** When the windows may differ: a tail moves, or a tile begins that was left out by a clock behind the writer's. */
function rightUntil(plan: WindowPlan, tiles: Tiles, now: Instant): Instant {
  return tiles.series.reduce(
    (until, { starts }) => Math.min(until, starts[firstAtOrAfter(starts, now + 1)] ?? until),
    nextTailMove(plan, now),
  )
}

function toTexts({ cells, statuses, eventTimes }: FinishedWindows): FinishedRow {
  return {
    values: cells.join(),
    statuses: statuses.map((status) => `"${status}"`).join(),
    eventTimes,
  }
}

/** Texts at a byte a character, a time at eight, and what the objects around them cost. */
function bytesOf(key: string, { values, statuses, eventTimes }: FinishedRow): number {
  return key.length + values.length + statuses.length + eventTimes.length * 8 + 200
}
