import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { parseLabels } from '../../src/offline/parse-labels.ts'
import { retrieveHistory } from '../../src/offline/retrieve-history.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { readFeatures } from '../../src/online/read-features.ts'
import { resolveForHistory, resolveInNewest } from '../../src/registry/resolve-name.ts'
import { type OracleRow, oracleValue } from '../oracles/latest-row.ts'
import { applyClicks } from '../platform/clicks.ts'
import { statusesOf, valuesOf } from '../platform/feature-row.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000
const USERS = ['ann', 'bob', 'a"b,c', 'ü']
const ITEMS = [1, 2, 9_007_199_254_740_993n]
const TTL_US = 100 * SECOND

/** One push: rows a little before or after its door time, with ties in event and created time. */
const arbitraryRow = fc.record({
  user: fc.constantFrom(...USERS),
  item: fc.constantFrom(...ITEMS),
  atOffset: fc.integer({ min: -20, max: 0 }),
  madeOffset: fc.integer({ min: -3, max: 3 }),
  price: fc.option(fc.integer({ min: -5, max: 5 })),
})
const arbitraryHistory = fc.record({
  pushes: fc.array(fc.array(arbitraryRow, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 }),
  /** What happens after each push, in turn. */
  effects: fc.array(fc.constantFrom('none', 'flush', 'cut', 'crash', 'redeliver'), {
    minLength: 12,
    maxLength: 12,
  }),
  later: fc.integer({ min: 0, max: 130 }),
})

test('Get at a time equals the historical row at that time and the plain oracle (S22) on random histories', async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryHistory, async ({ pushes, effects, later }) => {
      const platform = memoryPlatform(START)
      await applyClicks(platform)
      const users: OracleRow[] = []
      const items: OracleRow[] = []
      for (const [turn, rows] of pushes.entries()) {
        platform.time.now += 5 * SECOND
        const doorTime = platform.time.now
        const times = rows.map(({ atOffset, madeOffset }) => ({
          at: doorTime + atOffset * SECOND,
          made: doorTime + madeOffset * SECOND,
        }))
        const events = rows.map(({ user, item, price }, index) => {
          const { at, made } = times[index]!
          return { at: formatInstant(at), made: formatInstant(made), user, item, price }
        })
        const { push_id, accepted } = await pushEvents(platform, { source: 'clicks', events })
        expect(accepted).toBe(rows.length)
        rows.forEach(({ user, item, price }, index) => {
          const stamp = {
            eventTime: times[index]!.at,
            createdTime: times[index]!.made,
            ingestTime: doorTime,
            sequenceTime: doorTime,
            sequenceOrigin: push_id,
            sequenceIndex: index,
          }
          const value = price === null ? null : BigInt(price)
          users.push({ ...stamp, key: user, value })
          items.push({ ...stamp, key: String(item), value })
        })
        const messages = [...platform.queue]
        await platform.consume()
        const effect = effects[turn % effects.length]
        if (effect === 'redeliver') platform.queue.push(...messages)
        await platform.consume()
        if (effect === 'flush') await platform.flush()
        if (effect === 'cut') await platform.flush({ cut: true })
        if (effect === 'crash') platform.crash()
      }
      platform.time.now += later * SECOND
      await platform.flush()
      const now = platform.time.now
      const resolved = await resolveForHistory(platform, 'ranker')
      const entities = USERS.flatMap((user) => ITEMS.map((item) => ({ user, item })))
      const online = await readFeatures(platform, await resolveInNewest(platform, 'ranker'), {
        rows: parseEntities(resolved.service, entities),
        consistency: 'eventual',
      })
      const history = async (at: number, options: { asOf?: number; isKnowledgeCutoff?: boolean }) => {
        const labels = entities.map((entity) => ({ ...entity, event_time: formatInstant(at) }))
        return retrieveHistory(platform, resolved, {
          labels: parseLabels(resolved.service, labels),
          asOf: options.asOf,
          isKnowledgeCutoff: options.isKnowledgeCutoff ?? false,
        })
      }
      const atNow = await history(now, {})
      const expected = (at: number, options: { asOf?: number; isKnowledgeCutoff?: boolean }) =>
        entities.map(({ user, item }) => [
          oracleValue(users, user, at, { ttlUs: TTL_US, ...options }),
          oracleValue(items, String(item), at, { ttlUs: null, ...options }),
        ])
      const oracle = expected(now, {})
      online.rows.forEach((row, at) => {
        expect(valuesOf(row)).toEqual(oracle[at]!.map(({ value }) => String(value)))
        expect(statusesOf(row)).toEqual(oracle[at]!.map(({ status }) => status))
        expect(atNow.rows[at]!.slice(-2)).toEqual(valuesOf(row))
        expect(atNow.statuses[at]).toEqual(statusesOf(row))
      })
      // The past, as it was and as it was known.
      const past = START + 20 * SECOND
      for (const options of [{}, { asOf: START + 30 * SECOND }, { isKnowledgeCutoff: true }]) {
        const then = await history(past, options)
        expect(then.statuses).toEqual(expected(past, options).map((row) => row.map(({ status }) => status)))
        expect(then.rows.map((row) => row.slice(-2))).toEqual(
          expected(past, options).map((row) => row.map(({ value }) => String(value))),
        )
      }
    }),
    { numRuns: 150 },
  )
})
