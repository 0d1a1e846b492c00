import { and, asc, desc, eq, inArray, ne, type SQL, sql } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import type {
  ChunkCounts,
  ChunkName,
  Clock,
  LoadChange,
  LoadChunk,
  LoadRecords,
  LoadRun,
} from '../platform.ts'
import { insertCommit, insertSegments } from './offline-r2.ts'
import { loadChunks, loads } from './registry-schema.ts'

const NOTHING: ChunkCounts = { read: 0, synced: 0, rejected: 0 }

/** Loads in D1; the rows a chunk keeps for the writers on R2, under `loads/<id>/`. */
export function loadsD1(db: DrizzleD1Database, bucket: R2Bucket, clock: Clock): LoadRecords {
  async function find(id: string) {
    const [row] = await db.select().from(loads).where(eq(loads.id, id))
    return row
  }
  function updateOf(id: string, attempt: number, change: Partial<LoadChange>) {
    const isEnded = change.status === undefined ? undefined : ne(loads.status, 'cancelled')
    return db
      .update(loads)
      .set(change)
      .where(and(eq(loads.id, id), eq(loads.attempt, attempt), isEnded))
  }
  /** Deletes the chunks of a load of which this holds, and which history does not show. */
  function forgetChunks(id: string, holds: SQL) {
    const isForgotten = sql`(SELECT NOT is_registered AND ${holds} FROM loads WHERE id = ${id})`
    return db.delete(loadChunks).where(and(eq(loadChunks.load, id), isForgotten))
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
    async update(id, attempt, change) {
      await updateOf(id, attempt, change)
    },
    async beginRun(id, attempt, change) {
      await db.batch([forgetChunks(id, sql`attempt = ${attempt}`), updateOf(id, attempt, change)])
    },
    async tryAgain(id, again) {
      const [, [queued]] = await db.batch([
        forgetChunks(id, sql`status = 'failed'`),
        db
          .update(loads)
          .set({
            ...again,
            status: 'queued',
            attempt: sql`${loads.attempt} + 1`,
            error: null,
            startedTime: null,
            endedTime: null,
          })
          .where(and(eq(loads.id, id), eq(loads.status, 'failed')))
          .returning(),
      ])
      return queued
    },
    async beat(id, { attempt, generation, ...change }) {
      await db
        .update(loads)
        .set(change)
        .where(and(is(id, { attempt, generation }), eq(loads.status, 'running')))
    },
    async fail(id, { error, endedTime, ...run }) {
      await db
        .update(loads)
        .set({ status: 'failed', error, endedTime, heartbeatTime: endedTime })
        .where(and(is(id, run), inArray(loads.status, ['queued', 'running'])))
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
    async writeChunk(id, run, chunk) {
      const content = JSON.stringify(chunk)
      // Whoever was cut off from a load may yet come to the end of a chunk: in one statement, so that nothing comes between.
      const row = db
        .select({
          load: loads.id,
          chunk: sql`${chunk.chunk}`.as('chunk'),
          content: sql`${content}`.as('content'),
        })
        .from(loads)
        .where(and(is(id, run), eq(loads.status, 'running'), eq(loads.isRegistered, false)))
      await db
        .insert(loadChunks)
        .select(row)
        .onConflictDoUpdate({ target: [loadChunks.load, loadChunks.chunk], set: { content } })
    },
    async markSynced(id, attempt, chunk) {
      const isWanted = sql`EXISTS (SELECT 1 FROM loads WHERE id = ${id} AND attempt = ${attempt} AND status = 'running')`
      await db
        .update(loadChunks)
        .set({ content: sql`json_set(${loadChunks.content}, '$.isSynced', json('true'))` })
        .where(and(eq(loadChunks.load, id), eq(loadChunks.chunk, chunk), isWanted))
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
    async writePlan(id, generation, plan) {
      await bucket.put(planPath(id, generation), plan)
    },
    async readPlan(id, generation) {
      return (await bucket.get(planPath(id, generation)))?.text()
    },
    async writePart(id, chunk, bytes) {
      await bucket.put(partPath(id, chunk), bytes)
    },
    async readPart(id, chunk) {
      const object = await bucket.get(partPath(id, chunk))
      return object === null ? undefined : new Uint8Array(await object.arrayBuffer())
    },
    async deleteKept(id) {
      // Plans first, so that parts without one are never taken for whole.
      for (const prefix of [`loads/${id}/plan`, `loads/${id}/`]) {
        for (let isMore = true; isMore; ) {
          const { objects, truncated } = await bucket.list({ prefix })
          if (objects.length > 0) await bucket.delete(objects.map(({ key }) => key))
          isMore = truncated
        }
      }
    },
    async register(id, { attempt, generation }) {
      // Every statement of the batch holds only while this run is wanted: all of it is done, or nothing.
      const isWanted = sql`(SELECT max(generation) FROM generations) = ${generation} AND (SELECT attempt = ${attempt} AND status NOT IN ('cancelled', 'failed') FROM loads WHERE id = ${id})`
      const chunks = sql`load_chunks, json_each(load_chunks.content, '$.segments') WHERE load_chunks.load = ${id} AND ${isWanted}`
      await db.batch([
        insertCommit(db, clock),
        insertSegments(db, chunks),
        db
          .update(loads)
          .set({ isRegistered: true })
          .where(and(eq(loads.id, id), isWanted)),
      ])
      return (await find(id))?.isRegistered === true
    },
  }
}

function is(id: string, { attempt, generation }: LoadRun): SQL | undefined {
  return and(eq(loads.id, id), eq(loads.attempt, attempt), eq(loads.generation, generation))
}

// Under another generation a file is cut otherwise and its rows are others, and who computes them may not know that it is no
// longer wanted: what is kept has the generation in its name.

function planPath(id: string, generation: number): string {
  return `loads/${id}/plan-${generation}.json`
}

function partPath(id: string, chunk: ChunkName): string {
  return `loads/${id}/${chunkName(chunk)}.part`
}

function newestPath(id: string, chunk: ChunkName): string {
  return `loads/${id}/${chunkName(chunk)}.rows`
}

function chunkName({ generation, chunk }: ChunkName): string {
  return `${generation}-${String(chunk).padStart(6, '0')}`
}
