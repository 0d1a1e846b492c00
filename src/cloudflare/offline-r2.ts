import { and, count, eq, gte, isNotNull, isNull, lt, lte, max, type SQL, sql } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import { logFolders } from '../definitions/raw-log.ts'
import type { Clock, OfflineLog, PutObject } from '../platform.ts'
import { listObjects } from './list-objects.ts'
import { r2Buffer } from './r2-buffer.ts'
import { commits, segments } from './registry-schema.ts'

/** Segments on R2, their manifest in D1. */
export function offlineR2(bucket: R2Bucket, db: DrizzleD1Database, clock: Clock): OfflineLog {
  /** Objects first: a row without its object would be read, an object without its row is found by nobody. */
  async function remove(replaced: readonly { readonly path: string }[]): Promise<void> {
    if (replaced.length === 0) return
    const paths = replaced.map(({ path }) => path)
    await bucket.delete(paths)
    await db.delete(segments).where(isAmong(paths))
  }

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
    async list(view, version) {
      const rows = await db
        .select()
        .from(segments)
        .where(and(eq(segments.view, view), eq(segments.version, version), isNull(segments.replacedTime)))
        .orderBy(segments.path)
      return rows.map(({ replacedTime: _, commitMin, ...row }) => ({
        ...row,
        commitMin: commitMin ?? row.commit,
      }))
    },
    async readCommit() {
      const [newest] = await db.select({ commit: max(commits.commit) }).from(commits)
      return newest?.commit ?? 0
    },
    async listFragmented({ bytesMax, rowCountMax, countMin }) {
      return db
        .selectDistinct({ view: segments.view, version: segments.version })
        .from(segments)
        .where(
          and(
            isNull(segments.replacedTime),
            lte(segments.bytes, bytesMax),
            lte(segments.rowCount, rowCountMax),
          ),
        )
        .groupBy(segments.view, segments.version, segments.bucket)
        .having(gte(count(), countMin))
        .orderBy(segments.view, segments.version)
    },
    async replace(paths, segment) {
      const replaced = isAmong(paths)
      const counting = sql`(SELECT count(*) FROM ${segments} WHERE ${replaced} AND replaced_time IS NULL)`
      const isWhole = sql`${counting} = ${paths.length}`
      if (segment === null) {
        const done = await db
          .update(segments)
          .set({ replacedTime: clock.now() })
          .where(and(replaced, isNull(segments.replacedTime), isWhole))
        return done.meta.changes > 0
      }
      const { commit, commitMin, ...record } = segment
      await db.batch([
        db
          .insert(segments)
          .select(
            sql`SELECT ${record.path}, ${record.view}, ${record.version}, ${record.bucket}, ${record.bytes},
              ${record.rowCount}, ${record.eventTimeMin}, ${record.eventTimeMax}, ${record.ingestTimeMin},
              ${record.ingestTimeMax}, ${commit}, ${commitMin}, NULL WHERE ${isWhole}`,
          )
          .onConflictDoNothing(),
        // Only beside the one that takes their place: either both statements change something, or neither.
        db
          .update(segments)
          .set({ replacedTime: clock.now() })
          .where(
            and(
              replaced,
              isNull(segments.replacedTime),
              sql`EXISTS (SELECT 1 FROM ${segments} AS made WHERE made.path = ${record.path})`,
            ),
          ),
      ])
      const [made] = await db
        .select({ path: segments.path })
        .from(segments)
        .where(eq(segments.path, record.path))
      return made !== undefined
    },
    async removeReplaced(before, countMax) {
      const old = await db
        .select({ path: segments.path })
        .from(segments)
        .where(lt(segments.replacedTime, before))
        .orderBy(segments.replacedTime)
        .limit(countMax)
      await remove(old)
      return old.length
    },
    async purgeReplaced({ view, version }, buckets) {
      const old = await db
        .select({ path: segments.path })
        .from(segments)
        .where(
          and(
            eq(segments.view, view),
            eq(segments.version, version),
            isNotNull(segments.replacedTime),
            sql`${segments.bucket} IN (SELECT value FROM json_each(${JSON.stringify(buckets)}))`,
          ),
        )
      for (let at = 0; at < old.length; at += REMOVED_AT_ONCE)
        await remove(old.slice(at, at + REMOVED_AT_ONCE))
    },
    listLogs() {
      const names = { view: segments.view, version: segments.version }
      return db
        .selectDistinct(names)
        .from(segments)
        .where(isNull(segments.replacedTime))
        .orderBy(segments.view, segments.version)
    },
    async listUnnamed(log, { buckets, before }) {
      const { view, version } = log
      const rows = await db
        .select({ path: segments.path })
        .from(segments)
        .where(and(eq(segments.view, view), eq(segments.version, version)))
      const named = new Set(rows.map(({ path }) => path))
      const objects: PutObject[] = []
      for (const prefix of logFolders(log, buckets)) {
        for await (const { key, size, uploaded } of listObjects(bucket, prefix)) {
          const time = uploaded.getTime() * 1_000
          if (time < before && !named.has(key)) objects.push({ path: key, bytes: size, time })
        }
      }
      return objects
    },
    deleteObject: (path) => bucket.delete(path),
  }
}

/** Objects that one call of R2 deletes. */
const REMOVED_AT_ONCE = 1_000

function isAmong(paths: readonly string[]): SQL {
  return sql`${segments.path} IN (SELECT value FROM json_each(${JSON.stringify(paths)}))`
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
        value ->> 'ingestTimeMax', (SELECT max(${commits.commit}) FROM ${commits}), NULL, NULL FROM ${from}`,
    )
    .onConflictDoNothing()
}
