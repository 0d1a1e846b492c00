import type { Instant } from '../core/time.ts'
import type { WriterStorage } from './writer-storage.ts'

const HOUR_US = 3_600_000_000
/** Hours held in memory: beside the current one, stragglers alone ask for others. */
const HOURS_MAX = 8

/** Ids of what has taken effect, kept by the hour of their messages, so that memory holds only the hours in use. */
export function createSeenIds(storage: Pick<WriterStorage, 'readSeen'>) {
  const idsByHour = new Map<number, Set<string>>()
  function idsOf(time: Instant): Set<string> {
    const hour = hourOf(time)
    let ids = idsByHour.get(hour)
    if (ids === undefined) {
      ids = new Set(storage.readSeen(hour))
      if (idsByHour.size >= HOURS_MAX) idsByHour.clear()
      idsByHour.set(hour, ids)
    }
    return ids
  }
  return {
    has: (time: Instant, id: string): boolean => idsOf(time).has(id),
    /** Remembers an id that storage holds by now. */
    remember: (time: Instant, id: string): void => void idsOf(time).add(id),
  }
}

/** Whole hours since the epoch. */
export function hourOf(time: Instant): number {
  return Math.floor(time / HOUR_US)
}
