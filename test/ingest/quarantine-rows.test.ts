import { expect, test } from 'vitest'
import { parseInstant } from '../../src/core/time.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const event = (price: string | number) => ({
  at: '2026-01-01T00:00:00Z',
  made: '2026-01-01T00:00:00Z',
  user: 'ann',
  item: 1,
  price,
})

test('an overflow in one row keeps that row from that view alone, with the reason (S14, S26)', async () => {
  const platform = memoryPlatform(START)
  const [lastClick, lastSale] = CLICKS.feature_views!
  const doubled = { ...lastClick!, features: [{ name: 'price', type: 'int64' as const, sql: 'price * 2' }] }
  await applyClicks(platform, { ...CLICKS, feature_views: [doubled, lastSale!] })
  const events = [event(1), event('9223372036854775807'), event(3)]
  const { accepted } = await pushEvents(platform, { source: 'clicks', events })
  expect(accepted).toBe(3)
  expect(await platform.consume()).toEqual([{ status: 'done' }])
  const [summary] = await platform.quarantine.list({ source: 'clicks', countMax: 10 })
  const batch = await platform.quarantine.read('clicks', summary!.id)
  expect(batch!.rows).toMatchObject([
    { index: 1, view: 'last_click@1', reason: expect.stringMatching(/outside int64/) },
  ])
  await platform.flush({ cut: true })
  const rowCounts = (view: string) =>
    [...platform.manifest.values()].filter((segment) => segment.view === view).map(({ rowCount }) => rowCount)
  expect(rowCounts('last_click')).toEqual([2])
  expect(rowCounts('last_sale')).toEqual([3])
})

test('a row that a view takes many times over stays from that view alone, where no writer can keep it', async () => {
  const platform = memoryPlatform(START)
  const [lastClick, lastSale] = CLICKS.feature_views!
  const features = Array.from({ length: 25 }, (_, at) => ({
    name: `user${at}`,
    type: 'string' as const,
    sql: 'user',
  }))
  const keyed = { ...lastClick!, join_keys: { user: "'ann'" } }
  for (const [at, view] of [keyed, { ...lastClick!, entity: 'item' }].entries()) {
    await applyClicks(platform, { ...CLICKS, feature_views: [{ ...view, features }, lastSale!] })
    await pushEvents(platform, { source: 'clicks', events: [{ ...event(1), user: 'x'.repeat(47_000) }] })
    expect(await platform.consume()).toEqual([{ status: 'done' }])
    const kept = await platform.quarantine.list({ source: 'clicks', countMax: 10 })
    expect(kept.map(({ reason }) => reason)).toEqual(
      Array(at + 1).fill(expect.stringMatching(/it is 1175074 characters long, at most 1000000/)),
    )
    platform.time.now += 1_000_000
  }
  await platform.flush({ cut: true })
  const sales = [...platform.manifest.values()].filter(({ view }) => view === 'last_sale')
  expect(sales.reduce((sum, { rowCount }) => sum + rowCount, 0)).toBe(2)
})

test('a row of which a view makes more than a writer can keep stays from that view alone, with the reason', async () => {
  const platform = memoryPlatform(START)
  const [lastClick, lastSale] = CLICKS.feature_views!
  // Eleven strings of the length that expressions may make.
  const features = Array.from({ length: 11 }, (_, at) => ({
    name: `text${at}`,
    type: 'string' as const,
    sql: `repeat('x', price)`,
  }))
  await applyClicks(platform, { ...CLICKS, feature_views: [{ ...lastClick!, features }, lastSale!] })
  await pushEvents(platform, { source: 'clicks', events: [event(10), event(100_000)] })
  expect(await platform.consume()).toEqual([{ status: 'done' }])
  const [summary] = await platform.quarantine.list({ source: 'clicks', countMax: 10 })
  expect((await platform.quarantine.read('clicks', summary!.id))!.rows).toMatchObject([
    {
      index: 1,
      view: 'last_click@1',
      reason: expect.stringMatching(/it is 1100032 characters long, at most 1000000/),
    },
  ])
})
