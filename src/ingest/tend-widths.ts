import { blockKey } from '../definitions/block-key.ts'
import type { BlockWidth } from '../platform.ts'
import { checkpointBlocks } from './checkpoint-blocks.ts'
import { backoffMs } from './publications.ts'
import type { WriterPlatform } from './writer-platform.ts'
import { blocksOf, findWidth, removeWidth, setWidth, type WriterWidth, widthName } from './writer-record.ts'
import { adoptRecord, keepRecord, markRange, type WriterState } from './writer-state.ts'

/** Blocks of a filling width that are put, or keys of a dropped one that are deleted, before its progress is noted. */
const STEPS_MAX = 100

/**
 * Begins to publish a group's blocks in another width too: every one of them is put, the empty ones as well.
 * Answers how many have yet to be put for the first time.
 */
export function addWidth(platform: WriterPlatform, state: WriterState, wanted: BlockWidth): number {
  const known = findWidth(state.record!, wanted)
  if (known !== undefined && known.state !== 'dropping') return blocksLeft(state, known)
  const width: WriterWidth = { ...wanted, state: 'filling', progress: 0 }
  const record = setWidth(state.record!, width)
  // Rows may move to narrower ranges, which find what they held in the checkpoints of the wider ones.
  checkpointBlocks(platform, state, () => platform.storage.writeRecord(JSON.stringify(record)))
  adoptRecord(platform, state, record)
  return blocksLeft(state, width)
}

/** Ends the publishing in a width; answers how many of its blocks have yet to be deleted. */
export function dropWidth(platform: WriterPlatform, state: WriterState, wanted: BlockWidth): number {
  const known = findWidth(state.record!, wanted)
  if (known === undefined) return 0
  if (known.state === 'dropping') return blocksLeft(state, known)
  const width: WriterWidth = { ...known, state: 'dropping', progress: 0 }
  keepRecord(platform, state, setWidth(state.record!, width))
  return blocksLeft(state, width)
}

function blocksLeft({ record }: WriterState, { state, blockBits, progress }: WriterWidth): number {
  return state === 'complete' ? 0 : 2 ** (blockBits - record!.layout.entity.shardBits) - progress
}

/** When `tendWidths` has something to do; null when it has not. */
export function widthsDueMs(state: WriterState): number | null {
  const { widths } = state.record!
  const isWork = widths.some(
    (width) => width.state === 'dropping' || (width.state === 'filling' && isRoundPut(state, width)),
  )
  return isWork ? state.widthRetryMs : null
}

/**
 * Goes on with a width that is filling or dropping, in small steps each of which leaves everything right.
 * Throws what the store throws; it is tried again later.
 */
export async function tendWidths(platform: WriterPlatform, state: WriterState): Promise<void> {
  const nowMs = platform.clock.now() / 1_000
  if ((widthsDueMs(state) ?? Number.POSITIVE_INFINITY) > nowMs) return
  try {
    for (const width of state.record!.widths)
      if (width.state === 'filling' && isRoundPut(state, width)) fillOn(platform, state, width)
    const dropping = state.record!.widths.find((width) => width.state === 'dropping')
    if (dropping !== undefined) await deleteBlocks(platform, state, dropping)
    state.widthFailures = 0
  } catch (error) {
    state.widthFailures++
    state.widthRetryMs = nowMs + backoffMs(state.widthFailures)
    throw error
  }
}

/** Whether all blocks that were marked last have been put, whatever has been marked for other reasons since. */
function isRoundPut({ filling }: WriterState, width: WriterWidth): boolean {
  const round = filling.get(widthName(width))
  return round === undefined || round.size === 0
}

/** Notes the round that has been put and marks the next; what came before is kept up by ordinary marks. */
function fillOn(platform: WriterPlatform, state: WriterState, width: WriterWidth): void {
  const { group } = width
  const name = widthName(width)
  const isBegun = state.filling.has(name)
  const progress = width.progress + (isBegun ? roundOf(state, width).length : 0)
  const next: WriterWidth = { ...width, progress }
  const round = roundOf(state, next)
  if (isBegun)
    keepRecord(
      platform,
      state,
      setWidth(state.record!, round.length === 0 ? { ...next, state: 'complete' } : next),
    )
  if (round.length === 0) {
    state.filling.delete(name)
    return
  }
  state.filling.set(name, new Set(round))
  const dueMs = platform.clock.now() / 1_000
  for (const bits of round) {
    // The width may have been dropped, and its blocks deleted, before.
    state.publications.forgetShown({ group, bits })
    state.publications.mark({ group, bits }, { dueMs, entry: Number.POSITIVE_INFINITY })
  }
}

function roundOf(state: WriterState, width: WriterWidth): string[] {
  const round: string[] = []
  for (const bits of blocksOf(state.record!, width, width.progress)) {
    if (round.length >= STEPS_MAX) break
    round.push(bits)
  }
  return round
}

/**
 * Deletes blocks of a dropped width, then divides checkpoints of that many bits: once the width is gone, no
 * range is as wide.
 */
async function deleteBlocks(platform: WriterPlatform, state: WriterState, width: WriterWidth): Promise<void> {
  const entity = state.record!.layout.entity.name
  const range = roundOf(state, width)
  await Promise.all(
    range.map((bits) => platform.online.deleteBlock(blockKey({ entity, group: width.group }, bits))),
  )
  for (const bits of range) {
    state.publications.forgetShown({ group: width.group, bits })
    divideCheckpoint(platform, state, bits)
  }
  // A delivery may have brought another layout meanwhile; it may want this very width again.
  if (findWidth(state.record!, width)?.state !== 'dropping') return
  const isDone = range.length < STEPS_MAX
  const next = { ...width, progress: width.progress + range.length }
  keepRecord(platform, state, isDone ? removeWidth(state.record!, width) : setWidth(state.record!, next))
}

/** Writes the rows of a range under the narrower ranges that are in use now. */
function divideCheckpoint(platform: WriterPlatform, state: WriterState, bits: string): void {
  const { storage } = platform
  if (bits.length >= state.record!.rowBits || storage.readCheckpoint(bits) === undefined) return
  for (const block of state.blocks.overlapping(bits)) block.changes++
  const wasUnpublished = state.unpublished.has(bits)
  if (wasUnpublished) markRange(state, bits, { dueMs: platform.clock.now() / 1_000, entry: 0 })
  checkpointBlocks(platform, state, () => storage.deleteCheckpoint(bits))
  state.unpublished.delete(bits)
}
