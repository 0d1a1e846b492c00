import type { StampOrder } from '../row.ts'
import type { Instant } from '../time.ts'
import { type FinishedWindows, finishWindows } from './finish-windows.ts'
import { addEvent, createTiles, deleteThrough, dropOldTiles, type WindowEvent } from './tiles.ts'
import { nextTailMove, oldestCounted, type WindowPlan } from './window-plan.ts'

export interface LabelWindowsOptions {
  /** Event times of the key's tombstones, rising (S10). */
  readonly deletions?: readonly Instant[]
  /** Each label counts only events created at or before it (S5). */
  readonly isKnowledgeCutoff?: boolean
}

/**
 * The windows of one key at each label time, through the tiles that would have served them (S22). `labelTimes` rise.
 * `events` rise by the time from which they count: their event time, or under a knowledge cutoff the later of event
 * and created time. Each is read once and not held: memory is that of one key's tiles, however long the history.
 */
export function* windowsAtLabels(
  plan: WindowPlan,
  events: Iterable<WindowEvent>,
  labelTimes: Iterable<Instant>,
  { deletions = [], isKnowledgeCutoff = false }: LabelWindowsOptions = {},
): Generator<FinishedWindows, void> {
  const tiles = createTiles(plan)
  const pending = events[Symbol.iterator]()
  let next = pending.next()
  let deleted = 0
  const deleteUpTo = (time: Instant) => {
    while (deleted < deletions.length && deletions[deleted]! <= time)
      deleteThrough(tiles, deletions[deleted++]!)
  }
  let finished: FinishedWindows | undefined
  let validUntil = Number.NEGATIVE_INFINITY
  for (const labelTime of labelTimes) {
    const before = deleted
    const oldest = oldestCounted(plan, labelTime)
    let addedCount = 0
    for (; !next.done; next = pending.next()) {
      const available = availableTime(next.value.stamp, isKnowledgeCutoff)
      if (available > labelTime) break
      // Deletions take their turn: whatever was added before one is older, so none ever straddles a tile.
      deleteUpTo(available)
      if (next.value.stamp.eventTime < oldest) continue
      addEvent(plan, tiles, next.value)
      addedCount++
    }
    deleteUpTo(labelTime)
    if (labelTime >= validUntil) {
      dropOldTiles(plan, tiles, labelTime)
      validUntil = nextTailMove(plan, labelTime)
      finished = undefined
    }
    if (finished === undefined || addedCount > 0 || deleted > before) {
      finished = finishWindows(plan, tiles, labelTime)
    }
    yield finished
  }
}

function availableTime({ eventTime, createdTime }: StampOrder, isKnowledgeCutoff: boolean): Instant {
  return isKnowledgeCutoff ? Math.max(eventTime, createdTime) : eventTime
}
