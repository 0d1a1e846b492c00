import type { Instant } from '../core/time.ts'
import type { WriterStorage } from './writer-storage.ts'

const HOUR_US = 3_600_000_000
/** Settled ids held in memory beside those of the hour asked for, about 70 bytes each: only stragglers ask for another than the current one. */
const IDS_MAX = 100_000
/** A row of SQLite holds at most 2 MB, an id at most a few hundred characters. */
const IDS_PER_ROW = 5_000

/**
 * Ids of what has taken effect (S9), kept by the hour of their messages, so that memory holds only the hours
 * in use. Those of the journal stand in its entries; `settle` moves them to rows of their own before the
 * entries go.
 */
export function createSeenIds(storage: Pick<WriterStorage, 'readSeen' | 'appendSeen'>) {
  const settledByHour = new Map<number, Set<string>>()
  const recentByHour = new Map<number, Set<string>>()

  function settledOf(hour: number): Set<string> {
    let ids = settledByHour.get(hour)
    if (ids === undefined) {
      ids = new Set(storage.readSeen(hour))
      makeRoom()
      settledByHour.set(hour, ids)
    }
    return ids
  }

  /** Forgets the hours that were read first. */
  function makeRoom(): void {
    let count = 0
    for (const { size } of settledByHour.values()) count += size
    for (const [hour, { size }] of settledByHour) {
      if (count <= IDS_MAX) return
      settledByHour.delete(hour)
      count -= size
    }
  }

  return {
    has: (hour: number, id: string): boolean =>
      recentByHour.get(hour)?.has(id) === true || settledOf(hour).has(id),

    /** Remembers an id that the journal holds by now. */
    remember(hour: number, id: string): void {
      const ids = recentByHour.get(hour) ?? new Set()
      recentByHour.set(hour, ids.add(id))
    },

    /**
     * Writes down all ids of the journal: one row for each hour. Part of the transaction that deletes its
     * entries.
     */
    settle(): void {
      for (const [hour, recent] of recentByHour) {
        const ids = [...recent]
        for (let at = 0; at < ids.length; at += IDS_PER_ROW)
          storage.appendSeen(hour, ids.slice(at, at + IDS_PER_ROW))
      }
    },

    /** To be called when that transaction has been committed. */
    forgetRecent(): void {
      for (const [hour, ids] of recentByHour) {
        const settled = settledByHour.get(hour)
        if (settled !== undefined) for (const id of ids) settled.add(id)
      }
      recentByHour.clear()
    },
  }
}

export type SeenIds = ReturnType<typeof createSeenIds>

/** Whole hours since the epoch. */
export function hourOf(time: Instant): number {
  return Math.floor(time / HOUR_US)
}

/** Message groups as a journal entry holds them. */
export function encodeSeen(groups: readonly { readonly id: string; readonly time: Instant }[]): string {
  return groups.map(({ id, time }) => `${hourOf(time)} ${id}`).join('\n')
}

/** The inverse of `encodeSeen`, but for the minutes. */
export function decodeSeen(text: string): { readonly hour: number; readonly id: string }[] {
  return text === ''
    ? []
    : text.split('\n').map((line) => {
        const space = line.indexOf(' ')
        return { hour: Number(line.slice(0, space)), id: line.slice(space + 1) }
      })
}
