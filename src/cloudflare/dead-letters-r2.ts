import { and, desc, eq, inArray, lt, type SQL, sql } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import type { ArrivedLetter } from '../definitions/dead-letter.ts'
import type { DeadLetters } from '../platform.ts'
import { isOlder } from './is-older.ts'
import { deadLetters, messageFailures } from './registry-schema.ts'
import { unavailableOnOutage } from './unavailable-on-outage.ts'

/** How far the clocks of the queue and of a Worker may be apart. */
const CLOCK_SKEW_US = 60_000_000

/** Bodies on R2 under `dead-letters/`, one row each in D1. */
export function deadLettersR2(bucket: R2Bucket, db: DrizzleD1Database): DeadLetters {
  return unavailableOnOutage('the dead letters in D1 and R2', {
    async noteFailures(failures) {
      await db
        .insert(messageFailures)
        .select(
          sql`SELECT value ->> 'id', value ->> 'reason', value ->> 'attempts', value ->> 'time'
            FROM json_each(${JSON.stringify(failures)}) WHERE true`,
        )
        .onConflictDoUpdate({
          target: messageFailures.id,
          set: { reason: sql`excluded.reason`, attempts: sql`excluded.attempts`, time: sql`excluded.time` },
        })
    },
    async forgetFailures(ids) {
      await db.delete(messageFailures).where(isAmong(messageFailures.id, ids))
    },
    async forgetFailuresBefore(time) {
      await db.delete(messageFailures).where(lt(messageFailures.time, time))
    },
    async write(letter) {
      // The body first: a row that names a letter is never without it.
      await bucket.put(path(letter.id), letter.body)
      await db.batch([
        keepLetter(db, letter),
        db.delete(messageFailures).where(eq(messageFailures.id, letter.id)),
      ])
    },
    find: async (ids) => db.select().from(deadLetters).where(isAmong(deadLetters.id, ids)),
    list: async ({ source, status, after, limit }) =>
      db
        .select()
        .from(deadLetters)
        .where(
          and(
            source === undefined ? undefined : eq(deadLetters.source, source),
            status === undefined ? undefined : eq(deadLetters.status, status),
            isOlder(deadLetters.time, deadLetters.id, after),
          ),
        )
        .orderBy(desc(deadLetters.time), desc(deadLetters.id))
        .limit(limit),
    async readBody(id) {
      const object = await bucket.get(path(id))
      return object === null ? undefined : object.text()
    },
    async rewrite(id, body, rows) {
      await bucket.put(path(id), body)
      await db.update(deadLetters).set({ rows }).where(eq(deadLetters.id, id))
    },
    async delete(id) {
      // The body first: a letter that is still named is deleted again.
      await bucket.delete(path(id))
      await db.batch([
        db.delete(deadLetters).where(eq(deadLetters.id, id)),
        db.delete(messageFailures).where(eq(messageFailures.id, id)),
      ])
    },
    async markReplayed(ids, time) {
      await db
        .update(deadLetters)
        .set({ status: 'replayed', replayedTime: time })
        .where(isAmong(deadLetters.id, ids))
    },
  })
}

function path(id: string): string {
  return `dead-letters/${id}`
}

/** One parameter, whatever the number of ids: D1 binds at most 100. */
function isAmong(column: typeof deadLetters.id | typeof messageFailures.id, ids: readonly string[]): SQL {
  return inArray(column, sql`(SELECT value FROM json_each(${JSON.stringify(ids)}))`)
}

/**
 * Enters a letter unless it is there already. One that is there has failed anew if a failure was noted since, or if
 * its message was sent after its replay; else the dead-letter queue has only delivered it twice.
 */
function keepLetter(db: DrizzleD1Database, { id, source, rows, time, sentTime }: ArrivedLetter) {
  return db
    .insert(deadLetters)
    .select(
      sql`SELECT arrived.id, ${source}, ${rows}, ${time}, coalesce(failure.reason, 'The reason could not be noted'),
        coalesce(failure.attempts, 0), 'kept', NULL
      FROM (SELECT ${id} AS id) AS arrived
      LEFT JOIN message_failures AS failure ON failure.id = arrived.id
      LEFT JOIN dead_letters AS letter ON letter.id = arrived.id
      WHERE letter.id IS NULL OR failure.id IS NOT NULL
        OR (letter.status = 'replayed' AND ${sentTime + CLOCK_SKEW_US} >= letter.replayed_time)`,
    )
    .onConflictDoUpdate({
      target: deadLetters.id,
      set: {
        time: sql`excluded.time`,
        reason: sql`excluded.reason`,
        attempts: sql`excluded.attempts`,
        status: sql`excluded.status`,
        replayedTime: null,
      },
    })
}
