import { expect, test } from 'vitest'
import { untilIdle } from '../../src/cloudflare/until-idle.ts'

/** A clock by which each timer comes as late as the list says, on time at its end. */
function createLate(...lateMs: number[]) {
  const time = { now: 0 }
  const waits: number[] = []
  const timers = {
    now: () => time.now,
    async wait(ms: number) {
      waits.push(ms)
      time.now += ms + (lateMs.shift() ?? 0)
    },
  }
  return { time, waits, timers }
}

test('untilIdle() takes a millisecond where timers come on time', async () => {
  const { waits, timers } = createLate(20)
  await untilIdle(1_000, timers)
  expect(waits).toEqual([1])
})

test('untilIdle() waits as long as the thread was late, until it is not', async () => {
  const { waits, timers } = createLate(21, 100, 40, 3)
  await untilIdle(1_000, timers)
  expect(waits).toEqual([1, 21, 100, 40])
})

test('untilIdle() waits no longer than it may, however late the thread is', async () => {
  const { time, waits, timers } = createLate(300, 500, 50, 50)
  await untilIdle(1_000, timers)
  expect(waits).toEqual([1, 300])
  expect(time.now).toBe(1_101)
  // From then on, and where it may last no longer than a turn, it is one turn of the thread.
  await untilIdle(1_000, timers)
  expect(waits).toEqual([1, 300, 1])
})

test('untilIdle() cuts its last wait short', async () => {
  const { time, waits, timers } = createLate(600)
  await untilIdle(1_000, timers)
  expect(waits).toEqual([1, 399])
  expect(time.now).toBe(1_000)
})

test('untilIdle() of the runtime ends', async () => {
  await untilIdle(Date.now() + 60_000)
})
