import { blockContent } from '../core/block.ts'
import { hashBytes } from '../core/hash.ts'
import type { Instant } from '../core/time.ts'
import { encodeUtf8 } from '../core/utf8.ts'
import { blockKey } from '../definitions/block-key.ts'
import { encodeLiveBlocks } from './live-block.ts'
import type { Publication } from './publications.ts'
import type { WriterPlatform } from './writer-platform.ts'
import { findWidth, widthName } from './writer-record.ts'
import { isWaiting, settleShown, type WriterState, windowRules } from './writer-state.ts'

/**
 * Puts the blocks that are due to KV, all that wait when forced, at most `countMax` of them. A put that fails
 * is tried again later; one that is overtaken by new rows is followed by another; one that KV holds already is not made.
 * Unless forced, puts give way to deliveries while the thread is busy, for a while.
 */
export async function publishBlocks(
  platform: WriterPlatform,
  state: WriterState,
  options: { readonly isForced: boolean; readonly countMax: number },
): Promise<void> {
  const nowMs = platform.clock.now() / 1_000
  state.publications.prune(nowMs)
  const due = state.publications.listDue(nowMs, options)
  const underWay = new Set<Promise<void>>()
  for (const publication of due) {
    if (underWay.size >= PUTS_AT_ONCE) await Promise.race(underWay)
    if (!options.isForced) await platform.untilIdle(nowMs + GIVE_WAY_MS_MAX)
    // Each text is made just before its put: together they may be larger than memory, and it takes in what came meanwhile.
    const made: Promise<void> = put(platform, state, publication).finally(() => underWay.delete(made))
    underWay.add(made)
  }
  await Promise.all(underWay)
  settlePublished(platform, state)
}

/** Six connections may wait for an answer; a few more keep them busy. */
const PUTS_AT_ONCE = 12

/** So long a round of puts gives way while the thread is busy; from then on each put waits for one turn of it. */
const GIVE_WAY_MS_MAX = 1_000

async function put(platform: WriterPlatform, state: WriterState, publication: Publication): Promise<void> {
  const { group, bits } = publication
  const now = platform.clock.now()
  if (!state.publications.begin(publication)) return
  try {
    const text = blockText(state, publication, now)
    if (state.publications.beginPut(publication, now / 1_000, contentFingerprint(text))) {
      const key = blockKey({ entity: state.record!.layout.entity.name, group }, bits)
      await platform.online.writeBlock(key, text)
    }
    state.publications.succeed(publication)
    state.filling.get(widthName({ group, blockBits: bits.length }))?.delete(bits)
  } catch (error) {
    const width = findWidth(state.record!, { group, blockBits: bits.length })
    // Nobody wants the blocks of a dropped width any more, and nobody would delete this one.
    if (width === undefined || width.state === 'dropping') state.publications.succeed(publication)
    else state.publications.fail(publication, platform.clock.now() / 1_000)
    platform.log.error('A block could not be published; it is tried again', {
      group,
      bits,
      reason: String(error),
    })
  }
}

/** 53 bits of what a block says: two contents of one block that share them would lose a put. */
function contentFingerprint(text: string): number {
  const [high, low] = hashBytes(encodeUtf8(blockContent(text)))
  return high * 2 ** 21 + (low >>> 11)
}

/** A block's text as the writer holds it; of a group it does not know, an empty one. */
export function blockText(
  state: WriterState,
  { group, bits }: { readonly group: string; readonly bits: string },
  now: Instant,
): string {
  const views = state.record!.layout.entity.groups.find(({ name }) => name === group)?.views ?? []
  const rulesOf = (view: string) => windowRules(state, view)
  return encodeLiveBlocks(state.blocks.overlapping(bits), { bits, views, rulesOf, now })
}

/** Notes how far KV has come, so that a restart does not put it all again. */
function settlePublished(platform: WriterPlatform, state: WriterState): void {
  const { storage } = platform
  for (const range of state.unpublished) {
    if (isWaiting(state, range)) continue
    storage.publishCheckpoint(range)
    state.unpublished.delete(range)
  }
  settleShown(platform, state)
  const through = Math.min(state.publications.firstEntry() - 1, state.lastEntry)
  if (through > storage.readMark('published_through')) storage.writeMark('published_through', through)
}
