import type { DeadLetter, MessageFailure } from '../../src/definitions/dead-letter.ts'
import type { DeadLetters } from '../../src/platform.ts'

const CLOCK_SKEW_US = 60_000_000

/** Dead letters in plain memory. */
export function memoryDeadLetters(
  objects: Map<string, Uint8Array>,
  fail: (name: 'noteFailures' | 'writeLetter') => void,
): DeadLetters & { readonly reasons: readonly Map<string, { readonly reason: string }>[] } {
  const letters = new Map<string, DeadLetter>()
  const failures = new Map<string, MessageFailure>()
  return {
    reasons: [letters, failures] as Map<string, { readonly reason: string }>[],
    async noteFailures(noted) {
      fail('noteFailures')
      for (const failure of noted) failures.set(failure.id, failure)
    },
    async forgetFailures(ids) {
      for (const id of ids) failures.delete(id)
    },
    async forgetFailuresBefore(time) {
      for (const failure of failures.values()) if (failure.time < time) failures.delete(failure.id)
    },
    async write({ id, body, sentTime, ...letter }) {
      fail('writeLetter')
      objects.set(`dead-letters/${id}`, new TextEncoder().encode(body))
      const failure = failures.get(id)
      const there = letters.get(id)
      const isSentAgain = there?.replayedTime != null && sentTime + CLOCK_SKEW_US >= there.replayedTime
      if (there === undefined || failure !== undefined || isSentAgain) {
        const { reason, attempts } = failure ?? { reason: 'The reason could not be noted', attempts: 0 }
        letters.set(id, { id, ...letter, reason, attempts, status: 'kept', replayedTime: null })
      }
      failures.delete(id)
    },
    find: async (ids) => ids.flatMap((id) => letters.get(id) ?? []),
    list: async ({ source, status, after, limit }) =>
      [...letters.values()]
        .filter((letter) => source === undefined || letter.source === source)
        .filter((letter) => status === undefined || letter.status === status)
        .filter((letter) => after === undefined || compareNewest(after, letter) < 0)
        .sort(compareNewest)
        .slice(0, limit),
    async readBody(id) {
      const bytes = objects.get(`dead-letters/${id}`)
      return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
    },
    async rewrite(id, body, rows) {
      objects.set(`dead-letters/${id}`, new TextEncoder().encode(body))
      letters.set(id, { ...letters.get(id)!, rows })
    },
    async delete(id) {
      objects.delete(`dead-letters/${id}`)
      letters.delete(id)
      failures.delete(id)
    },
    async markReplayed(ids, time) {
      for (const id of ids) {
        const letter = letters.get(id)
        if (letter !== undefined) letters.set(id, { ...letter, status: 'replayed', replayedTime: time })
      }
    },
  }
}

type Place = Pick<DeadLetter, 'time' | 'id'>

function compareNewest(a: Place, b: Place): number {
  return b.time - a.time || (a.id === b.id ? 0 : a.id < b.id ? 1 : -1)
}
