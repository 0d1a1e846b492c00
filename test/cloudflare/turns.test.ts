import { expect, test } from 'vitest'
import { createTurns } from '../../src/cloudflare/turns.ts'

/** Turns on a clock that goes on by a second with every look. */
function createClocked() {
  const time = { now: 0 }
  const turns = createTurns({
    now: () => time.now,
    async wait() {
      time.now += 1_000
      await new Promise((resolve) => setTimeout(resolve, 0))
    },
  })
  return { time, turns }
}

const HEEDLESS = { whileWaiting: async () => {} }

test('take() runs work of an isolate one at a time in the order asked, whichever fails', async () => {
  const { turns } = createClocked()
  let going = 0
  const most: number[] = []
  const order: number[] = []
  const work = async (at: number) => {
    order.push(at)
    most.push(++going)
    await new Promise((resolve) => setTimeout(resolve, 1))
    going--
    if (at % 3 === 0) throw new Error(`work ${at} failed`)
    return at
  }
  const taken = Array.from({ length: 9 }, (_, at) => turns.take(() => work(at), HEEDLESS))
  const outcomes = await Promise.allSettled(taken)
  expect(outcomes.map(({ status }) => status === 'rejected')).toEqual(outcomes.map((_, at) => at % 3 === 0))
  expect(most).toEqual(Array(9).fill(1))
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
})

test('take() lets who waits say so every half minute, and gives up after five', async () => {
  const { time, turns } = createClocked()
  const times: number[] = []
  let isOver = false
  // None holds its turn for so long that it counts as lost.
  const holders = Promise.allSettled(
    Array.from({ length: 4 }, () =>
      turns.take(async () => {
        const untilMs = time.now + 100_000
        while (!isOver && time.now < untilMs) await new Promise((resolve) => setTimeout(resolve, 0))
      }, HEEDLESS),
    ),
  )
  const whileWaiting = async () => {
    times.push(time.now)
  }
  await expect(turns.take(async () => 'done', { whileWaiting })).rejects.toMatchObject({
    code: 'unavailable',
  })
  expect(times.length).toBeGreaterThan(7)
  for (const [at, now] of times.entries()) expect(now - (times[at - 1] ?? 0)).toBeLessThan(40_000)
  expect(time.now).toBeGreaterThan(300_000)
  isOver = true
  await holders
})

test('take() lets who comes again at once come after who waits', async () => {
  const { turns } = createClocked()
  const order: string[] = []
  const takeTwice = async (name: string) => {
    for (const again of ['', ' again'])
      await turns.take(async () => {
        order.push(name + again)
        await new Promise((resolve) => setTimeout(resolve, 1))
      }, HEEDLESS)
  }
  await Promise.all(['one', 'other', 'third'].map(takeTwice))
  expect(order).toEqual(['one', 'other', 'third', 'one again', 'other again', 'third again'])
})

test('take() passes over who has ended waiting without a word', async () => {
  const time = { now: 0 }
  const lost = Promise.withResolvers<void>()
  let waits = 0
  const turns = createTurns({
    now: () => time.now,
    async wait() {
      time.now += 1_000
      // The first two to wait never come back.
      if (waits++ < 2) await new Promise(() => {})
      await new Promise((resolve) => setTimeout(resolve, 0))
    },
  })
  const holder = turns.take(() => lost.promise, HEEDLESS)
  for (const _ of [1, 2]) void turns.take(async () => 'lost', HEEDLESS)
  const last = turns.take(async () => 'done', HEEDLESS)
  lost.resolve()
  await holder
  expect(await last).toBe('done')
  // Nobody has to find that out once more.
  expect(await turns.take(async () => 'next', HEEDLESS)).toBe('next')
  expect(time.now).toBeGreaterThanOrEqual(10_000)
  expect(time.now).toBeLessThan(15_000)
})

test('take() takes over within seconds from who was ended in its turn, timers and all', async () => {
  const time = { now: 0 }
  const turns = createTurns({
    now: () => time.now,
    async wait(ms) {
      // Who has the turn waits for longer than who looks after it.
      if (ms >= 1_000) await new Promise(() => {})
      time.now += 1_000
      await new Promise((resolve) => setTimeout(resolve, 0))
    },
  })
  void turns.take(() => new Promise(() => {}), HEEDLESS)
  expect(await turns.take(async () => 'done', HEEDLESS)).toBe('done')
  expect(time.now).toBeGreaterThanOrEqual(10_000)
  expect(time.now).toBeLessThan(15_000)
})

test('take() leaves the turn to who computes for long without a word, and goes on', async () => {
  const { time, turns } = createClocked()
  let isOver = false
  const holder = turns.take(async () => {
    for (let part = 0; part < 3; part++) {
      time.now += 30_000
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    isOver = true
  }, HEEDLESS)
  expect(await turns.take(async () => isOver, HEEDLESS)).toBe(true)
  await holder
})

test('take() takes over from work that hangs', async () => {
  const { time, turns } = createClocked()
  void turns.take(() => new Promise(() => {}), HEEDLESS)
  expect(await turns.take(async () => 'done', HEEDLESS)).toBe('done')
  expect(time.now).toBeGreaterThan(119_000)
  expect(time.now).toBeLessThan(125_000)
})
