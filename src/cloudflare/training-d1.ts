import { and, asc, desc, eq, isNotNull, isNull, lte, sql } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import type { TrainingRecords } from '../platform.ts'
import { isOlder } from './is-older.ts'
import { trainingDatasets, trainingSchedules, trainingSteps } from './registry-schema.ts'

/** Training datasets, steps and schedules in D1. */
export function trainingD1(db: DrizzleD1Database): TrainingRecords {
  async function find(id: string) {
    const [row] = await db.select().from(trainingDatasets).where(eq(trainingDatasets.id, id))
    return row
  }
  return {
    find,
    async begin(dataset) {
      await db.insert(trainingDatasets).values(dataset).onConflictDoNothing()
      return (await find(dataset.id))!
    },
    list: ({ after, countMax }) =>
      db
        .select()
        .from(trainingDatasets)
        .where(isOlder(trainingDatasets.createdTime, trainingDatasets.id, after))
        .orderBy(desc(trainingDatasets.createdTime), desc(trainingDatasets.id))
        .limit(countMax),
    async update(id, change) {
      await db.update(trainingDatasets).set(change).where(eq(trainingDatasets.id, id))
    },
    async readSteps(id) {
      const rows = await db.select().from(trainingSteps).where(eq(trainingSteps.dataset, id))
      return new Map(rows.map(({ step, content }) => [step, content]))
    },
    async writeStep(dataset, step, content) {
      await db
        .insert(trainingSteps)
        .values({ dataset, step, content })
        .onConflictDoUpdate({ target: [trainingSteps.dataset, trainingSteps.step], set: { content } })
    },
    async deleteSteps(id) {
      await db.delete(trainingSteps).where(eq(trainingSteps.dataset, id))
    },
    async touch(views, reason) {
      const reads = sql`EXISTS (SELECT 1 FROM json_each(${trainingDatasets.pins}, '$.views') AS read
        JOIN json_each(${JSON.stringify(views)}) AS touched ON read.value = touched.value)`
      await db
        .update(trainingDatasets)
        .set({ touched: reason })
        .where(and(isNull(trainingDatasets.touched), reads))
    },
    async beginSchedule(schedule) {
      await db.insert(trainingSchedules).values(schedule).onConflictDoNothing()
    },
    async findSchedule(id) {
      const [row] = await db.select().from(trainingSchedules).where(eq(trainingSchedules.id, id))
      return row
    },
    listSchedules: ({ after, countMax }) =>
      db
        .select()
        .from(trainingSchedules)
        .where(isOlder(trainingSchedules.createdTime, trainingSchedules.id, after))
        .orderBy(desc(trainingSchedules.createdTime), desc(trainingSchedules.id))
        .limit(countMax),
    listDueSchedules: ({ now, countMax }) =>
      db
        .select()
        .from(trainingSchedules)
        .where(and(lte(trainingSchedules.nextTime, now), lte(trainingSchedules.leaseTime, now)))
        .orderBy(asc(trainingSchedules.nextTime), asc(trainingSchedules.id))
        .limit(countMax),
    async leaseSchedule(id, dueTime, { now, until }) {
      const leased = await db
        .update(trainingSchedules)
        .set({ leaseTime: until })
        .where(
          and(
            eq(trainingSchedules.id, id),
            eq(trainingSchedules.nextTime, dueTime),
            lte(trainingSchedules.leaseTime, now),
          ),
        )
        .returning({ id: trainingSchedules.id })
      return leased.length > 0
    },
    async advanceSchedule(id, dueTime, nextTime) {
      await db
        .update(trainingSchedules)
        .set({ nextTime, leaseTime: 0 })
        .where(and(eq(trainingSchedules.id, id), eq(trainingSchedules.nextTime, dueTime)))
    },
    async cancelSchedule(id) {
      const cancelled = await db
        .update(trainingSchedules)
        .set({ nextTime: null })
        .where(and(eq(trainingSchedules.id, id), isNotNull(trainingSchedules.nextTime)))
        .returning({ id: trainingSchedules.id })
      return cancelled.length > 0
    },
  }
}
