import type { ErrorCode } from '../core/error.ts'
import { LIMITS } from '../core/limits.ts'
import type { Instant } from '../core/time.ts'
import type { DeadLetter } from '../definitions/dead-letter.ts'
import type { Platform } from '../platform.ts'
import { readLabel } from './message-label.ts'
import { REPLAY_AGE_MAX_MS } from './writer-platform.ts'

/** Which letters: these, whatever their status, or the newest ones still `kept`, of one source or of all. */
export type ReplaySelection =
  | { readonly kind: 'ids'; readonly ids: readonly string[] }
  | { readonly kind: 'kept'; readonly source?: string | undefined }

export interface ReplayAnswer {
  readonly replayed: readonly string[]
  readonly refused: readonly { readonly id: string; readonly code: ErrorCode; readonly message: string }[]
}

/** Letters whose bodies are held in memory at once: 62 kB each. */
const BODIES_MAX = 50

/**
 * Sends messages to the queue again as they were, under their own ids: what some writers have committed
 * already is not repeated (S9). At most `LIMITS.replaysPerCallMax`. Each letter has its own outcome; when the
 * queue cannot be reached midway, letters sent before that are marked.
 */
export async function replayDeadLetters(
  platform: Platform,
  selection: ReplaySelection,
): Promise<ReplayAnswer> {
  const { found, unknown } = await selectLetters(platform, selection)
  const replayed: string[] = []
  const refused = unknown.map((id) => refusal(id, 'not_found', 'there is none of that id'))
  for (let at = 0; at < found.length; at += BODIES_MAX) {
    const part = await replayPart(platform, found.slice(at, at + BODIES_MAX))
    replayed.push(...part.replayed)
    refused.push(...part.refused)
  }
  return { replayed, refused }
}

async function selectLetters({ deadLetters }: Platform, selection: ReplaySelection) {
  if (selection.kind === 'kept') {
    const { source } = selection
    const found = await deadLetters.list({ status: 'kept', source, limit: LIMITS.replaysPerCallMax })
    return { found, unknown: [] }
  }
  const ids = [...new Set(selection.ids)]
  const letterById = new Map((await deadLetters.find(ids)).map((letter) => [letter.id, letter]))
  return {
    found: ids.flatMap((id) => letterById.get(id) ?? []),
    unknown: ids.filter((id) => !letterById.has(id)),
  }
}

async function replayPart(
  { deadLetters, events, clock }: Platform,
  letters: readonly DeadLetter[],
): Promise<ReplayAnswer> {
  const bodies = await Promise.all(letters.map(({ id }) => deadLetters.readBody(id)))
  // Before sending: a message that fails again is then known to have been sent after the replay.
  const now = clock.now()
  const ready: { readonly id: string; readonly body: string }[] = []
  const refused = letters.flatMap((letter, at) => {
    const body = bodies[at]
    if (body === undefined) return [refusal(letter.id, 'not_found', 'its body is not on R2 any more')]
    if (isForgotten(letter, body, now)) return [tooOld(letter)]
    ready.push({ id: letter.id, body })
    return []
  })
  const replayed = ready.map(({ id }) => id)
  if (ready.length > 0) {
    await events.send(ready.map(({ body }) => body))
    await deadLetters.markReplayed(replayed, now)
  }
  return { replayed, refused }
}

/** Whether writers may have forgotten the message's id, so that the log would hold its rows twice (S9). */
function isForgotten(letter: DeadLetter, body: string, now: Instant): boolean {
  return now - (readLabel(body).doorTime ?? letter.time) > REPLAY_AGE_MAX_MS * 1_000
}

function tooOld({ id }: DeadLetter) {
  const days = REPLAY_AGE_MAX_MS / 86_400_000
  return refusal(
    id,
    'failed_precondition',
    `its message is older than ${days} days, and no writer knows any more which of its rows it has taken; look in history for those that are missing and push them anew, they are in "dead-letters/${id}" on R2`,
  )
}

function refusal(id: string, code: ErrorCode, why: string) {
  return { id, code, message: `Cannot replay dead letter "${id}": ${why}` }
}
