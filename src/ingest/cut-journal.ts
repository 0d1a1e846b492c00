import { bitsText } from '../core/entity-key.ts'
import { decodeRows, encodeRow, tombstonesOf } from '../core/row.ts'
import { cutLines } from './append-rows.ts'
import { checkpointBlocks } from './checkpoint-blocks.ts'
import { planSegments } from './plan-segments.ts'
import { backoffMs } from './publications.ts'
import { hourOf } from './seen-ids.ts'
import type { WriterLimits, WriterPlatform } from './writer-platform.ts'
import { enterJournal, type WriterState } from './writer-state.ts'

/**
 * Cuts the journal into segments and enters them into the manifest. What a cut holds is fixed before anything
 * is put, so that a repeated put repeats the same bytes. Throws what the stores throw; the cut stays and is
 * tried again later.
 */
export async function cutJournal(
  platform: WriterPlatform,
  state: WriterState,
  limits: WriterLimits,
): Promise<void> {
  const { storage, offline } = platform
  const through = storage.readMark('cut_through') || freezeCut(platform, limits)
  if (through === 0) return measureUncut(platform, state)
  try {
    const { entity, shard } = state.record!.layout
    const name = `${entity.name}-${bitsText(shard, entity.shardBits)}-${String(storage.readMark('cut_sequence')).padStart(10, '0')}`
    const rows = storage
      .readJournal(storage.readMark('logged_through'), through)
      .filter(({ kind }) => kind === 'stream')
      .flatMap((entry) => decodeRows(entry.rows))
    const segments = planSegments(state.record!.layout, name, rows)
    for (const { record, bytes } of segments) await offline.writeSegment(record.path, bytes)
    await offline.register(segments.map(({ record }) => record))
    storage.transaction(() => {
      storage.writeMark('logged_through', through)
      storage.writeMark('cut_through', 0)
    })
    state.cutFailures = 0
    measureUncut(platform, state)
  } catch (error) {
    state.cutFailures++
    state.cutRetryMs = platform.clock.now() / 1_000 + backoffMs(state.cutFailures)
    throw error
  }
}

/** Fixes how far the next cut reaches: as many of the oldest entries as one cut takes, at least one. 0 when there is none. */
export function freezeCut(
  { storage }: Pick<WriterPlatform, 'storage'>,
  limits: Pick<WriterLimits, 'cutCharsMax'>,
): number {
  const logged = storage.readMark('logged_through')
  let through = 0
  let chars = 0
  for (const entry of storage.listJournal()) {
    if (entry.id <= logged) continue
    chars += entry.chars
    if (through > 0 && chars > limits.cutCharsMax) break
    through = entry.id
  }
  if (through === 0) return 0
  storage.transaction(() => {
    storage.writeMark('cut_sequence', storage.readMark('cut_sequence') + 1)
    storage.writeMark('cut_through', through)
  })
  return through
}

function measureUncut({ storage }: WriterPlatform, state: WriterState): void {
  const logged = storage.readMark('logged_through')
  const uncut = storage
    .listJournal()
    .filter(({ id, kind }) => id > logged && kind !== 'held' && kind !== 'released')
  state.uncutChars = uncut.reduce((sum, { chars }) => sum + chars, 0)
  state.uncutSinceMs = uncut[0]?.timeMs ?? null
}

/**
 * Deletes what the manifest names of the journal when it pays: when its rows are many for each block that has
 * to be checkpointed in its place, or when a restart would have too much to read.
 */
export function trimJournal(platform: WriterPlatform, state: WriterState, limits: WriterLimits): void {
  const { storage, clock } = platform
  const logged = storage.readMark('logged_through')
  const isLong = state.journalChars >= limits.journalCharsMax
  // A restart finds windows that have to be made anew by the deletion in the journal: while that is short enough it is left alone.
  if (state.rebuilds.size > 0 && !isLong) return
  if (state.journalRows === 0 || !storage.listJournal().some(({ id }) => id <= logged)) return
  let changedCount = 0
  for (const [, { changes }] of state.blocks.entries()) if (changes > 0) changedCount++
  const isWorthIt = state.journalRows >= changedCount * limits.rowsPerCheckpoint
  if (!isWorthIt && !isLong) return
  const nowMs = clock.now() / 1_000
  const deletions = cutLines(deletionsToKeep(state))
  // They would be most of what stays, and be written again and again.
  if (sumLengths(deletions) > limits.journalCharsMax / 2) return
  // Rows ahead of the clock stand in no block: they go on waiting in the journal.
  const held = cutLines([...state.held.keys()])
  checkpointBlocks(platform, state, () => {
    state.seen.settle()
    storage.deleteJournal(logged)
    storage.deleteSeen(hourOf((nowMs - limits.seenMs) * 1_000))
    const kept = [
      ...held.map((rows) => ({ kind: 'held', rows }) as const),
      ...deletions.map((rows) => ({ kind: 'fill', rows }) as const),
    ]
    kept.forEach((entry, at) => {
      storage.appendJournal({ ...entry, id: state.lastEntry + 1 + at, timeMs: nowMs, seen: '' })
    })
  })
  state.seen.forgetRecent()
  state.journalRows = 0
  state.journalChars = 0
  state.uncutChars = 0
  state.uncutSinceMs = null
  for (const entry of storage.readJournal(0, Number.MAX_SAFE_INTEGER)) enterJournal(state, entry)
}

/** Lines of the deletions for which windows have yet to be made anew, as the blocks hold them. */
function deletionsToKeep({ rebuilds, blocks }: WriterState): string[] {
  const lines = [...rebuilds.values()].flatMap(({ view, key }) =>
    tombstonesOf(view).flatMap((id) => {
      const row = blocks.findRow(key, id)
      return row === undefined ? [] : [encodeRow(row)]
    }),
  )
  return [...new Set(lines)]
}

function sumLengths(texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0)
}

/** When the next cut is due; null when nothing waits to be cut. */
export function cutDueMs(
  { storage }: WriterPlatform,
  state: WriterState,
  limits: WriterLimits,
): number | null {
  if (storage.readMark('cut_through') === 0 && state.uncutSinceMs === null) return null
  const sinceMs = state.uncutSinceMs ?? 0
  const isLong = state.uncutChars >= limits.cutCharsMax
  return Math.max(isLong ? sinceMs : sinceMs + limits.cutAgeMs, state.cutRetryMs)
}
