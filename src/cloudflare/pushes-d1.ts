import { eq } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import type { PushRecords } from '../platform.ts'
import { pushes } from './registry-schema.ts'

/** Pushes under an `Idempotency-Key`, in D1. */
export function pushesD1(db: DrizzleD1Database): PushRecords {
  return {
    async begin(record) {
      await db.insert(pushes).values(record).onConflictDoNothing()
      const [first] = await db.select().from(pushes).where(eq(pushes.id, record.id))
      return first!
    },
    async finish(id, answer) {
      await db.update(pushes).set({ answer }).where(eq(pushes.id, id))
    },
  }
}
