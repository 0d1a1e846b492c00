import type { WriterPlatform } from './writer-platform.ts'
import { enterJournal, type WriterState } from './writer-state.ts'
import type { JournalEntry } from './writer-storage.ts'

/** Characters of one entry: a row of SQLite holds at most 2 MB. */
const ENTRY_CHARS_MAX = 1_000_000

/** Appends rows to a writer's journal: one entry, but for more than it holds. */
export function appendRows(
  { storage }: Pick<WriterPlatform, 'storage'>,
  state: WriterState,
  { seen, rows, ...of }: Omit<JournalEntry, 'id'>,
): readonly JournalEntry[] {
  const parts = rows.length <= ENTRY_CHARS_MAX ? [rows] : cutLines(rows.split('\n'))
  const entries = parts.map((part, at) => {
    return { ...of, id: state.lastEntry + 1 + at, seen: at === 0 ? seen : '', rows: part }
  })
  const append = () => {
    for (const entry of entries) storage.appendJournal(entry)
  }
  if (entries.length === 1) append()
  else storage.transaction(append)
  for (const entry of entries) enterJournal(state, entry)
  return entries
}

/** Lines joined into texts that one entry can hold. */
export function cutLines(lines: readonly string[]): string[] {
  const texts: string[] = []
  for (const line of lines) {
    const last = texts.at(-1)
    if (last === undefined || last.length + line.length > ENTRY_CHARS_MAX) texts.push(line)
    else texts[texts.length - 1] = `${last}\n${line}`
  }
  return texts
}
