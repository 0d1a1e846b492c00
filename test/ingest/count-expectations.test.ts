import { beforeEach, expect, test } from 'vitest'
import { parseInstant } from '../../src/core/time.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { readExpectations } from '../../src/registry/read-expectations.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const event = (price: number | null) => ({
  at: '2026-01-01T00:00:00Z',
  made: '2026-01-01T00:00:00Z',
  user: 'ann',
  item: 1,
  price,
})
const [source] = CLICKS.sources!
const expectations = (usual: string) => [
  { name: 'sane', sql: 'price < 1000', on_failure: 'reject' as const },
  { name: 'small', sql: 'price < 500', on_failure: 'reject' as const },
  { name: 'usual', sql: usual, on_failure: 'quarantine' as const },
  { name: 'cheap', sql: 'price < 100', on_failure: 'warn' as const },
]
const apply = (usual: string) =>
  applyClicks(platform, { ...CLICKS, sources: [{ ...source!, expectations: expectations(usual) }] })

let platform: MemoryPlatform
beforeEach(async () => {
  platform = memoryPlatform(START)
  await apply('price >= 0')
})

async function unmet(): Promise<Record<string, number>> {
  const found = await readExpectations(platform, 'clicks')
  return Object.fromEntries(found.map(({ definition, sum }) => [definition.name, sum?.unmet ?? 0]))
}

const PRICES = [1, null, 2_000, 600, 200, -1, 150]

test('each expectation counts the rows that do not meet it; null meets (S26)', async () => {
  await pushEvents(platform, { source: 'clicks', events: PRICES.map(event) })
  await platform.consume()
  expect(await unmet()).toEqual({ sane: 1, small: 2, usual: 1, cheap: 2 })
})

test('a message delivered twice, and a push retried under its key, are counted once (S9)', async () => {
  const push = {
    source: 'clicks',
    events: PRICES.map(event),
    idempotency: { token: 'test', key: 'once' },
  }
  await pushEvents(platform, push)
  const bodies = [...platform.queue]
  await platform.consume()
  platform.queue.push(...bodies)
  await platform.consume()
  await pushEvents(platform, push)
  await platform.consume()
  expect(await unmet()).toEqual({ sane: 1, small: 2, usual: 1, cheap: 2 })
})

test('a message whose tallies cannot be kept comes again, and is counted then', async () => {
  const { write } = platform.expectationTallies
  const failing = { ...platform.expectationTallies, write: () => Promise.reject(new Error('D1 is down')) }
  Object.assign(platform, { expectationTallies: failing })
  await pushEvents(platform, { source: 'clicks', events: [event(150)] })
  const [body] = platform.queue
  expect(await platform.consume()).toMatchObject([
    { status: 'retry', reason: expect.stringMatching(/could not be counted: .*D1 is down/) },
  ])
  Object.assign(platform, { expectationTallies: { ...failing, write } })
  platform.queue.push(body!)
  await platform.consume()
  expect(await unmet()).toMatchObject({ cheap: 1 })
})

test('a push that meets every expectation sends nothing more than its rows', async () => {
  await pushEvents(platform, { source: 'clicks', events: [event(1), event(2)] })
  expect(platform.queue).toHaveLength(1)
})
