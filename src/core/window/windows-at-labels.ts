import type { StampOrder } from '../row.ts'
import type { Instant } from '../time.ts'
import type { Value } from '../value.ts'
import { createFinishedValues, type FinishedWindows, finishValues } from './finish-windows.ts'
import { addEvent, createTiles, deleteThrough, dropOldTiles, type WindowEvent } from './tiles.ts'
import { nextTailMove, oldestCounted, type WindowPlan } from './window-plan.ts'

export interface LabelWindows {
  /**
   * Rising by the time from which they count: their event time, or under a knowledge cutoff the later of event and created
   * time.
   */
  readonly events: EventList
  /** Rising. */
  readonly labelTimes: ArrayLike<Instant>
  /** Event times of the key's tombstones, rising (S10). */
  readonly deletions?: readonly Instant[]
  /** Each label counts only events created at or before it (S5). */
  readonly isKnowledgeCutoff?: boolean
}

/** What is asked for is needed until the next is: all may come in one object. */
export interface EventList {
  /** Undefined after the last. */
  at(place: number): WindowEvent | undefined
}

/** Takes what the windows come to at a label, in an object that the next comes in as well. */
export type TakeFinished = (label: number, finished: FinishedWindows<Value>) => void

/**
 * The windows of one key at each label time, one after another, through the tiles that would have served them (S22).
 * Events are asked for once and not held: memory is that of one key's tiles, however long the history.
 */
export function windowsAtLabels(
  plan: WindowPlan,
  { events, labelTimes, deletions = [], isKnowledgeCutoff = false }: LabelWindows,
  take: TakeFinished,
): void {
  const tiles = createTiles(plan)
  const finished = createFinishedValues(plan)
  let place = 0
  let next = events.at(place)
  let deleted = 0
  const deleteUpTo = (time: Instant) => {
    for (; deleted < deletions.length && deletions[deleted]! <= time; deleted++)
      deleteThrough(tiles, deletions[deleted]!)
  }
  let validUntil = Number.NEGATIVE_INFINITY
  for (let label = 0; label < labelTimes.length; label++) {
    const labelTime = labelTimes[label]!
    const oldest = oldestCounted(plan, labelTime)
    const deletedBefore = deleted
    let isChanged = false
    for (; next !== undefined; next = events.at(++place)) {
      const available = availableTime(next.stamp, isKnowledgeCutoff)
      if (available > labelTime) break
      // Deletions take their turn: whatever was added before one is older, so none ever straddles a tile.
      deleteUpTo(available)
      if (next.stamp.eventTime < oldest) continue
      addEvent(plan, tiles, next)
      isChanged = true
    }
    deleteUpTo(labelTime)
    if (labelTime >= validUntil) {
      dropOldTiles(plan, tiles, labelTime)
      validUntil = nextTailMove(plan, labelTime)
      isChanged = true
    }
    if (isChanged || deleted > deletedBefore) finishValues(plan, tiles, labelTime, finished)
    take(label, finished)
  }
}

function availableTime({ eventTime, createdTime }: StampOrder, isKnowledgeCutoff: boolean): Instant {
  return isKnowledgeCutoff ? Math.max(eventTime, createdTime) : eventTime
}
