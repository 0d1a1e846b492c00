import { and, eq, sql } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import type { Clock, FillChunk, FillRecords } from '../platform.ts'
import { insertCommit, insertSegments } from './offline-r2.ts'
import { fillChunks } from './registry-schema.ts'

/** Chunks that one statement fixes: a value that is bound holds at most 2 MB. */
const CHUNKS_PER_STATEMENT = 2_000

/** Fills in D1. */
export function fillsD1(db: DrizzleD1Database, clock: Clock): FillRecords {
  return {
    async plan(id, segments) {
      const chunks = segments.map((raw, chunk) => ({
        chunk,
        content: encode({ raw, segments: null, isSynced: false }),
      }))
      // The first chunk comes last: where it is already, another plan is whole, and nothing is added to it.
      const isFree = sql`NOT EXISTS (SELECT 1 FROM fill_chunks WHERE fill = ${id} AND chunk = 0)`
      const [last, ...before] = Array.from(
        { length: Math.ceil(chunks.length / CHUNKS_PER_STATEMENT) },
        (_, part) => {
          const some = chunks.slice(part * CHUNKS_PER_STATEMENT, (part + 1) * CHUNKS_PER_STATEMENT)
          const rows = sql`SELECT ${id}, value ->> 'chunk', value ->> 'content' FROM json_each(${JSON.stringify(some)}) WHERE ${isFree}`
          return db.insert(fillChunks).select(rows).onConflictDoNothing()
        },
      ).reverse()
      if (last !== undefined) await db.batch([last, ...before])
    },
    async forget(id) {
      await db.delete(fillChunks).where(eq(fillChunks.fill, id))
    },
    async readProgress(id) {
      const [row] = await db
        .select({
          total: sql<number>`count(*)`,
          written: sql<number>`count(content ->> 'segments')`,
          synced: sql<number>`coalesce(sum(content ->> 'isSynced'), 0)`,
        })
        .from(fillChunks)
        .where(eq(fillChunks.fill, id))
      return row!
    },
    async readChunk(id, chunk) {
      const [row] = await db
        .select()
        .from(fillChunks)
        .where(and(eq(fillChunks.fill, id), eq(fillChunks.chunk, chunk)))
      return row === undefined ? undefined : (JSON.parse(row.content) as FillChunk)
    },
    async writeChunk(id, chunk, content) {
      await db
        .insert(fillChunks)
        .values({ fill: id, chunk, content: encode(content) })
        .onConflictDoUpdate({
          target: [fillChunks.fill, fillChunks.chunk],
          set: { content: encode(content) },
        })
    },
    async register(id) {
      const from = sql`fill_chunks, json_each(fill_chunks.content, '$.segments') WHERE fill_chunks.fill = ${id} AND fill_chunks.content ->> 'segments' IS NOT NULL`
      await db.batch([insertCommit(db, clock), insertSegments(db, from)])
    },
  }
}

function encode(content: FillChunk): string {
  return JSON.stringify(content)
}
