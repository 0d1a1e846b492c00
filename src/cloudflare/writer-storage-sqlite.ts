import type { JournalEntry, WriterStorage } from '../ingest/writer-storage.ts'

const TABLES = `
  CREATE TABLE IF NOT EXISTS layout (id INTEGER PRIMARY KEY CHECK (id = 0), content TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS seen (hour INTEGER NOT NULL, ids TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS journal (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, time_ms REAL NOT NULL, content TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS cut (id INTEGER PRIMARY KEY CHECK (id = 0), sequence INTEGER NOT NULL, through INTEGER);
  CREATE TABLE IF NOT EXISTS checkpoints (block INTEGER PRIMARY KEY, content TEXT NOT NULL, is_published INTEGER NOT NULL);
`

/** A shard writer's storage in its Durable Object's SQLite. */
export function writerStorageSqlite(
  storage: Pick<DurableObjectStorage, 'sql' | 'transactionSync'>,
): WriterStorage {
  const { sql } = storage
  sql.exec(TABLES)
  return {
    transaction: (work) => storage.transactionSync(work),

    readLayout: () => sql.exec<{ content: string }>('SELECT content FROM layout').toArray()[0]?.content,
    writeLayout(layout) {
      sql.exec('INSERT OR REPLACE INTO layout (id, content) VALUES (0, ?)', layout)
    },

    readSeen: (hour) =>
      sql
        .exec<{ ids: string }>('SELECT ids FROM seen WHERE hour = ?', hour)
        .toArray()
        .flatMap(({ ids }) => ids.split('\n')),
    appendSeen(hour, ids) {
      sql.exec('INSERT INTO seen (hour, ids) VALUES (?, ?)', hour, ids.join('\n'))
    },
    deleteSeen(beforeHour) {
      sql.exec('DELETE FROM seen WHERE hour < ?', beforeHour)
    },

    readJournal: () =>
      sql
        .exec<{ id: number; kind: JournalEntry['kind']; time_ms: number; content: string }>(
          'SELECT id, kind, time_ms, content FROM journal ORDER BY id',
        )
        .toArray()
        .map(({ id, kind, time_ms, content }) => ({ id, kind, timeMs: time_ms, rows: content })),
    appendJournal({ kind, timeMs, rows }) {
      sql.exec('INSERT INTO journal (kind, time_ms, content) VALUES (?, ?, ?)', kind, timeMs, rows)
    },

    readCut() {
      const row = sql
        .exec<{ sequence: number; through: number | null }>('SELECT sequence, through FROM cut')
        .toArray()[0]
      return row === undefined || row.through === null
        ? undefined
        : { sequence: row.sequence, through: row.through }
    },
    writeCut(through) {
      const row = sql.exec<{ sequence: number }>('SELECT sequence FROM cut').toArray()[0]
      const cut = { sequence: (row?.sequence ?? 0) + 1, through }
      sql.exec('INSERT OR REPLACE INTO cut (id, sequence, through) VALUES (0, ?, ?)', cut.sequence, through)
      return cut
    },
    deleteCut(through) {
      sql.exec('DELETE FROM journal WHERE id <= ?', through)
      // The sequence stays: no segment's name is used twice.
      sql.exec('UPDATE cut SET through = NULL')
    },

    readCheckpoint(block) {
      const row = sql
        .exec<{ content: string; is_published: number }>(
          'SELECT content, is_published FROM checkpoints WHERE block = ?',
          block,
        )
        .toArray()[0]
      return row && { rows: row.content, isPublished: row.is_published === 1 }
    },
    writeCheckpoint(block, { rows, isPublished }) {
      sql.exec(
        'INSERT OR REPLACE INTO checkpoints (block, content, is_published) VALUES (?, ?, ?)',
        block,
        rows,
        isPublished ? 1 : 0,
      )
    },
    listCheckpoints: () =>
      sql
        .exec<{ block: number }>('SELECT block FROM checkpoints')
        .toArray()
        .map(({ block }) => block),
    listUnpublished: () =>
      sql
        .exec<{ block: number }>('SELECT block FROM checkpoints WHERE is_published = 0')
        .toArray()
        .map(({ block }) => block),
  }
}
