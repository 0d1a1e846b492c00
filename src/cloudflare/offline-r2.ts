import { and, eq, max, type SQL, sql } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import type { Clock, OfflineLog } from '../platform.ts'
import { r2Buffer } from './r2-buffer.ts'
import { commits, segments } from './registry-schema.ts'

/** Segments on R2, their manifest in D1. */
export function offlineR2(bucket: R2Bucket, db: DrizzleD1Database, clock: Clock): OfflineLog {
  return {
    async writeSegment(path, bytes) {
      // Null means it was there already: the same bytes, put before a crash.
      await bucket.put(path, bytes, { onlyIf: { etagDoesNotMatch: '*' } })
    },
    openSegment: ({ path, bytes }) => r2Buffer(bucket, { path, bytes }),
    async register(records) {
      if (records.length > 0)
        await db.batch([
          insertCommit(db, clock),
          insertSegments(db, sql`json_each(${JSON.stringify(records)}) WHERE true`),
        ])
    },
    list(view, version) {
      return db
        .select()
        .from(segments)
        .where(and(eq(segments.view, view), eq(segments.version, version)))
        .orderBy(segments.path)
    },
    async readCommit() {
      const [newest] = await db.select({ commit: max(commits.commit) }).from(commits)
      return newest?.commit ?? 0
    },
  }
}

/** Makes the next commit; `insertSegments` in the same batch registers under it. */
export function insertCommit(db: DrizzleD1Database, clock: Clock) {
  return db.insert(commits).values({ time: clock.now() })
}

/**
 * Enters segments into the manifest, whatever their number, in one statement. `from` yields JSON `SegmentRecord`s as
 * `value`, and ends in a WHERE clause. The columns are in the table's order.
 */
export function insertSegments(db: DrizzleD1Database, from: SQL) {
  return db
    .insert(segments)
    .select(
      sql`SELECT value ->> 'path', value ->> 'view', value ->> 'version', value ->> 'bucket', value ->> 'bytes',
        value ->> 'rowCount', value ->> 'eventTimeMin', value ->> 'eventTimeMax', value ->> 'ingestTimeMin',
        value ->> 'ingestTimeMax', (SELECT max(${commits.commit}) FROM ${commits}) FROM ${from}`,
    )
    .onConflictDoNothing()
}
