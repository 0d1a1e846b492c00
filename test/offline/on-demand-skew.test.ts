import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeAsciiString } from '../../src/core/json.ts'
import { formatInstant, parseInstant } from '../../src/core/time.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { parseLabels } from '../../src/offline/parse-labels.ts'
import { retrieveHistory } from '../../src/offline/retrieve-history.ts'
import { parseEntities } from '../../src/online/parse-entities.ts'
import type { FeatureRow } from '../../src/online/read-features.ts'
import { serveFeatures } from '../../src/online/serve-features.ts'
import { resolveForHistory, resolveInNewest } from '../../src/registry/resolve-name.ts'
import { applyClicks } from '../platform/clicks.ts'
import { statusesOf, valuesOf } from '../platform/feature-row.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'
import { RATIO_NAMES, RATIOS } from '../platform/ratios.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const SECOND = 1_000_000
const USERS = ['ann', 'a"b,c', 'ü']
const ITEMS = [1, 2]
const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

const price = fc.option(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(INT64_MIN, INT64_MAX)))
const budget = fc.oneof(fc.integer({ min: -2, max: 2 }), fc.constantFrom(INT64_MIN, INT64_MAX))
const arbitraryRow = fc.record({ user: fc.constantFrom(...USERS), item: fc.constantFrom(...ITEMS), price })
const arbitraryHistory = fc.record({
  pushes: fc.array(fc.array(arbitraryRow, { minLength: 1, maxLength: 3 }), { maxLength: 6 }),
  budgets: fc.array(budget, { minLength: 6, maxLength: 6 }),
  /** How far apart pushes are: some values are past their ttl of 100 s, some are not in segments yet. */
  pause: fc.integer({ min: 1, max: 60 }),
  isCut: fc.boolean(),
})

type MemoryPlatform = ReturnType<typeof memoryPlatform>
type History = typeof arbitraryHistory extends fc.Arbitrary<infer T> ? T : never

/** Takes the pushes in one after another; `observe` is called between them and after the last. */
async function play({ pushes, pause, isCut }: History, observe: (platform: MemoryPlatform) => Promise<void>) {
  const platform = memoryPlatform(START)
  await applyClicks(platform, RATIOS)
  for (const rows of pushes) {
    platform.time.now += pause * SECOND
    const at = formatInstant(platform.time.now)
    await pushEvents(platform, { source: 'clicks', events: rows.map((row) => ({ ...row, at, made: at })) })
    await platform.consume()
    await platform.flush({ cut: isCut })
    await observe(platform)
  }
  platform.time.now += pause * SECOND
  await platform.flush()
  await observe(platform)
  return platform
}

interface Prices {
  readonly user_price: bigint | null
  readonly item_price: bigint | null
}

/** What the features are meant to be, by name, told from the stored ones without the expressions. */
function oracle({ user_price, item_price }: Prices, budget: bigint, user: string) {
  const gap = (item_price ?? 0n) - budget
  const isOverflow = gap < INT64_MIN || gap > INT64_MAX
  const log = item_price === null ? null : item_price > 0n ? Math.log(Number(item_price)) : 'error'
  return {
    r_per_budget: user_price === null || budget === 0n ? null : Number(user_price) / Number(budget),
    r_gap: isOverflow ? 'error' : gap,
    r_log_price: log,
    user_price,
    verdict: isOverflow ? 'error' : gap > 0n ? `dear to ${user}` : null,
    twice_log: typeof log === 'number' ? log * 2 : log,
    item_price,
  }
}

function textOf(value: bigint | number | string | null): string {
  if (value === 'error') return 'null'
  if (typeof value === 'bigint' || value === null) return String(value)
  if (typeof value === 'string') return encodeAsciiString(value)
  return Object.is(value, -0) ? '-0' : String(value)
}

test('Get at a time equals the historical row at that time and the plain oracle for on-demand features (S22)', async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryHistory, async (history) => {
      const entities = USERS.flatMap((user) => ITEMS.map((item) => ({ user, item }))).map((entity, at) => {
        return { ...entity, budget: history.budgets[at]! }
      })
      const seen: FeatureRow[] = []
      const labels: object[] = []
      const platform = await play(history, async (at) => {
        at.memory.blocks.entries.clear()
        const { rows } = await serveFeatures(at, 'ranker', {
          parseRows: (service) => parseEntities(service, entities),
          features: undefined,
          consistency: 'eventual',
        })
        seen.push(...rows)
        const event_time = formatInstant(at.time.now)
        labels.push(...entities.map((entity) => ({ ...entity, event_time })))
      })
      const resolved = await resolveForHistory(platform, 'ranker')
      const offline = await retrieveHistory(platform, resolved, {
        labels: parseLabels(
          resolved.service,
          labels.map((label) => ({ ...label })),
        ),
        asOf: undefined,
        isKnowledgeCutoff: false,
      })
      expect(offline.rows).toHaveLength(seen.length)
      for (const [at, row] of seen.entries()) {
        const values = valuesOf(row)
        const statuses = statusesOf(row)
        expect(offline.rows[at]!.slice(-RATIO_NAMES.length)).toEqual(values)
        expect(offline.statuses[at]).toEqual(statuses)
        const stored = (name: 'user_price' | 'item_price') => {
          const text = values[RATIO_NAMES.indexOf(name)]!
          return text === 'null' ? null : BigInt(text)
        }
        const { user, budget: limit } = entities[at % entities.length]!
        const prices = { user_price: stored('user_price'), item_price: stored('item_price') }
        const expected = oracle(prices, BigInt(limit), user)
        for (const [place, name] of RATIO_NAMES.entries()) {
          const value = expected[name]
          expect(values[place]).toBe(textOf(value))
          if (name === 'user_price' || name === 'item_price') continue
          const status = value === 'error' ? 'error' : value === null ? 'null' : 'present'
          expect(statuses[place]).toBe(status)
        }
      }
    }),
    { numRuns: 150 },
  )
})

test('a label without a request input, or with one of another type, is refused by row and column (S24)', async () => {
  const platform = memoryPlatform(START)
  await applyClicks(platform, RATIOS)
  const { service } = await resolveInNewest(platform, 'ranker')
  const label = { user: 'ann', item: 1, event_time: formatInstant(START) }
  const labels = [{ ...label, budget: 1 }, label, { ...label, budget: null }, { ...label, budget: 1.5 }]
  expect(() => parseLabels(service, labels)).toThrow(
    expect.objectContaining({
      code: 'invalid_argument',
      details: {
        faults: [
          { row: 1, name: 'budget', message: 'it is not given, a value is needed' },
          { row: 2, name: 'budget', message: 'it is null, a value is needed' },
          { row: 3, name: 'budget', message: 'Cannot read 1.5 as int64' },
        ],
        fault_count: 3,
      },
    }),
  )
})
