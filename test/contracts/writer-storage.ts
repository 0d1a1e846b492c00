import { describe, expect, test } from 'vitest'
import { type JournalEntry, WRITER_MARKS, type WriterStorage } from '../../src/ingest/writer-storage.ts'

/** What a shard writer's storage must do; `withStorage` runs the work on an empty one. */
export function describeWriterStorage(
  name: string,
  withStorage: (work: (storage: WriterStorage) => void) => Promise<void>,
): void {
  describe(`${name} writer storage`, () => {
    test('transaction() leaves nothing of work that throws', () =>
      withStorage((storage) => {
        storage.appendJournal(entry(1, 'kept'))
        expect(() =>
          storage.transaction(() => {
            storage.appendJournal(entry(2, 'lost'))
            storage.appendSeen(1, ['x'])
            storage.writeMark('logged_through', 2)
            storage.writeCheckpoint('01', { rows: 'lost', isPublished: false, through: 3 })
            throw new Error('crash')
          }),
        ).toThrow('crash')
        expect(storage.listJournal()).toEqual([{ id: 1, kind: 'stream', timeMs: 1.5, chars: 4 }])
        expect(storage.readSeen(1)).toEqual([])
        expect(storage.readMark('logged_through')).toBe(0)
        expect(storage.listCheckpoints()).toEqual([])
      }))

    test('the record is the last one written', () =>
      withStorage((storage) => {
        expect(storage.readRecord()).toBeUndefined()
        storage.writeRecord('{"a":1}')
        storage.writeRecord('{"a":2}')
        expect(storage.readRecord()).toBe('{"a":2}')
      }))

    test('a record longer than a row is read as it was written, and leaves nothing to a shorter one', () =>
      withStorage((storage) => {
        const long = `"${'a'.repeat(1_500_000)}${'b'.repeat(1_000_000)}"`
        storage.writeRecord(long)
        expect(storage.readRecord() === long).toBe(true)
        storage.writeRecord('"short"')
        expect(storage.readRecord()).toBe('"short"')
        storage.transaction(() => storage.writeRecord(long))
        expect(storage.readRecord() === long).toBe(true)
      }))

    test('a mark is 0 until it is written', () =>
      withStorage((storage) => {
        expect(WRITER_MARKS.map((mark) => storage.readMark(mark))).toEqual(WRITER_MARKS.map(() => 0))
        storage.writeMark('cut_through', 7)
        storage.writeMark('cut_through', 9)
        expect(storage.readMark('cut_through')).toBe(9)
      }))

    test('seen ids are kept by hour until their hour is deleted', () =>
      withStorage((storage) => {
        storage.appendSeen(10, ['a', 'b'])
        storage.appendSeen(10, ['c'])
        storage.appendSeen(11, ['d'])
        expect(storage.readSeen(10)).toEqual(['a', 'b', 'c'])
        storage.deleteSeen(11)
        expect(storage.readSeen(10)).toEqual([])
        expect(storage.readSeen(11)).toEqual(['d'])
      }))

    test('the journal is read in parts and deleted from its beginning', () =>
      withStorage((storage) => {
        for (const [at, rows] of ['one', 'two', 'three'].entries()) storage.appendJournal(entry(at + 1, rows))
        expect(storage.readJournal(1, 2)).toEqual([entry(2, 'two')])
        storage.deleteJournal(2)
        expect(storage.readJournal(0, 99)).toEqual([entry(3, 'three')])
      }))

    test('checkpoints are replaced, whatever their size, and the unpublished ones are known', () =>
      withStorage((storage) => {
        const long = 'x'.repeat(2_500_000)
        storage.writeCheckpoint('0011', { rows: long, isPublished: false, through: 3 })
        storage.writeCheckpoint('0100', { rows: 'b', isPublished: true, through: 3 })
        expect(storage.readCheckpoint('0011')?.rows.length).toBe(long.length)
        expect(storage.listCheckpoints().filter(({ isPublished }) => !isPublished)).toEqual([
          { bits: '0011', isPublished: false },
        ])
        storage.publishCheckpoint('0011')
        expect(storage.readCheckpoint('0011')?.isPublished).toBe(true)
        storage.writeCheckpoint('0011', { rows: 'c', isPublished: true, through: 3 })
        expect(storage.readCheckpoint('0011')).toEqual({ rows: 'c', isPublished: true, through: 3 })
        storage.deleteCheckpoint('0011')
        expect(storage.readCheckpoint('0011')).toBeUndefined()
        expect(storage.listCheckpoints()).toEqual([{ bits: '0100', isPublished: true }])
      }))
  })
}

function entry(id: number, rows: string): JournalEntry {
  return { id, kind: 'stream', timeMs: 1.5, seen: '3 a', rows }
}
