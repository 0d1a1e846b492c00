import type { Checkpoint, JournalEntry, WriterMark, WriterStorage } from '../../src/ingest/writer-storage.ts'

interface Content {
  record: string | undefined
  marks: ReadonlyMap<WriterMark, number>
  seen: readonly (readonly [hour: number, ids: readonly string[]])[]
  journal: readonly JournalEntry[]
  checkpoints: ReadonlyMap<string, Checkpoint>
}

/** Of a row of a Durable Object's SQLite. */
const ROW_CHARS_MAX = 2_000_000

/** A writer's storage in memory; it outlives the writer, so a test can crash one and start another on it. */
export function memoryWriterStorage(): WriterStorage & { readonly rowsWritten: () => number } {
  // Every change makes new collections, so that a transaction is undone by going back to the old ones.
  let content: Content = {
    record: undefined,
    marks: new Map(),
    seen: [],
    journal: [],
    checkpoints: new Map(),
  }
  let rowsWritten = 0
  const change = (next: Partial<Content>, rows = 1) => {
    content = { ...content, ...next }
    rowsWritten += rows
  }
  return {
    /** Rows inserted, replaced and deleted, as they would be billed. */
    rowsWritten: () => rowsWritten,
    transaction(work) {
      const before = content
      try {
        return work()
      } catch (error) {
        content = before
        throw error
      }
    },
    readRecord: () => content.record,
    writeRecord: (record) => change({ record }),
    readMark: (mark) => content.marks.get(mark) ?? 0,
    writeMark: (mark, value) => change({ marks: new Map(content.marks).set(mark, value) }),
    readSeen: (hour) => content.seen.filter(([other]) => other === hour).flatMap(([, ids]) => ids),
    appendSeen: (hour, ids) => change({ seen: [...content.seen, [hour, ids]] }),
    deleteSeen(beforeHour) {
      const seen = content.seen.filter(([hour]) => hour >= beforeHour)
      change({ seen }, content.seen.length - seen.length)
    },
    listJournal: () =>
      content.journal.map(({ id, kind, timeMs, rows }) => ({ id, kind, timeMs, chars: rows.length })),
    readJournal: (after, through) => content.journal.filter(({ id }) => id > after && id <= through),
    appendJournal(entry) {
      if (content.journal.some(({ id }) => id >= entry.id)) throw new Error('journal ids have to rise')
      // Above these SQLite throws SQLITE_TOOBIG.
      if (entry.rows.length + entry.seen.length > ROW_CHARS_MAX) throw new Error('a row holds at most 2 MB')
      change({ journal: [...content.journal, entry] })
    },
    deleteJournal(through) {
      const journal = content.journal.filter(({ id }) => id > through)
      change({ journal }, content.journal.length - journal.length)
    },
    readCheckpoint: (bits) => content.checkpoints.get(bits),
    writeCheckpoint: (bits, checkpoint) =>
      change({ checkpoints: new Map(content.checkpoints).set(bits, checkpoint) }),
    publishCheckpoint(bits) {
      const checkpoint = content.checkpoints.get(bits)
      if (checkpoint !== undefined)
        change({ checkpoints: new Map(content.checkpoints).set(bits, { ...checkpoint, isPublished: true }) })
    },
    deleteCheckpoint(bits) {
      const checkpoints = new Map(content.checkpoints)
      if (checkpoints.delete(bits)) change({ checkpoints })
    },
    listCheckpoints: () => [...content.checkpoints].map(([bits, { isPublished }]) => ({ bits, isPublished })),
  }
}
