import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AGGREGATION_FUNCTIONS } from '../../src/core/aggregate/aggregation-function.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { decodeValue, type Value } from '../../src/core/value.ts'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { parseLabels } from '../../src/offline/parse-labels.ts'
import { retrieveHistory } from '../../src/offline/retrieve-history.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import { readFeatures } from '../../src/online/read-features.ts'
import { resolveForHistory, resolveInNewest } from '../../src/registry/resolve-name.ts'
import { type OracleEvent, oracleWindow } from '../oracles/windows.ts'
import { applyClicks } from '../platform/clicks.ts'
import { statusesOf, valuesOf } from '../platform/feature-row.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-03-28T23:50:00Z')
const SECOND = 1_000_000
const USERS = ['ann', 'b"ob']
const WINDOWS = { '10m': 600, '1h': 3_600, '13h': 46_800 } as const
const N = 3

/** Every function over every window, of a float and of an int64; events are known by an id. */
const DEFINITIONS: DefinitionSetInput = {
  entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 2 }],
  sources: [
    {
      name: 'orders',
      event_time: 'at',
      created_time: 'made',
      event_id: 'id',
      schema: [
        { name: 'at', type: 'timestamp' },
        { name: 'made', type: 'timestamp' },
        { name: 'id', type: 'string' },
        { name: 'user', type: 'string' },
        { name: 'price', type: 'float64' },
      ],
    },
  ],
  feature_views: [
    {
      name: 'spending',
      entity: 'user',
      source: 'orders',
      join_keys: { user: 'lower(user)' },
      where: 'price is null or price > -1e9',
      aggregations: AGGREGATION_FUNCTIONS.map((name) => ({
        name,
        function: name,
        sql: 'price * 2',
        windows: Object.keys(WINDOWS),
        ...(name.endsWith('_n') ? { n: N } : {}),
        ...(name === 'approx_quantile' ? { quantile: 0.5 } : {}),
      })),
    },
  ],
  feature_services: [
    {
      name: 'ranker',
      features: [
        { view: 'spending' },
        { view: 'spending', features: ['max_1h', 'sum_10m'], prefix: 'some_' },
      ],
    },
  ],
}

const arbitraryOrder = fc.record({
  user: fc.constantFrom(...USERS),
  id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
  /** Seconds before the door; far back to reach the tails of the windows. */
  age: fc.oneof(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 50_000 })),
  price: fc.option(
    fc.oneof(
      fc.integer({ min: -50, max: 50 }),
      fc.integer({ min: -1e9, max: 1e9 }).map((cents) => cents / 1_000),
    ),
  ),
})

const arbitraryHistory = fc.record({
  pushes: fc.array(fc.array(arbitraryOrder, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 8 }),
  effects: fc.array(fc.constantFrom('none', 'flush', 'cut', 'crash', 'redeliver'), {
    minLength: 8,
    maxLength: 8,
  }),
  pause: fc.integer({ min: 1, max: 1_000 }),
  later: fc.oneof(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 60_000 })),
})

interface Order extends OracleEvent {
  readonly user: string
  readonly id: string
}

test('windows of every function are at Get what they are in history and by the plain oracle (S9, S17-S20, S22)', async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryHistory, async ({ pushes, effects, pause, later }) => {
      const platform = memoryPlatform(START)
      await applyClicks(platform, DEFINITIONS)
      const orders: Order[] = []
      for (const [turn, rows] of pushes.entries()) {
        platform.time.now += pause * SECOND
        const door = platform.time.now
        const events = rows.map(({ user, id, age, price }) => ({
          at: formatInstant(door - age * SECOND),
          made: formatInstant(door),
          // The event's time is part of what it is: the same id at another time is another event.
          id,
          user: user.toUpperCase(),
          price,
        }))
        expect((await pushEvents(platform, { source: 'orders', events })).accepted).toBe(rows.length)
        rows.forEach(({ user, id, age, price }) => {
          const eventTime = door - age * SECOND
          const isKnown = orders.some(
            (one) => one.user === user && one.id === id && one.eventTime === eventTime,
          )
          const value = price === null ? null : price * 2
          if (!isKnown)
            orders.push({ user, id, eventTime, createdTime: door, sequence: orders.length, value })
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
      const { features } = resolved.service
      const read = await readFeatures(platform, await resolveInNewest(platform, 'ranker'), {
        rows: parseEntities(
          resolved.service,
          USERS.map((user) => ({ user })),
        ),
        consistency: 'eventual',
      })
      const history = async (at: number) =>
        retrieveHistory(platform, resolved, {
          labels: parseLabels(
            resolved.service,
            USERS.map((user) => ({ user, event_time: formatInstant(at) })),
          ),
          asOf: undefined,
          isKnowledgeCutoff: false,
        })
      const shown = USERS.map((_, at) => ({
        values: valuesOf(read.rows[at]!),
        statuses: statusesOf(read.rows[at]!),
      }))
      expectTruth(shown, now)
      for (const at of [now, START + pause * SECOND, now - 700 * SECOND]) {
        const then = await history(at)
        expectTruth(
          USERS.map((_, row) => ({
            values: then.rows[row]!.slice(-features.length),
            statuses: then.statuses[row]!,
          })),
          at,
        )
      }

      function expectTruth(
        rows: readonly { readonly values: readonly string[]; readonly statuses: readonly string[] }[],
        at: number,
      ) {
        USERS.forEach((user, row) => {
          const own = orders.filter((order) => order.user === user)
          features.forEach(({ name, type }, position) => {
            const cut = name.lastIndexOf('_')
            const function_ = name.slice(0, cut).replace(/^some_/, '')
            const window = name.slice(cut + 1) as keyof typeof WINDOWS
            const expected = oracleWindow(
              own,
              {
                function: function_,
                inputType: 'float64',
                windowUs: WINDOWS[window] * SECOND,
                hopUs: null,
                n: N,
                quantile: 0.5,
                maxDistinct: 1_000,
              },
              at,
            )
            const { values, statuses } = rows[row]!
            expect(statuses[position], `${name} of ${user}`).toBe(expected.status)
            expectNear(decodeValue(type, values[position]!), expected.value, expected.tolerance, name)
          })
        })
      }
    }),
    { numRuns: 60 },
  )
})

function expectNear(actual: Value, expected: Value, tolerance: number, name: string): void {
  if (tolerance === 0 || actual === null || expected === null) expect(actual, name).toEqual(expected)
  else expect(Math.abs(Number(actual) - Number(expected)), name).toBeLessThanOrEqual(tolerance)
}
