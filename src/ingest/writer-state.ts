import type { ViewRow } from '../core/row.ts'
import type { WriterLayout } from '../definitions/writer-layout.ts'
import type { LiveBlock } from './live-block.ts'
import type { JournalEntry } from './writer-storage.ts'

/** All a writer holds in memory; every part of it can be made again from its storage. */
export interface WriterState {
  layout: WriterLayout | undefined
  readonly blocks: Map<number, LiveBlock>
  /** Rows ahead of the clock (S4), merged when their time comes. */
  held: ViewRow[]
  journalChars: number
  /** Oldest row of the journal (ms); null when it is empty. */
  journalSinceMs: number | null
  cutFailures: number
  cutRetryMs: number
}

export function emptyState(): WriterState {
  return {
    layout: undefined,
    blocks: new Map(),
    held: [],
    journalChars: 0,
    journalSinceMs: null,
    cutFailures: 0,
    cutRetryMs: 0,
  }
}

/** Takes over the length and age of the journal; what is only held has been logged and needs no cut. */
export function measureJournal(state: WriterState, journal: readonly JournalEntry[]): void {
  state.journalChars = journal.reduce((sum, { rows }) => sum + rows.length, 0)
  state.journalSinceMs = journal.find(({ kind }) => kind !== 'held')?.timeMs ?? null
}

const BACKOFF_MS_MIN = 1_000
const BACKOFF_MS_MAX = 60_000

/** How long a failed effect waits before it is tried again: longer each time, at most a minute. */
export function backoffMs(failures: number): number {
  return Math.min(BACKOFF_MS_MIN * 2 ** failures, BACKOFF_MS_MAX)
}
