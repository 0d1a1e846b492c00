import { eq, lt, sql } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import type { ExpectationSum, ExpectationTallies } from '../platform.ts'
import { expectationSums, expectationTallies } from './registry-schema.ts'
import { unavailableOnOutage } from './unavailable-on-outage.ts'

/** Tallies of the last day by id, so that what comes again counts once; older ones added up, by expectation. */
export function expectationTalliesD1(db: DrizzleD1Database): ExpectationTallies {
  return unavailableOnOutage('the tallies of expectations in D1', {
    async write(tallies) {
      // One statement and one parameter, however many there are: a statement may have no more than 100.
      const rows = tallies.map((tally) => ({ ...tally, counts: JSON.stringify(tally.counts) }))
      await db
        .insert(expectationTallies)
        .select(
          sql`SELECT value ->> 'source', value ->> 'id', value ->> 'time', value ->> 'counts'
            FROM json_each(${JSON.stringify(rows)}) WHERE true`,
        )
        .onConflictDoUpdate({
          target: [expectationTallies.source, expectationTallies.id],
          set: { time: sql`excluded.time`, counts: sql`excluded.counts` },
        })
    },
    async read(source, since) {
      const { time } = expectationTallies
      const recent = await db
        .select({
          expectation: sql<string>`one.key`,
          unmet: sql<number>`sum(one.value)`,
          unmetSince: sql<number>`sum(iif(${time} >= ${since}, one.value, 0))`,
          newestTime: sql<number>`max(${time})`,
        })
        .from(sql`${expectationTallies}, json_each(${expectationTallies.counts}) AS one`)
        .where(eq(expectationTallies.source, source))
        .groupBy(sql`one.key`)
      const folded = await db.select().from(expectationSums).where(eq(expectationSums.source, source))
      const sums = new Map<string, ExpectationSum>()
      for (const { expectation, unmet, newestTime } of folded)
        sums.set(expectation, { unmet, unmetSince: 0, newestTime })
      for (const { expectation, ...sum } of recent)
        sums.set(expectation, { ...sum, unmet: sum.unmet + (sums.get(expectation)?.unmet ?? 0) })
      return Object.fromEntries(sums)
    },
    async fold(before) {
      const old = lt(expectationTallies.time, before)
      await db.batch([
        db
          .insert(expectationSums)
          .select(
            sql`SELECT ${expectationTallies.source}, one.key, sum(one.value), max(${expectationTallies.time})
              FROM ${expectationTallies}, json_each(${expectationTallies.counts}) AS one
              WHERE ${old} GROUP BY 1, 2`,
          )
          .onConflictDoUpdate({
            target: [expectationSums.source, expectationSums.expectation],
            set: {
              unmet: sql`expectation_sums.unmet + excluded.unmet`,
              newestTime: sql`max(expectation_sums.newest_time, excluded.newest_time)`,
            },
          }),
        db.delete(expectationTallies).where(old),
      ])
    },
  })
}
