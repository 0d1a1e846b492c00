import { desc, eq, inArray } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import type { JobRecords } from '../platform.ts'
import { jobs } from './registry-schema.ts'

/** Jobs beside loads, in D1. */
export function jobsD1(db: DrizzleD1Database): JobRecords {
  async function find(id: string) {
    const [row] = await db.select().from(jobs).where(eq(jobs.id, id))
    return row
  }
  return {
    find,
    async begin(job) {
      await db.insert(jobs).values(job).onConflictDoNothing()
      return (await find(job.id))!
    },
    list: (countMax) => db.select().from(jobs).orderBy(desc(jobs.startedTime)).limit(countMax),
    listUnfinished: () =>
      db
        .select()
        .from(jobs)
        .where(inArray(jobs.status, ['queued', 'running'])),
    async update(id, change) {
      await db.update(jobs).set(change).where(eq(jobs.id, id))
    },
  }
}
