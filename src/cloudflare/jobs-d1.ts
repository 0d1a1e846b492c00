import { and, desc, eq, inArray, ne, sql } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import type { JobRecords } from '../platform.ts'
import { isOlder } from './is-older.ts'
import { jobs } from './registry-schema.ts'

/** Jobs beside loads, in D1. */
export function jobsD1(db: DrizzleD1Database): JobRecords {
  async function find(id: string) {
    const [row] = await db.select().from(jobs).where(eq(jobs.id, id))
    return row
  }
  return {
    find,
    findAll: (ids) =>
      db
        .select()
        .from(jobs)
        // One value is bound, however many ids there are.
        .where(inArray(jobs.id, sql`(SELECT value FROM json_each(${JSON.stringify(ids)}))`)),
    async begin(job) {
      await db.insert(jobs).values(job).onConflictDoNothing()
      return (await find(job.id))!
    },
    list: ({ after, countMax }) =>
      db
        .select()
        .from(jobs)
        .where(isOlder(jobs.startedTime, jobs.id, after))
        .orderBy(desc(jobs.startedTime), desc(jobs.id))
        .limit(countMax),
    listUnfinished: () =>
      db
        .select()
        .from(jobs)
        .where(inArray(jobs.status, ['queued', 'running'])),
    async update(id, change) {
      const isKept = change.status === undefined || change.status === 'queued'
      await db
        .update(jobs)
        .set(change)
        .where(and(eq(jobs.id, id), isKept ? undefined : ne(jobs.status, 'cancelled')))
    },
    async cancel(id) {
      const cancelled = await db
        .update(jobs)
        .set({ status: 'cancelled' })
        .where(and(eq(jobs.id, id), inArray(jobs.status, ['queued', 'running'])))
        .returning({ id: jobs.id })
      return cancelled.length > 0
    },
  }
}
