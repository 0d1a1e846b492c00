import { and, asc, desc, eq, inArray, ne, sql } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import type { ChunkCounts, ChunkName, Clock, LoadChange, LoadChunk, LoadRecords } from '../platform.ts'
import { insertCommit, insertSegments } from './offline-r2.ts'
import { loadChunks, loads } from './registry-schema.ts'

const NOTHING: ChunkCounts = { read: 0, synced: 0, rejected: 0 }

/** Loads in D1; the rows a chunk keeps for the writers on R2, under `loads/<id>/`. */
export function loadsD1(db: DrizzleD1Database, bucket: R2Bucket, clock: Clock): LoadRecords {
  async function find(id: string) {
    const [row] = await db.select().from(loads).where(eq(loads.id, id))
    return row
  }
  function updateOf(id: string, change: Partial<LoadChange>) {
    const isKept = change.status === undefined || change.status === 'queued'
    return db
      .update(loads)
      .set(change)
      .where(and(eq(loads.id, id), isKept ? undefined : ne(loads.status, 'cancelled')))
  }
  return {
    find,
    async begin(load) {
      await db.insert(loads).values(load).onConflictDoNothing()
      return (await find(load.id))!
    },
    list: (source) => db.select().from(loads).where(eq(loads.source, source)).orderBy(desc(loads.ingestTime)),
    listUnfinished: () =>
      db
        .select()
        .from(loads)
        .where(inArray(loads.status, ['queued', 'running']))
        .orderBy(asc(loads.ingestTime)),
    async update(id, change) {
      await updateOf(id, change)
    },
    async beginRun(id, change) {
      const isShown = sql`(SELECT is_registered FROM loads WHERE id = ${id})`
      await db.batch([
        db.delete(loadChunks).where(and(eq(loadChunks.load, id), sql`NOT ${isShown}`)),
        updateOf(id, change),
      ])
    },
    async beat(id, { generation, ...change }) {
      await db
        .update(loads)
        .set(change)
        .where(and(eq(loads.id, id), eq(loads.generation, generation), eq(loads.status, 'running')))
    },
    async fail(id, { generation, error, endedTime }) {
      await db
        .update(loads)
        .set({ status: 'failed', error, endedTime, heartbeatTime: endedTime })
        .where(
          and(
            eq(loads.id, id),
            eq(loads.generation, generation),
            inArray(loads.status, ['queued', 'running']),
          ),
        )
    },
    async cancel(id) {
      const cancelled = await db
        .update(loads)
        .set({ status: 'cancelled' })
        .where(
          and(eq(loads.id, id), eq(loads.isRegistered, false), inArray(loads.status, ['queued', 'running'])),
        )
        .returning({ id: loads.id })
      return cancelled.length > 0
    },
    async writeChunk(id, generation, chunk) {
      const content = JSON.stringify(chunk)
      // Whoever was cut off from a load may yet come to the end of a chunk: in one statement, so that nothing comes between.
      const row = db
        .select({
          load: loads.id,
          chunk: sql`${chunk.chunk}`.as('chunk'),
          content: sql`${content}`.as('content'),
        })
        .from(loads)
        .where(
          and(
            eq(loads.id, id),
            eq(loads.generation, generation),
            eq(loads.status, 'running'),
            eq(loads.isRegistered, false),
          ),
        )
      await db
        .insert(loadChunks)
        .select(row)
        .onConflictDoUpdate({ target: [loadChunks.load, loadChunks.chunk], set: { content } })
    },
    async markSynced(id, chunk) {
      await db
        .update(loadChunks)
        .set({ content: sql`json_set(${loadChunks.content}, '$.isSynced', json('true'))` })
        .where(and(eq(loadChunks.load, id), eq(loadChunks.chunk, chunk)))
    },
    async countChunks(id, partCount) {
      const found = await db
        .select({
          part: sql<number>`${loadChunks.chunk} % ${partCount}`.as('part'),
          read: sql<number>`count(*)`,
          synced: sql<number>`sum(content ->> 'isSynced')`,
          rejected: sql<number>`sum(content ->> 'rejected')`,
        })
        .from(loadChunks)
        .where(eq(loadChunks.load, id))
        .groupBy(sql`part`)
      const byPart = new Map(found.map(({ part, ...counts }) => [part, counts]))
      return Array.from({ length: partCount }, (_, part) => byPart.get(part) ?? NOTHING)
    },
    async findChunk(id, chunk) {
      const [row] = await db
        .select()
        .from(loadChunks)
        .where(and(eq(loadChunks.load, id), eq(loadChunks.chunk, chunk)))
      return row && (JSON.parse(row.content) as LoadChunk)
    },
    async listChunks(id) {
      const rows = await db
        .select()
        .from(loadChunks)
        .where(eq(loadChunks.load, id))
        .orderBy(asc(loadChunks.chunk))
      return rows.map(({ content }) => JSON.parse(content) as LoadChunk)
    },
    async writeNewest(id, chunk, rows) {
      await bucket.put(newestPath(id, chunk), rows)
    },
    async readNewest(id, chunk) {
      return (await bucket.get(newestPath(id, chunk)))?.text()
    },
    async writePlan(id, plan) {
      await bucket.put(planPath(id), plan)
    },
    async readPlan(id) {
      return (await bucket.get(planPath(id)))?.text()
    },
    async writePart(id, chunk, bytes) {
      await bucket.put(partPath(id, chunk), bytes)
    },
    async readPart(id, chunk) {
      const object = await bucket.get(partPath(id, chunk))
      return object === null ? undefined : new Uint8Array(await object.arrayBuffer())
    },
    async deleteKept(id) {
      // First, so that parts without it are never taken for whole.
      await bucket.delete(planPath(id))
      const prefix = `loads/${id}/`
      for (let isMore = true; isMore; ) {
        const { objects, truncated } = await bucket.list({ prefix })
        if (objects.length > 0) await bucket.delete(objects.map(({ key }) => key))
        isMore = truncated
      }
    },
    async register(id, generation) {
      // Every statement of the batch holds only while this generation is the newest: all of it is done, or nothing.
      const isNewest = sql`(SELECT max(generation) FROM generations) = ${generation} AND (SELECT status FROM loads WHERE id = ${id}) NOT IN ('cancelled', 'failed')`
      const chunks = sql`load_chunks, json_each(load_chunks.content, '$.segments') WHERE load_chunks.load = ${id} AND ${isNewest}`
      await db.batch([
        insertCommit(db, clock),
        insertSegments(db, chunks),
        db
          .update(loads)
          .set({ isRegistered: true })
          .where(and(eq(loads.id, id), isNewest)),
      ])
      return (await find(id))?.isRegistered === true
    },
  }
}

function planPath(id: string): string {
  return `loads/${id}/plan.json`
}

function partPath(id: string, chunk: number): string {
  return `loads/${id}/${String(chunk).padStart(6, '0')}.part`
}

/** Under another generation the rows of a chunk are others, and who computes them may not know that it is no longer wanted. */
function newestPath(id: string, { generation, chunk }: ChunkName): string {
  return `loads/${id}/${generation}-${String(chunk).padStart(6, '0')}.rows`
}
