import { blockKey } from '../definitions/block-key.ts'
import type { BlockWidth } from '../platform.ts'
import { checkpointBlocks } from './checkpoint-blocks.ts'
import { backoffMs } from './publications.ts'
import type { WriterPlatform } from './writer-platform.ts'
import {
  blocksOf,
  findWidth,
  removeWidth,
  setWidth,
  type WriterRecord,
  type WriterWidth,
} from './writer-record.ts'
import { adoptRecord, markRange, type WriterState } from './writer-state.ts'

/** Checkpoints that one run of work divides, and keys of dropped widths that it deletes. */
const STEPS_MAX = 100

/**
 * Begins to publish a group's blocks in another width too: every one of them is put, the empty ones as well.
 * Answers how many wait to be put, for whatever reason.
 */
export function addWidth(platform: WriterPlatform, state: WriterState, wanted: BlockWidth): number {
  const { group, blockBits } = wanted
  const known = findWidth(state.record!, wanted)
  if (known === undefined || known.state === 'dropping') {
    const record = setWidth(state.record!, { group, blockBits, state: 'filling', deleted: 0 })
    // Rows may move to narrower ranges, which find what they held in the checkpoints of the wider ones.
    checkpointBlocks(platform, state, () => platform.storage.writeRecord(JSON.stringify(record)))
    adoptRecord(platform, state, record)
    fillWidth(platform, state, wanted)
  }
  return state.publications.count(group, blockBits)
}

/** Has all blocks of a width put. */
export function fillWidth(
  platform: WriterPlatform,
  state: WriterState,
  { group, blockBits }: BlockWidth,
): void {
  const dueMs = platform.clock.now() / 1_000
  for (const bits of blocksOf(state.record!, { group, blockBits }))
    state.publications.mark({ group, bits }, { dueMs, entry: Number.POSITIVE_INFINITY })
}

/** Ends the publishing in a width; answers how many of its blocks have yet to be deleted. */
export function dropWidth(platform: WriterPlatform, state: WriterState, wanted: BlockWidth): number {
  const known = findWidth(state.record!, wanted)
  if (known === undefined) return 0
  if (known.state !== 'dropping') {
    state.publications.drop(wanted.group, wanted.blockBits)
    keepRecord(platform, state, setWidth(state.record!, { ...known, state: 'dropping', deleted: 0 }))
  }
  return (
    2 ** (wanted.blockBits - state.record!.layout.entity.shardBits) -
    (known.state === 'dropping' ? known.deleted : 0)
  )
}

/** When `tendWidths` has something to do; null when it has not. */
export function widthsDueMs(state: WriterState): number | null {
  const isWork = state.record!.widths.some((width) => width.state === 'dropping' || isFilled(state, width))
  return isWork ? state.widthRetryMs : null
}

function isFilled(state: WriterState, { state: phase, group, blockBits }: WriterWidth): boolean {
  return phase === 'filling' && state.publications.count(group, blockBits) === 0
}

/**
 * Goes on with widths that are filling or dropping, in small steps each of which leaves everything right.
 * Throws what the store throws; it is tried again later.
 */
export async function tendWidths(platform: WriterPlatform, state: WriterState): Promise<void> {
  const nowMs = platform.clock.now() / 1_000
  if ((widthsDueMs(state) ?? Number.POSITIVE_INFINITY) > nowMs) return
  try {
    for (const width of state.record!.widths) {
      if (width.state === 'dropping') await deleteBlocks(platform, state, width)
      else if (isFilled(state, width))
        keepRecord(platform, state, setWidth(state.record!, { ...width, state: 'complete' }))
    }
    state.widthFailures = 0
  } catch (error) {
    state.widthFailures++
    state.widthRetryMs = nowMs + backoffMs(state.widthFailures)
    throw error
  }
}

/**
 * Deletes blocks of a dropped width, then divides checkpoints of that many bits: once the width is gone, no
 * range is as wide.
 */
async function deleteBlocks(platform: WriterPlatform, state: WriterState, width: WriterWidth): Promise<void> {
  const entity = state.record!.layout.entity.name
  const range = [...blocksOf(state.record!, width, width.deleted)].slice(0, STEPS_MAX)
  await Promise.all(
    range.map((bits) => platform.online.deleteBlock(blockKey({ entity, group: width.group }, bits))),
  )
  for (const bits of range) divideCheckpoint(platform, state, bits)
  // A delivery may have brought another layout meanwhile; it may want this very width again.
  if (findWidth(state.record!, width)?.state !== 'dropping') return
  const isDone = range.length < STEPS_MAX
  const next = { ...width, deleted: width.deleted + range.length }
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

function keepRecord(platform: WriterPlatform, state: WriterState, record: WriterRecord): void {
  platform.storage.writeRecord(JSON.stringify(record))
  state.record = record
}
