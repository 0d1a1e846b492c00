import { eq } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import type { PushRecords } from '../platform.ts'
import { pushes } from './registry-schema.ts'
import { unavailableOnOutage } from './unavailable-on-outage.ts'

/** Pushes under an `Idempotency-Key`, in D1. */
export function pushesD1(db: DrizzleD1Database): PushRecords {
  async function find(id: string) {
    const [row] = await db.select().from(pushes).where(eq(pushes.id, id))
    return row
  }
  return unavailableOnOutage('the records of pushes in D1', {
    find,
    async begin(record) {
      await db.insert(pushes).values(record).onConflictDoNothing()
      return (await find(record.id))!
    },
    async finish(id, answer) {
      await db.update(pushes).set({ answer }).where(eq(pushes.id, id))
    },
  })
}
