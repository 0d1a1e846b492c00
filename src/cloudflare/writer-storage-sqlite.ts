import type { JournalSummary, WriterStorage } from '../ingest/writer-storage.ts'

const TABLES = `
  CREATE TABLE IF NOT EXISTS record (id INTEGER PRIMARY KEY CHECK (id = 0), content TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS record_rest (part INTEGER PRIMARY KEY, content TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS marks (mark TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS seen (hour INTEGER NOT NULL, ids TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS journal (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, time_ms REAL NOT NULL, chars INTEGER NOT NULL, seen TEXT NOT NULL, content TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS checkpoints (bits TEXT NOT NULL, part INTEGER NOT NULL, is_published INTEGER NOT NULL, through INTEGER NOT NULL, content TEXT NOT NULL, PRIMARY KEY (bits, part)) WITHOUT ROWID;
`

/** A row of SQLite holds at most 2 MB: a large checkpoint lies in several, and so does the record of an entity of very many features. */
const PART_CHARS_MAX = 1_000_000

/** A shard writer's storage in its Durable Object's SQLite. */
export function writerStorageSqlite(
  storage: Pick<DurableObjectStorage, 'sql' | 'transactionSync'>,
): WriterStorage {
  const { sql } = storage
  sql.exec(TABLES)
  return {
    transaction: (work) => storage.transactionSync(work),

    readRecord() {
      const parts = sql
        .exec<{ content: string }>(
          'SELECT id AS part, content FROM record UNION ALL SELECT part, content FROM record_rest ORDER BY part',
        )
        .toArray()
      return parts.length === 0 ? undefined : parts.map(({ content }) => content).join('')
    },
    writeRecord(record) {
      storage.transactionSync(() => {
        sql.exec('INSERT OR REPLACE INTO record (id, content) VALUES (0, ?)', record.slice(0, PART_CHARS_MAX))
        sql.exec('DELETE FROM record_rest')
        for (let at = PART_CHARS_MAX; at < record.length; at += PART_CHARS_MAX)
          sql.exec('INSERT INTO record_rest (content) VALUES (?)', record.slice(at, at + PART_CHARS_MAX))
      })
    },

    readMark: (mark) =>
      sql.exec<{ value: number }>('SELECT value FROM marks WHERE mark = ?', mark).toArray()[0]?.value ?? 0,
    writeMark(mark, value) {
      sql.exec('INSERT OR REPLACE INTO marks (mark, value) VALUES (?, ?)', mark, value)
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

    listJournal: () =>
      sql
        .exec<{ id: number; kind: JournalSummary['kind']; time_ms: number; chars: number }>(
          'SELECT id, kind, time_ms, chars FROM journal ORDER BY id',
        )
        .toArray()
        .map(({ id, kind, time_ms, chars }) => ({ id, kind, timeMs: time_ms, chars })),
    readJournal: (after, through) =>
      sql
        .exec<{ id: number; kind: JournalSummary['kind']; time_ms: number; seen: string; content: string }>(
          'SELECT id, kind, time_ms, seen, content FROM journal WHERE id > ? AND id <= ? ORDER BY id',
          after,
          through,
        )
        .toArray()
        .map(({ id, kind, time_ms, seen, content }) => ({ id, kind, timeMs: time_ms, seen, rows: content })),
    appendJournal({ id, kind, timeMs, seen, rows }) {
      sql.exec(
        'INSERT INTO journal (id, kind, time_ms, chars, seen, content) VALUES (?, ?, ?, ?, ?, ?)',
        id,
        kind,
        timeMs,
        rows.length,
        seen,
        rows,
      )
    },
    deleteJournal(through) {
      sql.exec('DELETE FROM journal WHERE id <= ?', through)
    },

    readCheckpoint(bits) {
      const parts = sql
        .exec<{ content: string; is_published: number; through: number }>(
          'SELECT content, is_published, through FROM checkpoints WHERE bits = ? ORDER BY part',
          bits,
        )
        .toArray()
      if (parts.length === 0) return undefined
      const rows = parts.map(({ content }) => content).join('')
      return {
        rows,
        isPublished: parts.every(({ is_published }) => is_published === 1),
        through: parts[0]!.through,
      }
    },
    writeCheckpoint(bits, { rows, isPublished, through }) {
      const partCount = Math.max(1, Math.ceil(rows.length / PART_CHARS_MAX))
      for (let part = 0; part < partCount; part++) {
        sql.exec(
          'INSERT OR REPLACE INTO checkpoints (bits, part, is_published, through, content) VALUES (?, ?, ?, ?, ?)',
          bits,
          part,
          isPublished ? 1 : 0,
          through,
          rows.slice(part * PART_CHARS_MAX, (part + 1) * PART_CHARS_MAX),
        )
      }
      sql.exec('DELETE FROM checkpoints WHERE bits = ? AND part >= ?', bits, partCount)
    },
    publishCheckpoint(bits) {
      sql.exec('UPDATE checkpoints SET is_published = 1 WHERE bits = ?', bits)
    },
    deleteCheckpoint(bits) {
      sql.exec('DELETE FROM checkpoints WHERE bits = ?', bits)
    },
    listCheckpoints: () =>
      sql
        .exec<{ bits: string; published: number }>(
          'SELECT bits, min(is_published) AS published FROM checkpoints GROUP BY bits',
        )
        .toArray()
        .map(({ bits, published }) => ({ bits, isPublished: published === 1 })),
  }
}
