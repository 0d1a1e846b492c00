import { FeatureStoreError } from '../core/error.ts'
import type { StepOptions } from '../platform.ts'

export interface Turns {
  /** Runs work once no other that took its turn here goes on, in the order asked. Throws `unavailable` after waiting for minutes. */
  take<T>(work: () => Promise<T>, options: StepOptions): Promise<T>
}

/** Whoever waits looks so often, all of them together. */
const LOOK_MS = 20
const LOOK_MS_MAX = 2_000
/** Who has a turn says so this often; who waits does with every look. */
const HOLD_MS = 1_000
/**
 * Who has said nothing for so long, and at so many looks, has been ended without a word. Looks count, too: while one computes
 * nobody can say anything.
 */
const SILENT_MS_MAX = 10_000
const SILENT_LOOKS_MIN = 5
/** A load is taken for cut off after two minutes of silence. */
const BEAT_MS = 30_000
/** Half of what a step may take; then it is tried again. */
const WAIT_MS_MAX = 300_000
/** Work that goes on for so long hangs. */
const TURN_MS_MAX = 120_000

/** Who waits for a turn, or has it. */
interface Party {
  /** When it began to. */
  readonly sinceMs: number
  /** How often it has said that it goes on. */
  saidCount: number
}

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
  let taken: Party | undefined
  /** In the order in which they came; the first is next. */
  let waiting: Party[] = []

  async function untilNext({ whileWaiting }: StepOptions): Promise<Party> {
    const startMs = now()
    const own: Party = { sinceMs: startMs, saidCount: 0 }
    const isSilent = createWatch(now)
    const isTaken = () => taken !== undefined && now() - taken.sinceMs < TURN_MS_MAX && !isSilent(taken)
    const isNext = () => {
      const before = waiting.slice(0, waiting.indexOf(own))
      return before.filter((one) => !isSilent(one)).length === 0
    }
    try {
      for (let beatMs = startMs; ; own.saidCount++) {
        // Others may have taken it for silent while it was only slow.
        if (!waiting.includes(own)) waiting.push(own)
        // At all of them at every look, for whoever is silent is found by looks.
        const [isFree, isOwn] = [!isTaken(), isNext()]
        if (isFree && isOwn) break
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
      // Nothing is awaited between the last look and this: nobody else has looked meanwhile. Who was before has fallen silent.
      waiting = waiting.slice(waiting.indexOf(own))
      taken = { sinceMs: now(), saidCount: 0 }
      return taken
    } finally {
      waiting = waiting.filter((one) => one !== own)
    }
  }

  /** An instance that is ended, or started again, takes its timers with it, and so this. */
  async function hold(turn: Party): Promise<void> {
    while (taken === turn) {
      await wait(HOLD_MS)
      turn.saidCount++
    }
  }

  return {
    async take(work, options) {
      const turn = await untilNext(options)
      void hold(turn)
      try {
        return await work()
      } finally {
        if (taken === turn) taken = undefined
      }
    },
  }
}

/** Whether somebody has fallen silent, as one sees it who looks again and again. */
function createWatch(now: () => number): (party: Party) => boolean {
  const last = new Map<Party, { readonly saidCount: number; readonly seenMs: number; lookCount: number }>()
  return (party) => {
    const { saidCount } = party
    const seen = last.get(party)
    if (seen?.saidCount !== saidCount) {
      last.set(party, { saidCount, seenMs: now(), lookCount: 0 })
      return false
    }
    seen.lookCount++
    return seen.lookCount >= SILENT_LOOKS_MIN && now() - seen.seenMs >= SILENT_MS_MAX
  }
}
