import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeBlock, openBlock } from '../../src/core/block.ts'
import { createBlockCache, forgetCachedBlock, writeCachedBlock } from '../../src/core/block-cache.ts'
import { finishWindows } from '../../src/core/window/finish-windows.ts'
import { encodeTiles } from '../../src/core/window/tile-text.ts'
import { addEvent, createTiles, type Tiles } from '../../src/core/window/tiles.ts'
import { finishRow, type TileCells } from '../../src/online/finish-rows.ts'
import {
  DAY,
  edgeTimes,
  type HistoryEvent,
  HOUR,
  histories,
  MIDNIGHT,
  PLAN,
} from '../core/window/histories.ts'

function tilesOf(events: readonly HistoryEvent[]): Tiles {
  const tiles = createTiles(PLAN)
  for (const event of events) addEvent(PLAN, tiles, event)
  return tiles
}

/** A block in a cache, and the tiles that stand for its only row. */
function hold(
  tiles: Tiles,
  bytesMax = 1e9,
): TileCells & { readonly cache: ReturnType<typeof createBlockCache> } {
  const cache = createBlockCache(bytesMax)
  const block = writeCachedBlock(cache, 'block/user/1', openBlock(encodeBlock(['spending@1'], 0, [])), 0)
  return { cache, block, blockKey: 'block/user/1', key: '"ann"', cells: encodeTiles(PLAN, tiles) }
}

test('finishRow() answers at any time what the tiles finish to then, held or not, clocks that go back too (S18)', () => {
  // Before the newest event, too: a reader's clock may be behind its writer's.
  const times = fc.array(edgeTimes, { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(histories, times, (events, offsets) => {
      const tiles = tilesOf(events)
      const row = hold(tiles)
      for (const now of offsets.flatMap((time) => [time, time + 1, time + HOUR, time])) {
        const { cells, statuses, eventTimes } = finishWindows(PLAN, tiles, now)
        const finished = finishRow(PLAN, row, now)
        expect(finished.values).toBe(cells.join())
        expect(finished.statuses).toBe(statuses.map((status) => `"${status}"`).join())
        expect(finished.eventTimes).toEqual(eventTimes)
      }
    }),
    { numRuns: 20 },
  )
})

test('finishRow() finishes a row once between two moves of a tail', () => {
  const row = hold(createTiles(PLAN))
  const first = finishRow(PLAN, row, MIDNIGHT)
  expect(finishRow(PLAN, row, MIDNIGHT + 1)).toBe(first)
  expect(finishRow(PLAN, row, MIDNIGHT + DAY)).not.toBe(first)
  expect(finishRow(PLAN, { ...row, cache: undefined }, MIDNIGHT + DAY)).not.toBe(
    finishRow(PLAN, { ...row, cache: undefined }, MIDNIGHT + DAY),
  )
})

test('what finishRow() holds counts as bytes of its block and goes with it', () => {
  const row = hold(createTiles(PLAN))
  const { cache, block } = row
  const before = cache.bytes
  const { values } = finishRow(PLAN, row, MIDNIGHT)
  expect(cache.bytes).toBeGreaterThan(before + values.length)
  const held = cache.bytes
  finishRow(PLAN, row, MIDNIGHT + DAY)
  expect(cache.bytes).toBe(held)
  writeCachedBlock(cache, row.blockKey, block, 1)
  expect(cache.bytes).toBe(held)
  forgetCachedBlock(cache, row.blockKey)
  expect(cache.bytes).toBe(0)
  // Made of a block that the cache no longer holds: nothing to count.
  finishRow(PLAN, { ...row, key: '"bob"' }, MIDNIGHT)
  expect(cache.bytes).toBe(0)
})

test('finishRow() keeps the cache within its bytes', () => {
  const row = hold(createTiles(PLAN), 1_000)
  expect(row.cache.entries.size).toBe(1)
  finishRow(PLAN, row, MIDNIGHT)
  expect(row.cache.entries.size).toBe(0)
  expect(row.cache.bytes).toBe(0)
})
