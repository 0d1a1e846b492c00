import { beforeEach, expect, test } from 'vitest'
import { tick } from '../../src/cloudflare/cron.ts'
import { consumeQueue } from '../../src/cloudflare/queue-consumer.ts'
import { readLabel } from '../../src/ingest/message-label.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { applyClicks } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = 1_767_225_600_000_000
const EVENT = { at: '2026-01-01T00:00:00Z', made: '2026-01-01T00:00:00Z', user: 'ann', item: 1, price: 7 }

let platform: MemoryPlatform
let outcomes: (string | number)[]
beforeEach(async () => {
  platform = memoryPlatform(START)
  await applyClicks(platform)
  outcomes = []
})

/** A batch of one queue whose acks and retries (their delays) are written down by position. */
function batch(queue: string, bodies: readonly unknown[], attempts = 1): MessageBatch<unknown> {
  const messages = bodies.map((body, at) => ({
    id: `queue-${at}`,
    timestamp: new Date(START / 1_000),
    body,
    attempts,
    ack() {
      outcomes[at] = 'ack'
    },
    retry({ delaySeconds }: { delaySeconds: number }) {
      outcomes[at] = delaySeconds
    },
  }))
  return { queue, messages } as unknown as MessageBatch<unknown>
}

test('consumeQueue() acknowledges what is taken in and lets the rest come again, later each time', async () => {
  await pushEvents(platform, { source: 'clicks', events: [EVENT] })
  await consumeQueue(platform, batch('featheredge-events', ['damaged', platform.queue[0]], 3))
  expect(outcomes).toEqual([8, 'ack'])
  await consumeQueue(platform, batch('featheredge-events', ['damaged'], 10))
  expect(outcomes[0]).toBe(600)
  await consumeQueue(platform, batch('featheredge-events', ['damaged'], 10), { retryDelaySecondsMax: 0 })
  expect(outcomes[0]).toBe(0)
})

test('consumeQueue() keeps dead letters, those that are no text, too', async () => {
  await consumeQueue(platform, batch('featheredge-events', ['damaged'], 11))
  await consumeQueue(platform, batch('featheredge-dead-letters', ['damaged', { odd: true }]))
  expect(outcomes).toEqual(['ack', 'ack'])
  const letters = await platform.deadLetters.list({ limit: 10 })
  const letter = (body: string) => letters.find(({ id }) => id === readLabel(body).id)
  expect(letters).toHaveLength(2)
  expect(letter('damaged')).toMatchObject({ attempts: 11, reason: expect.stringMatching(/cannot be read/) })
  expect(letter('{"odd":true}')).toMatchObject({ attempts: 0 })
})

test('consumeQueue() lets a dead letter come again that cannot be kept', async () => {
  platform.faults.add('writeLetter')
  await consumeQueue(platform, batch('featheredge-dead-letters', ['one', 'two'], 2))
  expect(outcomes).toEqual([4, 'ack'])
})

test('Cron forgets failures that are older than any message', async () => {
  const note = (id: string, time: number) => ({ id, reason: 'why', attempts: 3, time })
  platform.time.now = START + 16 * 86_400_000_000
  await platform.deadLetters.noteFailures([note('old', START), note('young', platform.time.now)])
  await tick(platform)
  const letter = { body: '', source: null, rows: null, time: START, sentTime: START }
  for (const id of ['old', 'young']) await platform.deadLetters.write({ ...letter, id })
  const kept = await platform.deadLetters.list({ limit: 10 })
  expect(kept.map(({ id, attempts }) => [id, attempts])).toEqual([
    ['young', 3],
    ['old', 0],
  ])
})
