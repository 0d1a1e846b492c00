import { and, asc, desc, eq, lte, sql } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import type { CronRecords, DutyRun, RefusedFile } from '../platform.ts'
import { dutyRuns, leases, refusedFiles } from './cron-schema.ts'
import { isOlder } from './is-older.ts'

/** Rows of one statement: D1 takes 100 values. */
const ROWS_AT_ONCE = 20

/** Cron's leases, runs and refusals in D1. */
export function cronD1(db: DrizzleD1Database): CronRecords {
  return {
    async lease(duty, { holder, now, until }) {
      const taken = { holder, expiryTime: until }
      const rows = await db
        .insert(leases)
        .values({ name: duty, ...taken })
        .onConflictDoUpdate({ target: leases.name, set: taken, setWhere: lte(leases.expiryTime, now) })
        .returning()
      return rows.length > 0
    },
    async endRun({ name, startedTime, endedTime, outcome, error }, holder) {
      const isQuiet = outcome === null && error === null
      const run = { startedTime, endedTime, outcome, error }
      await db.batch([
        db
          .insert(dutyRuns)
          .values({ name, isQuiet, ...run })
          .onConflictDoUpdate({
            target: [dutyRuns.name, dutyRuns.isQuiet],
            set: run,
            // A run that outlived its lease may end after one that began later.
            setWhere: lte(dutyRuns.startedTime, startedTime),
          }),
        db.delete(leases).where(and(eq(leases.name, name), eq(leases.holder, holder))),
      ])
    },
    async listRuns() {
      const rows = await db.select().from(dutyRuns).orderBy(desc(dutyRuns.startedTime), dutyRuns.name)
      return rows.map(({ isQuiet: _, ...run }): DutyRun => run)
    },
    async noteRefused(files) {
      const noted: RefusedFile[] = []
      for (let at = 0; at < files.length; at += ROWS_AT_ONCE) {
        const some = files.slice(at, at + ROWS_AT_ONCE)
        noted.push(...(await db.insert(refusedFiles).values(some).onConflictDoNothing().returning()))
      }
      return noted
    },
    listRefused({ after, countMax }) {
      // As `refusedFileId` makes it.
      const id = sql`(${refusedFiles.source} || '/' || ${refusedFiles.file} || '/' || ${refusedFiles.etag})`
      return db
        .select()
        .from(refusedFiles)
        .where(isOlder(refusedFiles.time, id, after))
        .orderBy(desc(refusedFiles.time), desc(id))
        .limit(countMax)
    },
    listRefusedKeys({ after, countMax }) {
      const { source, file, etag } = refusedFiles
      const isLater =
        after && sql`(${source}, ${file}, ${etag}) > (${after.source}, ${after.file}, ${after.etag})`
      return db
        .select({ source, file, etag })
        .from(refusedFiles)
        .where(isLater)
        .orderBy(asc(source), asc(file), asc(etag))
        .limit(countMax)
    },
    async forgetRefused(files) {
      for (let at = 0; at < files.length; at += ROWS_AT_ONCE) {
        const keys = files
          .slice(at, at + ROWS_AT_ONCE)
          .map(({ source, file, etag }) => sql`(${source}, ${file}, ${etag})`)
        await db
          .delete(refusedFiles)
          .where(
            sql`(${refusedFiles.source}, ${refusedFiles.file}, ${refusedFiles.etag}) in (values ${sql.join(keys, sql`, `)})`,
          )
      }
    },
  }
}
