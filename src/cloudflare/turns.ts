import { FeatureStoreError } from '../core/error.ts'
import type { StepOptions } from '../platform.ts'

export interface Turns {
  /** Runs work once no other that took its turn here goes on, in the order asked. Throws `unavailable` after waiting for minutes. */
  take<T>(work: () => Promise<T>, options: StepOptions): Promise<T>
}

/** Whoever waits looks so often, all of them together. */
const LOOK_MS = 20
const LOOK_MS_MAX = 2_000
/** Who has not looked for so long waits no more: the platform has ended it without a word. */
const UNSEEN_MS_MAX = 30_000
/** A load is taken for cut off after two minutes of silence. */
const BEAT_MS = 30_000
/** Half of what a step may take; then it is tried again. */
const WAIT_MS_MAX = 300_000
/** Work that went on for so long was ended without a word, too. */
const TURN_MS_MAX = 120_000

/**
 * Turns of what may take most of an isolate's memory. They are plain data at which each looks for itself: what one request
 * awaits must not hang on another, which may be ended at any time.
 */
export function createTurns({
  now,
  wait,
}: {
  readonly now: () => number
  readonly wait: (ms: number) => Promise<unknown>
}): Turns {
  let taken: { readonly sinceMs: number } | undefined
  /** In the order in which they came; the first is next. */
  let waiting: { seenMs: number }[] = []

  const isTaken = () => taken !== undefined && now() - taken.sinceMs < TURN_MS_MAX
  const isNext = (own: object) => waiting.find(({ seenMs }) => now() - seenMs < UNSEEN_MS_MAX) === own
  const leave = (own: object) => {
    waiting = waiting.filter((one) => one !== own)
  }

  async function untilNext({ whileWaiting }: StepOptions): Promise<{ readonly sinceMs: number }> {
    const startMs = now()
    const own = { seenMs: startMs }
    waiting = [...waiting.filter(({ seenMs }) => startMs - seenMs < WAIT_MS_MAX), own]
    try {
      for (let beatMs = startMs; isTaken() || !isNext(own); own.seenMs = now()) {
        if (now() - startMs > WAIT_MS_MAX)
          throw new FeatureStoreError(
            'unavailable',
            'Other chunks of loads take up the memory of this isolate',
          )
        await wait(Math.min(LOOK_MS * waiting.length, LOOK_MS_MAX))
        if (now() - beatMs < BEAT_MS) continue
        beatMs = now()
        await whileWaiting()
      }
      // Nothing is awaited between the last look and this: nobody else has looked meanwhile.
      taken = { sinceMs: now() }
      return taken
    } finally {
      leave(own)
    }
  }
  return {
    async take(work, options) {
      const turn = await untilNext(options)
      try {
        return await work()
      } finally {
        if (taken === turn) taken = undefined
      }
    },
  }
}
