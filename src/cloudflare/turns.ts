import { FeatureStoreError } from '../core/error.ts'
import type { StepOptions } from '../platform.ts'

export interface Turns {
  /** Runs work once no other that took its turn here goes on. Throws `unavailable` after waiting for minutes. */
  take<T>(work: () => Promise<T>, options: StepOptions): Promise<T>
}

/** Whoever waits looks so often, all of them together. */
const LOOK_MS = 20
const LOOK_MS_MAX = 2_000
/** A load is taken for cut off after two minutes of silence. */
const BEAT_MS = 30_000
/** Half of what a step may take; then it is tried again. */
const WAIT_MS_MAX = 300_000
/** Work that went on for so long was ended without a word, as the platform does. */
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
  let waiting = 0
  const isTaken = () => taken !== undefined && now() - taken.sinceMs < TURN_MS_MAX

  async function look(): Promise<void> {
    waiting++
    await wait(Math.min(LOOK_MS * waiting, LOOK_MS_MAX))
    waiting--
  }
  return {
    async take(work, { whileWaiting }) {
      const startMs = now()
      let beatMs = startMs
      while (isTaken()) {
        if (now() - startMs > WAIT_MS_MAX)
          throw new FeatureStoreError(
            'unavailable',
            'Other chunks of loads take up the memory of this isolate',
          )
        await look()
        if (now() - beatMs < BEAT_MS) continue
        beatMs = now()
        await whileWaiting()
      }
      // Nothing is awaited between the last look and this: nobody else has looked meanwhile.
      const turn = { sinceMs: now() }
      taken = turn
      try {
        return await work()
      } finally {
        if (taken === turn) taken = undefined
      }
    },
  }
}
