import type { Checkpoint, Cut, JournalEntry, WriterStorage } from '../../src/ingest/writer-storage.ts'

interface Content {
  layout: string | undefined
  seen: [hour: number, ids: readonly string[]][]
  journal: JournalEntry[]
  nextId: number
  sequence: number
  cut: Cut | undefined
  checkpoints: [block: number, checkpoint: Checkpoint][]
}

/** A writer's storage in memory; it outlives the writer, so a test can crash one and start another on it. */
export function memoryWriterStorage(): WriterStorage {
  let content: Content = {
    layout: undefined,
    seen: [],
    journal: [],
    nextId: 1,
    sequence: 0,
    cut: undefined,
    checkpoints: [],
  }
  return {
    transaction(work) {
      const before = structuredClone(content)
      try {
        return work()
      } catch (error) {
        content = before
        throw error
      }
    },
    readLayout: () => content.layout,
    writeLayout(layout) {
      content.layout = layout
    },
    readSeen: (hour) => content.seen.filter(([other]) => other === hour).flatMap(([, ids]) => ids),
    appendSeen(hour, ids) {
      content.seen.push([hour, ids])
    },
    deleteSeen(beforeHour) {
      content.seen = content.seen.filter(([hour]) => hour >= beforeHour)
    },
    readJournal: () => [...content.journal],
    appendJournal(entry) {
      content.journal.push({ id: content.nextId++, ...entry })
    },
    readCut: () => content.cut,
    writeCut(through) {
      content.cut = { sequence: ++content.sequence, through }
      return content.cut
    },
    deleteCut(through) {
      content.journal = content.journal.filter(({ id }) => id > through)
      content.cut = undefined
    },
    readCheckpoint: (block) => content.checkpoints.find(([other]) => other === block)?.[1],
    writeCheckpoint(block, checkpoint) {
      content.checkpoints = [...content.checkpoints.filter(([other]) => other !== block), [block, checkpoint]]
    },
    listCheckpoints: () => content.checkpoints.map(([block]) => block),
    listUnpublished: () =>
      content.checkpoints.filter(([, { isPublished }]) => !isPublished).map(([block]) => block),
  }
}
