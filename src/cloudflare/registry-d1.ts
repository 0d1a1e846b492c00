import { desc, eq, max, sql } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import type { Generation, Registry } from '../platform.ts'
import { generations, snapshots, viewVersions } from './registry-schema.ts'
import { unavailableOnOutage } from './unavailable-on-outage.ts'

/** Definitions in D1. One `batch` is one transaction, so a generation is there whole or not at all. */
export function registryD1(db: DrizzleD1Database): Registry {
  return unavailableOnOutage('the definitions in D1', {
    async readGeneration() {
      const [row] = await db.select({ newest: max(generations.generation) }).from(generations)
      return row?.newest ?? 0
    },
    async read(generation) {
      const query = db.select().from(generations).orderBy(desc(generations.generation)).limit(1)
      const [row] = await (generation === undefined
        ? query
        : query.where(eq(generations.generation, generation)))
      return row
    },
    async list() {
      const { generation, appliedTime, author } = generations
      return db.select({ generation, appliedTime, author }).from(generations).orderBy(desc(generation))
    },
    async readVersions() {
      const rows = await db
        .select({ view: viewVersions.view, newest: max(viewVersions.version) })
        .from(viewVersions)
        .groupBy(viewVersions.view)
      return Object.fromEntries(rows.map(({ view, newest }) => [view, newest ?? 0]))
    },
    async listVersions(view) {
      const { version, generation } = viewVersions
      return db
        .select({ version, generation })
        .from(viewVersions)
        .where(eq(viewVersions.view, view))
        .orderBy(desc(version))
    },
    async insert(generation, snapshot) {
      try {
        await db.batch([
          db.insert(generations).values(generation),
          db.insert(snapshots).values({ generation: generation.generation, content: snapshot }),
          insertVersions(db, generation),
        ])
        return true
      } catch (error) {
        if (isUniqueViolation(error)) return false
        throw error
      }
    },
    async readSnapshot(generation) {
      const [row] = await db.select().from(snapshots).where(eq(snapshots.generation, generation))
      return row?.content
    },
    async replaceSnapshot(content) {
      await db
        .insert(snapshots)
        .values({ generation: content.generation, content })
        .onConflictDoUpdate({ target: snapshots.generation, set: { content } })
    },
  })
}

/** One statement with two parameters, whatever the number of views: D1 binds at most 100. */
function insertVersions(db: DrizzleD1Database, { generation, versions }: Generation) {
  const rows = JSON.stringify(Object.entries(versions).map(([view, version]) => ({ view, ...version })))
  return db
    .insert(viewVersions)
    .select(
      sql`SELECT value ->> 'view', value ->> 'version', value ->> 'fingerprint', ${generation} FROM json_each(${rows}) WHERE true`,
    )
    .onConflictDoNothing()
}

function isUniqueViolation(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause.message.includes('UNIQUE constraint failed')) return true
  }
  return false
}
