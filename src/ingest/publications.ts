import type { BlockAddress } from '../platform.ts'

/** A block that KV does not hold as it stands. */
export interface Publication extends BlockAddress {
  dueMs: number
  /** First journal entry that KV does not show. */
  sinceEntry: number
  failures: number
}

/** KV takes one put a second per key. */
const PUT_INTERVAL_MS = 1_000
/**
 * For this long after a put a reader may still find what was there before: what it lacks is not put again so
 * soon.
 */
const REPAIR_INTERVAL_MS = 60_000
/** Blocks of which is known what they hold in KV: 4,096 take half a megabyte, and the isolate has other writers. */
const SHOWN_MAX = 4_096

/** Which blocks have to be put, and when. */
export function createPublications() {
  const waiting = new Map<string, Publication>()
  /** Being put now: not waiting, and not done. */
  const inFlight = new Map<string, Publication>()
  const putMs = new Map<string, number>()
  /** Fingerprint of the content last put, those put longest ago first; after a restart nothing is known. */
  const shown = new Map<string, number>()

  function mark(address: BlockAddress, due: { readonly dueMs: number; readonly entry: number }): void {
    const path = pathOf(address)
    const known = waiting.get(path)
    if (known === undefined) {
      waiting.set(path, { ...address, dueMs: due.dueMs, sinceEntry: due.entry, failures: 0 })
      return
    }
    // What has failed waits for its next try.
    if (known.failures === 0) known.dueMs = Math.min(known.dueMs, due.dueMs)
    known.sinceEntry = Math.min(known.sinceEntry, due.entry)
  }

  return {
    mark,

    /**
     * Marks a block that a reader could not use. One that it lacked may have been put a moment ago: readers
     * lag.
     */
    repair(
      address: BlockAddress,
      { nowMs, isDamaged }: { readonly nowMs: number; readonly isDamaged: boolean },
    ): void {
      const lastMs = putMs.get(pathOf(address)) ?? Number.NEGATIVE_INFINITY
      if (!isDamaged && nowMs - lastMs < REPAIR_INTERVAL_MS) return
      shown.delete(pathOf(address))
      mark(address, { dueMs: nowMs, entry: Number.POSITIVE_INFINITY })
    },

    /**
     * Has the next put of a block be made whatever it holds: KV may lack it, or a reader was handed a later text, beside
     * which what KV has is old (S31).
     */
    forgetShown(address: BlockAddress): void {
      shown.delete(pathOf(address))
    },

    /** What is due, all that waits when forced; it goes on waiting, and takes in new rows, until `begin`. */
    listDue(
      nowMs: number,
      { isForced, countMax }: { readonly isForced: boolean; readonly countMax: number },
    ): Publication[] {
      const due: Publication[] = []
      for (const [path, publication] of waiting) {
        // What this turn cannot put is due as soon as it can be, the rows of a load, which else wait for a minute, too.
        if (isForced && publication.failures === 0) publication.dueMs = Math.min(publication.dueMs, nowMs)
        if (inFlight.has(path) || due.length >= countMax) continue
        const earliestMs = (putMs.get(path) ?? Number.NEGATIVE_INFINITY) + PUT_INTERVAL_MS
        if (nowMs < earliestMs) publication.dueMs = Math.max(publication.dueMs, earliestMs)
        else if (isForced || publication.dueMs <= nowMs) due.push(publication)
      }
      return due
    },

    /**
     * To be called just before the block's text is made, so that only rows that come later have it put again; then
     * `succeed` or `fail`. False when nobody waits for it any more.
     */
    begin(publication: Publication): boolean {
      const path = pathOf(publication)
      if (waiting.get(path) !== publication) return false
      waiting.delete(path)
      inFlight.set(path, publication)
      return true
    },

    /** To be called just before the put. False when KV holds this content already: then there is none to make. */
    beginPut(publication: Publication, nowMs: number, content: number): boolean {
      const path = pathOf(publication)
      if (shown.get(path) === content) return false
      shown.delete(path)
      shown.set(path, content)
      if (shown.size > SHOWN_MAX) shown.delete(shown.keys().next().value!)
      putMs.delete(path)
      putMs.set(path, nowMs)
      return true
    },

    succeed(publication: Publication): void {
      inFlight.delete(pathOf(publication))
    },

    /** A put that failed waits longer each time, and is never lost. */
    fail(publication: Publication, nowMs: number): void {
      const path = pathOf(publication)
      inFlight.delete(path)
      // It may have arrived all the same, or not.
      shown.delete(path)
      const marked = waiting.get(path)
      const failures = publication.failures + 1
      const sinceEntry = Math.min(publication.sinceEntry, marked?.sinceEntry ?? Number.POSITIVE_INFINITY)
      waiting.set(path, { ...publication, failures, sinceEntry, dueMs: nowMs + backoffMs(failures) })
    },

    /** Forgets the blocks of a width that is dropped. */
    drop(group: string, blockBits: number): void {
      for (const [path, one] of waiting)
        if (one.group === group && one.bits.length === blockBits) waiting.delete(path)
    },

    /** Forgets when old puts were made. */
    prune(nowMs: number): void {
      for (const [path, ms] of putMs) {
        // In order of the last put.
        if (nowMs - ms < REPAIR_INTERVAL_MS) break
        putMs.delete(path)
      }
    },

    has(address: BlockAddress): boolean {
      const path = pathOf(address)
      return waiting.has(path) || inFlight.has(path)
    },

    /**
     * The first journal entry that KV does not show; infinite when it shows all. Not to be asked while puts
     * are going on.
     */
    firstEntry(): number {
      let first = Number.POSITIVE_INFINITY
      for (const { sinceEntry } of waiting.values()) first = Math.min(first, sinceEntry)
      return first
    },

    /** The blocks that wait to be put. */
    addresses: (): BlockAddress[] => [...waiting.values()].map(({ group, bits }) => ({ group, bits })),

    /** How many blocks wait to be put. */
    count: (): number => waiting.size + inFlight.size,

    /** When the next put is due; null when none waits. */
    nextMs(): number | null {
      let next = Number.POSITIVE_INFINITY
      for (const { dueMs } of waiting.values()) next = Math.min(next, dueMs)
      return next === Number.POSITIVE_INFINITY ? null : next
    },
  }
}

export type Publications = ReturnType<typeof createPublications>

function pathOf({ group, bits }: BlockAddress): string {
  return `${group}/${bits}`
}

const BACKOFF_MS_MIN = 1_000
const BACKOFF_MS_MAX = 60_000

/** How long a failed effect waits before it is tried again: longer each time, at most a minute. */
export function backoffMs(failures: number): number {
  return Math.min(BACKOFF_MS_MIN * 2 ** failures, BACKOFF_MS_MAX)
}
