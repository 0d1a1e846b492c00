import { and, asc, desc, eq, gt, isNull } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import type { Quarantine, QuarantineBatch, QuarantineSummary } from '../platform.ts'
import { isOlder } from './is-older.ts'
import { quarantine } from './registry-schema.ts'

/** Rows on R2 under `quarantine/<source>/`, one row a batch in D1. */
export function quarantineR2(bucket: R2Bucket, db: DrizzleD1Database): Quarantine {
  const is = (source: string, id: string) => and(eq(quarantine.source, source), eq(quarantine.id, id))
  return {
    async write(batch) {
      const { id, source, doorTime, rows } = batch
      // The rows first: a row of D1 that names a batch is never without it.
      await bucket.put(pathOf(source, id), JSON.stringify(batch))
      const kept = { rowCount: rows.length, reason: rows[0]!.reason }
      await db
        .insert(quarantine)
        .values({ id, source, doorTime, ...kept })
        .onConflictDoUpdate({ target: [quarantine.source, quarantine.id], set: kept })
    },
    async list({ source, after, countMax }) {
      const rows = await db
        .select()
        .from(quarantine)
        .where(
          and(
            source === undefined ? undefined : eq(quarantine.source, source),
            isNull(quarantine.releasedTime),
            isOlder(quarantine.doorTime, quarantine.id, after),
          ),
        )
        .orderBy(desc(quarantine.doorTime), desc(quarantine.id))
        .limit(countMax)
      return rows.map(summaryOf)
    },
    async find(source, id) {
      const [row] = await db.select().from(quarantine).where(is(source, id))
      return row && summaryOf(row)
    },
    async read(source, id) {
      const object = await bucket.get(pathOf(source, id))
      return object === null ? undefined : ((await object.json()) as QuarantineBatch)
    },
    async listIds(source, { after, countMax }) {
      const rows = await db
        .select({ id: quarantine.id })
        .from(quarantine)
        .where(and(eq(quarantine.source, source), gt(quarantine.id, after)))
        .orderBy(asc(quarantine.id))
        .limit(countMax)
      return rows.map(({ id }) => id)
    },
    async delete(source, id) {
      // The rows first: a batch that is still named is deleted again.
      await bucket.delete(pathOf(source, id))
      await db.delete(quarantine).where(is(source, id))
    },
    async release(source, id, time) {
      await db.update(quarantine).set({ releasedTime: time }).where(is(source, id))
    },
  }
}

function summaryOf({ releasedTime, ...summary }: typeof quarantine.$inferSelect): QuarantineSummary {
  return { ...summary, isReleased: releasedTime !== null }
}

function pathOf(source: string, id: string): string {
  return `quarantine/${source}/${id}.json`
}
