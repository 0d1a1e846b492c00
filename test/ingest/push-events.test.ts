import { beforeEach, expect, test } from 'vitest'
import { LIMITS } from '../../src/core/limits.ts'
import { parseInstant } from '../../src/core/time.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { applyClicks, CLICKS } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const EVENT = { at: '2026-01-01T00:00:00Z', made: '2026-01-01T00:00:00Z', user: 'ann', item: 1, price: 7 }
const AGE_MAX = LIMITS.backlogAgeMaxMs * 1_000
const OLD = { messageCount: LIMITS.backlogMessagesMin, oldestTime: START - AGE_MAX - 1 }
/** How long an isolate goes on with the backlog it has read. */
const REREAD = 5_000_000

let platform: MemoryPlatform
beforeEach(async () => {
  platform = memoryPlatform(START)
  await applyClicks(platform)
})

function push(key?: string) {
  const idempotency = key === undefined ? undefined : { token: 'admin', key }
  return pushEvents(platform, { source: 'clicks', events: [EVENT], idempotency })
}

test('pushEvents() refuses while the oldest message waits too long, and says when to try again', async () => {
  platform.backlog = OLD
  await expect(push()).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/oldest message has waited 300 s, more than 300 s; try again in 30 s/),
    details: { retry_after_s: 30, backlog_messages: 100 },
  })
  expect(platform.queue).toEqual([])
})

test.each([
  ['is just not too old', { ...OLD, oldestTime: START - AGE_MAX }],
  ['is a few messages that fail and come again', { ...OLD, messageCount: OLD.messageCount - 1 }],
  ['does not say how old it is', { ...OLD, oldestTime: null }],
])('pushEvents() goes on while the backlog %s', async (_, backlog) => {
  platform.backlog = backlog
  expect((await push()).accepted).toBe(1)
})

test('pushEvents() goes on when the backlog cannot be read, and logs it once', async () => {
  platform.backlog = OLD
  platform.faults.add('readBacklog')
  for (let times = 0; times < 3; times++) expect((await push()).accepted).toBe(1)
  expect(platform.logged.filter((line) => line.includes('backlog cannot be read'))).toHaveLength(1)
  platform.time.now += 60_000_000
  await expect(push()).rejects.toMatchObject({ code: 'unavailable' })
})

test('pushEvents() reads the backlog once in a while, and takes pushes again once it has gone', async () => {
  platform.backlog = OLD
  for (let times = 0; times < 3; times++) await expect(push()).rejects.toThrow()
  expect(platform.counts.readBacklog).toBe(1)
  platform.backlog = { messageCount: 0, oldestTime: null }
  platform.time.now += REREAD
  expect((await push()).accepted).toBe(1)
  expect(platform.counts.readBacklog).toBe(2)
})

test('pushEvents() answers an answered Idempotency-Key under an old backlog, too (S9)', async () => {
  const answer = await push('once')
  platform.backlog = OLD
  platform.time.now += REREAD
  expect(await push('once')).toEqual(answer)
  expect(platform.queue).toHaveLength(1)
})

test('pushEvents() under an answered key sends the same body again, so that what the queue lost is made good once (S9)', async () => {
  const answer = await push('once')
  const lost = platform.queue.splice(0)
  expect(await push('once')).toEqual(answer)
  expect(platform.queue).toEqual(lost)
  await platform.consume()
  expect(await push('once')).toEqual(answer)
  await platform.consume()
  await platform.flush({ cut: true })
  expect([...platform.manifest.values()].map(({ rowCount }) => rowCount)).toEqual([1, 1])
})

test('pushEvents() under an answered key sends nothing of another body, and nothing that writers may have forgotten (S9)', async () => {
  const answer = await push('once')
  platform.queue.splice(0)
  const other = { source: 'clicks', events: [], idempotency: { token: 'admin', key: 'once' } }
  expect(await pushEvents(platform, other)).toEqual(answer)
  platform.time.now += 15 * 86_400_000_000 + 1
  expect(await push('once')).toEqual(answer)
  expect(platform.queue).toEqual([])
})

test('pushEvents() sends a push that was never answered again while writers know its ids, and refuses it after (S9)', async () => {
  const { send } = platform.events
  const away = {
    ...platform,
    events: {
      ...platform.events,
      send: async (messages: readonly string[]) => {
        await send(messages)
        throw new Error('the answer was lost')
      },
    },
  }
  const request = { source: 'clicks', events: [EVENT], idempotency: { token: 'admin', key: 'once' } }
  await expect(pushEvents(away, request)).rejects.toThrow('the answer was lost')
  platform.time.now += 15 * 86_400_000_000
  await expect(pushEvents(away, request)).rejects.toThrow('the answer was lost')
  expect(new Set(platform.queue).size).toBe(1)
  platform.time.now++
  await expect(push('once')).rejects.toMatchObject({ code: 'failed_precondition' })
  expect(platform.queue).toHaveLength(2)
})

test('pushEvents() that is refused leaves no record: the retry under its key gets the time it is taken at (S5)', async () => {
  platform.backlog = OLD
  await expect(push('later')).rejects.toMatchObject({ code: 'unavailable' })
  platform.backlog = { messageCount: 0, oldestTime: null }
  platform.time.now += REREAD
  await push('later')
  expect(platform.queue[0]).toContain(`"doorTime":${START + REREAD}`)
})

test('pushEvents() names an unknown source under an old backlog, too (S34)', async () => {
  platform.backlog = OLD
  await expect(pushEvents(platform, { source: 'click', events: [EVENT] })).rejects.toMatchObject({
    code: 'not_found',
  })
})

test('pushEvents() rejects a row too long for a message by its index and takes the others', async () => {
  const long = { ...EVENT, user: 'x'.repeat(LIMITS.rowCharsMax) }
  const { accepted, rejected } = await pushEvents(platform, { source: 'clicks', events: [EVENT, long] })
  expect(accepted).toBe(1)
  expect(rejected).toMatchObject([
    { index: 1, code: 'limit_exceeded', message: expect.stringMatching(/at most 48000 are taken/) },
  ])
})

test('pushEvents() keeps the answer to 10,000 rejected rows in what a row of D1 holds, and answers the same body whole (S9)', async () => {
  const finished: string[] = []
  const { pushes } = platform
  Object.assign(platform, {
    pushes: {
      ...pushes,
      finish: (id: string, answer: string) => {
        finished.push(answer)
        return pushes.finish(id, answer)
      },
    },
  })
  const idempotency = { token: 'admin', key: 'once' }
  const events = Array.from({ length: LIMITS.pushRowsMax }, () => ({ ...EVENT, at: '\u3042'.repeat(64) }))
  const answer = await pushEvents(platform, { source: 'clicks', events, idempotency })
  expect(new TextEncoder().encode(finished[0]).length).toBeLessThan(2_000_000)
  expect(await pushEvents(platform, { source: 'clicks', events, idempotency })).toEqual(answer)
  const other = await pushEvents(platform, { source: 'clicks', events: [], idempotency })
  expect(other.rejected).toHaveLength(LIMITS.pushRowsMax)
  expect(answer.rejected[0]!.message).toContain(other.rejected[0]!.message)
})

test.each([0, 1])(
  'pushEvents() takes names of columns that fit a queue message, and no longer ones: %d more',
  async (more) => {
    const chars = LIMITS.columnNamesCharsMax + more - 'atmadeuseritemprice'.length
    const columns = Array.from({ length: Math.ceil(chars / 100) }, (_, at) => ({
      name: `c${at}`.padEnd(Math.min(100, chars - at * 100), '_'),
      type: 'int64' as const,
    }))
    const [source] = CLICKS.sources!
    const wide = { ...CLICKS, sources: [{ ...source!, schema: [...source!.schema, ...columns] }] }
    await applyClicks(platform, wide)
    const long = { ...EVENT, [columns[0]!.name]: 1, user: 'x'.repeat(LIMITS.rowCharsMax / 2) }
    const pushed = pushEvents(platform, { source: 'clicks', events: Array(3).fill(long) })
    if (more === 0) {
      expect(await pushed).toMatchObject({ accepted: 3 })
      for (const message of platform.queue) expect(message.length).toBeLessThan(128_000)
    } else {
      await expect(pushed).rejects.toMatchObject({
        code: 'failed_precondition',
        message: expect.stringContaining('names have 50001 characters together, at most 50000 may'),
      })
      expect(platform.queue).toEqual([])
    }
  },
)
