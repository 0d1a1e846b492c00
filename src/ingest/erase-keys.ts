import { checkpointBlocks } from './checkpoint-blocks.ts'
import { trimJournal } from './cut-journal.ts'
import { WINDOWS } from './window-state.ts'
import type { WriterLimits, WriterPlatform } from './writer-platform.ts'
import { markRange, type WriterState } from './writer-state.ts'

/**
 * Removes all that a writer holds of keys (S11): rows and windows in memory, in checkpoints of whatever width and in the
 * journal, tombstones too, and has their blocks put again. Answers how many of the keys it held; null, and nothing done, while
 * rows have yet to be logged: a segment that is being cut may hold the keys, and has to be in the manifest to be found.
 */
export function eraseKeys(
  platform: WriterPlatform,
  state: WriterState,
  { keys, limits }: { readonly keys: readonly string[]; readonly limits: WriterLimits },
): number | null {
  const { storage, clock } = platform
  if (state.uncutChars > 0 || storage.readMark('cut_through') !== 0 || state.rebuilds.size > 0) return null
  const erased = new Set(keys)
  let found = 0
  const dueMs = clock.now() / 1_000
  for (const key of erased) {
    const range = state.blocks.rangeOf(key)
    if (state.blocks.forgetKey(key)) found++
    markRange(state, range, { dueMs, entry: Number.POSITIVE_INFINITY })
  }
  for (const [line, { key }] of state.held) if (erased.has(key)) state.held.delete(line)
  // What is logged leaves the journal: what is left of its rows is in the checkpoints that are written with that.
  trimJournal(platform, state, { ...limits, journalCharsMax: 0 })
  const ranges = [...erased].map((key) => state.blocks.rangeOf(key))
  // Where nothing was to be trimmed, too: by a checkpoint that KV does not show yet a restart knows that blocks are to be put.
  checkpointBlocks(platform, state, () => {
    for (const { bits } of storage.listCheckpoints())
      if (ranges.some((range) => range.startsWith(bits))) eraseFromCheckpoint(platform, bits, erased)
    eraseFromJournal(platform, erased)
  })
  return found
}

/** Of entries that stay: rows that wait for their time. */
function eraseFromJournal({ storage }: WriterPlatform, erased: ReadonlySet<string>): void {
  const entries = storage.readJournal(0, Number.MAX_SAFE_INTEGER)
  const kept = entries.map((entry) => ({ ...entry, rows: withoutKeys(entry.rows, erased) }))
  if (kept.every(({ rows }, at) => rows === entries[at]!.rows)) return
  storage.deleteJournal(Number.MAX_SAFE_INTEGER)
  for (const entry of kept) storage.appendJournal(entry)
}

/** Of a wider range from before, whose rows narrower ones have taken over without its being written again. */
function eraseFromCheckpoint({ storage }: WriterPlatform, bits: string, erased: ReadonlySet<string>): void {
  const checkpoint = storage.readCheckpoint(bits)!
  const rows = withoutKeys(checkpoint.rows, erased)
  if (rows !== checkpoint.rows) storage.writeCheckpoint(bits, { ...checkpoint, rows })
}

function withoutKeys(lines: string, erased: ReadonlySet<string>): string {
  return lines
    .split('\n')
    .filter((line) => !erased.has(keyOfLine(line)))
    .join('\n')
}

/** A row's line begins with its view, a line of windows with a mark and the view. */
function keyOfLine(line: string): string {
  const fields = line.split('\t', 3)
  return (fields[0] === WINDOWS ? fields[2] : fields[1]) ?? ''
}
