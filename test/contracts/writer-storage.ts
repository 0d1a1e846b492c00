import { describe, expect, test } from 'vitest'
import type { WriterStorage } from '../../src/ingest/writer-storage.ts'

/** What a shard writer's storage must do; `withStorage` runs the work on an empty one. */
export function describeWriterStorage(
  name: string,
  withStorage: (work: (storage: WriterStorage) => void) => Promise<void>,
): void {
  describe(`${name} writer storage`, () => {
    test('transaction() leaves nothing of work that throws', () =>
      withStorage((storage) => {
        storage.appendJournal({ kind: 'stream', timeMs: 1, rows: 'kept' })
        expect(() =>
          storage.transaction(() => {
            storage.appendJournal({ kind: 'stream', timeMs: 2, rows: 'lost' })
            storage.appendSeen(1, ['x'])
            throw new Error('crash')
          }),
        ).toThrow('crash')
        expect(storage.readJournal().map(({ rows }) => rows)).toEqual(['kept'])
        expect(storage.readSeen(1)).toEqual([])
      }))

    test('layout is the last one written', () =>
      withStorage((storage) => {
        expect(storage.readLayout()).toBeUndefined()
        storage.writeLayout('{"a":1}')
        storage.writeLayout('{"a":2}')
        expect(storage.readLayout()).toBe('{"a":2}')
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

    test('a cut freezes the journal, and its end deletes that much and no more', () =>
      withStorage((storage) => {
        for (const rows of ['one', 'two']) storage.appendJournal({ kind: 'stream', timeMs: 1.5, rows })
        const through = storage.readJournal().at(-1)!.id
        expect(storage.readCut()).toBeUndefined()
        const cut = storage.writeCut(through)
        storage.appendJournal({ kind: 'load', timeMs: 2, rows: 'three' })
        expect(storage.readCut()).toEqual(cut)
        storage.deleteCut(through)
        expect(storage.readCut()).toBeUndefined()
        expect(storage.readJournal()).toMatchObject([{ kind: 'load', timeMs: 2, rows: 'three' }])
        expect(storage.writeCut(9).sequence).toBe(cut.sequence + 1)
      }))

    test('checkpoints are replaced, and the unpublished ones are known', () =>
      withStorage((storage) => {
        storage.writeCheckpoint(3, { rows: 'a', isPublished: false })
        storage.writeCheckpoint(4, { rows: 'b', isPublished: true })
        expect(storage.listUnpublished()).toEqual([3])
        storage.writeCheckpoint(3, { rows: 'c', isPublished: true })
        expect(storage.readCheckpoint(3)).toEqual({ rows: 'c', isPublished: true })
        expect(storage.readCheckpoint(5)).toBeUndefined()
        expect([...storage.listCheckpoints()].sort()).toEqual([3, 4])
        expect(storage.listUnpublished()).toEqual([])
      }))
  })
}
