/** A timer that comes later than this found the thread at work. */
const LATE_MS_MAX = 20

export interface Timers {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly wait: (ms: number) => Promise<unknown>
}

const TIMERS: Timers = { now: Date.now, wait: (ms) => scheduler.wait(ms) }

/**
 * Resolves once the isolate's thread has time to spare; from `untilMs` (since the epoch) on, after one turn of it. How
 * late a timer comes tells how much lay before it; the next is set for as much later.
 */
export async function untilIdle(untilMs: number, { now, wait }: Timers = TIMERS): Promise<void> {
  for (let waitMs = 1; ; ) {
    const setMs = now()
    await wait(waitMs)
    const nowMs = now()
    const lateMs = nowMs - setMs - waitMs
    if (lateMs <= LATE_MS_MAX || nowMs >= untilMs) return
    waitMs = Math.min(lateMs, untilMs - nowMs)
  }
}
