import { beforeEach, expect, test } from 'vitest'
import { parseInstant } from '../../src/core/time.ts'
import { isRawLog } from '../../src/definitions/raw-log.ts'
import { keepDeadLetters } from '../../src/ingest/keep-dead-letters.ts'
import { readLabel } from '../../src/ingest/message-label.ts'
import { pushEvents } from '../../src/ingest/push-events.ts'
import { replayDeadLetters } from '../../src/ingest/replay-dead-letters.ts'
import { applyClicks } from '../platform/clicks.ts'
import { type MemoryPlatform, memoryPlatform } from '../platform/memory-platform.ts'

const START = parseInstant('2026-01-01T00:00:00Z')
const DAY = 86_400_000_000
const EVENT = { at: '2026-01-01T00:00:00Z', made: '2026-01-01T00:00:00Z', user: 'ann', item: 1, price: 7 }
const ALL = { kind: 'kept' } as const

let platform: MemoryPlatform
beforeEach(async () => {
  platform = memoryPlatform(START)
  await applyClicks(platform)
})

/** Pushes a row and keeps its message as a dead letter; the id. */
async function keepPush(): Promise<string> {
  await pushEvents(platform, { source: 'clicks', events: [EVENT] })
  return keep(platform.queue.pop()!)
}

async function keep(body: string): Promise<string> {
  await keepDeadLetters(platform, [{ body, attempts: 11, sentTime: platform.time.now }])
  return readLabel(body).id
}

function loggedRows(): number {
  const logged = [...platform.manifest.values()].filter(({ view }) => !isRawLog(view))
  return logged.reduce((sum, { rowCount }) => sum + rowCount, 0)
}

test('replayDeadLetters() sends a message as it was and marks its letter', async () => {
  const id = await keepPush()
  expect(await replayDeadLetters(platform, ALL)).toEqual({ replayed: [id], refused: [] })
  expect(platform.queue.map((body) => readLabel(body).id)).toEqual([id])
  expect(await platform.deadLetters.find([id])).toMatchObject([{ status: 'replayed', replayedTime: START }])
  expect(await platform.consume()).toEqual([{ status: 'done' }])
  await platform.flush({ cut: true })
  expect(loggedRows()).toBe(2)
})

test('replayDeadLetters() repeats nothing that writers have taken already (S9)', async () => {
  await pushEvents(platform, { source: 'clicks', events: [EVENT] })
  const [body] = platform.queue
  await platform.consume()
  await platform.flush({ cut: true })
  const id = await keep(body!)
  for (let time = 0; time < 2; time++) {
    expect(await replayDeadLetters(platform, { kind: 'ids', ids: [id, id] })).toMatchObject({
      replayed: [id],
    })
    expect(await platform.consume()).toEqual([{ status: 'done' }])
    await platform.flush({ cut: true })
    expect(loggedRows()).toBe(2)
  }
})

test('replayDeadLetters() of all takes what is still kept, of one source if asked', async () => {
  const first = await keepPush()
  const unread = await keep('damaged')
  expect(await replayDeadLetters(platform, { kind: 'kept', source: 'clicks' })).toEqual({
    replayed: [first],
    refused: [],
  })
  expect((await replayDeadLetters(platform, ALL)).replayed).toEqual([unread])
  expect((await replayDeadLetters(platform, ALL)).replayed).toEqual([])
})

test('replayDeadLetters() refuses what it does not know, letter by letter', async () => {
  const id = await keepPush()
  const lost = await keepPush()
  platform.objects.delete(`dead-letters/${lost}`)
  const answer = await replayDeadLetters(platform, { kind: 'ids', ids: ['none', lost, id] })
  expect(answer.replayed).toEqual([id])
  expect(answer.refused).toMatchObject([
    { id: 'none', code: 'not_found', message: 'Cannot replay dead letter "none": there is none of that id' },
    { id: lost, code: 'not_found', message: expect.stringMatching(/its body is not on R2/) },
  ])
})

test('replayDeadLetters() refuses a message older than writers remember ids, and says what to do (S9)', async () => {
  const old = await keepPush()
  platform.time.now += DAY
  const young = await keepPush()
  platform.time.now = START + 15 * DAY + 1
  const answer = await replayDeadLetters(platform, ALL)
  expect(answer.replayed).toEqual([young])
  expect(answer.refused).toMatchObject([
    {
      id: old,
      code: 'failed_precondition',
      message: expect.stringMatching(/older than 15 days.*push them anew.*"dead-letters\//),
    },
  ])
  expect(await platform.deadLetters.find([old])).toMatchObject([{ status: 'kept' }])
})

test('replayDeadLetters() of a message as old as may be still finds its id with the writers (S9)', async () => {
  await pushEvents(platform, { source: 'clicks', events: [EVENT] })
  const [body] = platform.queue
  await platform.consume()
  await platform.flush({ cut: true })
  const id = await keep(body!)
  platform.time.now = START + 15 * DAY
  expect(await replayDeadLetters(platform, ALL)).toEqual({ replayed: [id], refused: [] })
  platform.time.now += DAY / 2
  await platform.flush({ cut: true })
  platform.crash()
  expect(await platform.consume()).toEqual([{ status: 'done' }])
  await platform.flush({ cut: true })
  expect(loggedRows()).toBe(2)
})

test('a replayed message that fails again is kept again, with its new reason', async () => {
  const id = await keepPush()
  await replayDeadLetters(platform, ALL)
  const body = platform.queue.pop()!
  platform.time.now += 2 * 3_600_000_000
  await platform.deadLetters.noteFailures([
    { id, reason: 'the fault was another', attempts: 11, time: platform.time.now },
  ])
  await keep(body)
  expect(await platform.deadLetters.find([id])).toMatchObject([
    { status: 'kept', reason: 'the fault was another', time: platform.time.now, replayedTime: null },
  ])
})
