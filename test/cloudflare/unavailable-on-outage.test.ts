import { drizzle } from 'drizzle-orm/d1'
import { expect, test } from 'vitest'
import { eventQueue } from '../../src/cloudflare/event-queue.ts'
import { registryD1 } from '../../src/cloudflare/registry-d1.ts'
import { systemClock } from '../../src/cloudflare/system.ts'
import { unavailableOnOutage } from '../../src/cloudflare/unavailable-on-outage.ts'
import { FeatureStoreError } from '../../src/core/error.ts'

/** What a call answers whose platform throws this. */
function failWith(error: unknown): Promise<unknown> {
  const store = unavailableOnOutage('the store', {
    async read() {
      throw error
    },
  })
  return store.read().catch((thrown) => thrown)
}

test.each([
  'D1_ERROR: Network connection lost.',
  'D1_ERROR: D1 DB is overloaded. Requests queued for too long.',
  'D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.',
  'Queue sendBatch failed: Too Many Requests',
  'internal error; reference = abc',
])('the platform failing with "%s" is unavailable', async (message) => {
  const cause = new Error(message)
  for (const error of [cause, new Error('Failed query: select 1', { cause })]) {
    expect(await failWith(error)).toMatchObject({
      code: 'unavailable',
      message: `Cannot reach the store: ${message}; try again`,
    })
  }
})

test.each([
  new Error('D1_ERROR: no such table: generations: SQLITE_ERROR'),
  new Error('D1_ERROR: UNIQUE constraint failed: generations.generation: SQLITE_CONSTRAINT'),
  new Error("D1_TYPE_ERROR: Type 'undefined' not supported for value 'undefined'"),
  new Error('Queue sendBatch failed: Payload Too Large'),
  new TypeError("Cannot read properties of undefined (reading 'id')"),
  new SyntaxError('Unexpected token'),
  new FeatureStoreError('not_found', 'Cannot find it'),
  'text',
])('%s is no outage and passes as it is', async (error) => {
  expect(await failWith(error)).toBe(error)
})

test('the registry is unavailable when D1 is', async () => {
  const db = drizzle({
    prepare() {
      throw new Error('D1_ERROR: Network connection lost.')
    },
  } as unknown as D1Database)
  await expect(registryD1(db, systemClock).readGeneration()).rejects.toMatchObject({ code: 'unavailable' })
})

test('the event queue is unavailable when it does not take messages', async () => {
  const queue = eventQueue({
    async sendBatch() {
      throw new Error('Queue sendBatch failed: Internal Server Error')
    },
  } as unknown as Queue<string>)
  await expect(queue.send(['text'])).rejects.toMatchObject({ code: 'unavailable' })
})

test.each([
  ['says nothing', { backlogCount: 0, backlogBytes: 0 }, { messageCount: 0, oldestTime: null }],
  [
    'answers the epoch',
    { backlogCount: 0, oldestMessageTimestamp: new Date(0) },
    { messageCount: 0, oldestTime: null },
  ],
  [
    'answers a time',
    { backlogCount: 3, oldestMessageTimestamp: new Date(5) },
    { messageCount: 3, oldestTime: 5_000 },
  ],
])('readBacklog() of a queue that %s', async (_, metrics, backlog) => {
  const queue = eventQueue({ metrics: async () => metrics } as unknown as Queue<string>)
  expect(await queue.readBacklog()).toEqual(backlog)
})

test('readBacklog() of a runtime without metrics fails and says so', async () => {
  await expect(eventQueue({} as Queue<string>).readBacklog()).rejects.toThrow()
})
