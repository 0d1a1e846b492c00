import { desc } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import type { DeadLetters } from '../platform.ts'
import { deadLetters } from './registry-schema.ts'

/** Bodies on R2 under `dead-letters/`, one row each in D1. */
export function deadLettersR2(bucket: R2Bucket, db: DrizzleD1Database): DeadLetters {
  return {
    async write({ id, body, time }) {
      // The body first: a row that names a letter is never without it.
      await bucket.put(`dead-letters/${id}`, body)
      await db.insert(deadLetters).values({ id, time }).onConflictDoNothing()
    },
    list: () => db.select().from(deadLetters).orderBy(desc(deadLetters.time)).limit(LISTED_MAX),
  }
}

const LISTED_MAX = 1_000
