import { setImmediate } from 'node:timers/promises'
import { beforeEach, expect, test } from 'vitest'
import { FeatureStoreError } from '../../src/core/error.ts'
import { parseInstant } from '../../src/core/time.ts'
import { deleteKeys } from '../../src/ingest/delete-keys.ts'
import { keepDeadLetters } from '../../src/ingest/keep-dead-letters.ts'
import { readLabel } from '../../src/ingest/message-label.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { encodeMessage } from '../../src/ingest/queue-message.ts'
import type { Delivery } from '../../src/platform.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const EVENT = { at: '2026-01-01T00:00:00Z', made: '2026-01-01T00:00:00Z', user: 'ann', item: 1, price: 7 }

let platform: MemoryPlatform
beforeEach(async () => {
  platform = memoryPlatform(START)
  await applyClicks(platform)
})

async function push(): Promise<string> {
  await pushEvents(platform, { source: 'clicks', events: [EVENT] })
  return platform.queue.at(-1)!
}

/** Brings a message to the dead letters, as the queue does, and reads what was kept of it. */
async function keep(body: string) {
  await keepDeadLetters(platform, [{ body, attempts: 1, sentTime: START }])
  const [letter] = await platform.deadLetters.find([readLabel(body).id])
  return letter!
}

test('consumeMessages() notes why a message failed and how often it was tried', async () => {
  const body = await push()
  await applyClicks(platform, { ...CLICKS, sources: [], feature_views: [], feature_services: [] })
  expect(await platform.consume(4)).toMatchObject([{ status: 'retry' }])
  expect(await keep(body)).toMatchObject({
    id: readLabel(body).id,
    source: 'clicks',
    rows: 1,
    time: START,
    reason: 'There is no source "clicks" any more',
    attempts: 4,
    status: 'kept',
  })
})

test('consumeMessages() forgets the failure of a message that is taken in later', async () => {
  const body = await push()
  await platform.deadLetters.noteFailures([
    { id: readLabel(body).id, reason: 'an outage', attempts: 1, time: START },
  ])
  expect(await platform.consume(2)).toEqual([{ status: 'done' }])
  expect((await keep(body)).attempts).toBe(0)
})

test('consumeMessages() lets a message come again whose failure cannot be noted', async () => {
  const body = 'damaged'
  platform.queue.push(body)
  platform.faults.add('noteFailures')
  expect(await platform.consume()).toMatchObject([
    { status: 'retry', reason: expect.stringMatching(/cannot be read/) },
  ])
  expect(platform.logged.some((line) => line.startsWith('Failures of messages could not be noted'))).toBe(
    true,
  )
})

test('consumeMessages() takes every other message of a batch in whatever one of them holds', async () => {
  await push()
  const head = {
    kind: 'events' as const,
    id: 'odd.0',
    source: 'clicks',
    pushId: 'odd',
    doorTime: START,
    columns: ['at'],
  }
  platform.queue.push(encodeMessage({ ...head, rows: [{ index: 0, cells: 'no cells' }] }), '', '{}')
  await push()
  const outcomes = await platform.consume()
  expect(outcomes.map(({ status }) => status)).toEqual(['done', 'retry', 'retry', 'retry', 'done'])
})

test('consumeMessages() tries a batch once when the store cannot be reached', async () => {
  await push()
  await push()
  let reads = 0
  platform.registry.readGeneration = async () => {
    reads++
    throw new FeatureStoreError('unavailable', 'Cannot reach D1')
  }
  expect(await platform.consume()).toEqual([
    { status: 'retry', reason: 'Cannot reach D1' },
    { status: 'retry', reason: 'Cannot reach D1' },
  ])
  expect(reads).toBe(1)
})

test('readLabel() calls a body that cannot be read the same every time, and other bodies otherwise', () => {
  const bodies = ['', '{', '{}', '{"id":"../up","doorTime":1}', '{"id":"a","doorTime":"soon"}', 'text\nrow']
  const labels = bodies.map(readLabel)
  expect(labels).toEqual(bodies.map(readLabel))
  expect(new Set(labels.map(({ id }) => id)).size).toBe(bodies.length)
  for (const label of labels) {
    expect(label).toMatchObject({ source: null, rows: null, doorTime: null })
    expect(label.id).toMatch(/^unread-[0-9a-f]{32}$/)
  }
})

test('readLabel() needs no source', () => {
  const label = { id: 'deletion-1.0', source: null, rows: 2, doorTime: 5 }
  expect(readLabel('{"id":"deletion-1.0","doorTime":5,"entity":"user"}\n"ann"\n"bob"')).toEqual(label)
})

test('consumeMessages() holds no more rows at once than an isolate has room for, however many a batch makes', async () => {
  const [counts, held] = [{ rows: 0, max: 0 }, { ...platform.writers }]
  Object.assign(platform, {
    writers: {
      ...held,
      async deliver(delivery: Delivery) {
        const rows = delivery.groups.reduce((sum, group) => sum + group.rows.split('\n').length, 0)
        counts.rows += rows
        counts.max = Math.max(counts.max, counts.rows)
        await setImmediate()
        counts.rows -= rows
        return held.deliver(delivery)
      },
    },
  })
  for (let times = 0; times < 4; times++)
    await pushEvents(platform, { source: 'clicks', events: Array(10_000).fill(EVENT) })
  // Of each row two views make one.
  expect(new Set((await platform.consume()).map(({ status }) => status))).toEqual(new Set(['done']))
  expect(counts.max).toBeGreaterThan(20_000)
  expect(counts.max).toBeLessThanOrEqual(50_000)

  counts.max = 0
  const names = Array.from({ length: 50 }, (_, at) => `view${at}`)
  const [view] = CLICKS.feature_views!
  await applyClicks(platform, {
    ...CLICKS,
    feature_views: [...CLICKS.feature_views!, ...names.map((name) => ({ ...view!, name }))],
  })
  const keys = Array.from({ length: 2_000 }, (_, at) => ({ user: `user${at}` }))
  await deleteKeys(platform, { entity: 'user', keys, eventTime: START, views: names })
  expect(new Set((await platform.consume()).map(({ status }) => status))).toEqual(new Set(['done']))
  expect(counts.max).toBeGreaterThan(20_000)
  expect(counts.max).toBeLessThanOrEqual(50_000)
})
