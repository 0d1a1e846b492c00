import { FeatureStoreError } from '../core/error.ts'
import type { Instant } from '../core/time.ts'
import type { Platform } from '../platform.ts'
import { type Consumed, consumeEvents } from './consume-events.ts'
import { readLabel } from './message-label.ts'

/** A message as a queue delivers it. */
export interface QueuedMessage {
  readonly body: string
  /** Deliveries so far, this one included. */
  readonly attempts: number
  /** When the queue was given it. */
  readonly sentTime: Instant
}

/** Characters of a reason that are kept. */
const REASON_CHARS_MAX = 1_000

/**
 * Takes a batch of messages in. Why one failed is noted before it is tried again, because nothing else tells
 * the dead letter's reader.
 */
export async function consumeMessages(
  platform: Platform,
  messages: readonly QueuedMessage[],
): Promise<readonly Consumed[]> {
  const outcomes = await consumeApart(
    platform,
    messages.map(({ body }) => body),
  )
  await noteOutcomes(platform, messages, outcomes)
  return outcomes
}

/** The batch at once; if all of it fails, message by message, so that the one at fault spoils no other. */
async function consumeApart(platform: Platform, bodies: readonly string[]): Promise<readonly Consumed[]> {
  try {
    return await consumeEvents(platform, bodies)
  } catch (error) {
    const isOutage = error instanceof FeatureStoreError && error.code === 'unavailable'
    if (bodies.length === 1 || isOutage) {
      const reason = error instanceof FeatureStoreError ? error.message : String(error)
      return bodies.map(() => ({ status: 'retry', reason }))
    }
    const outcomes: Consumed[] = []
    for (const body of bodies) outcomes.push(...(await consumeApart(platform, [body])))
    return outcomes
  }
}

/**
 * Notes must not make a failure worse: where they cannot be written, the messages come again all the same.
 */
async function noteOutcomes(
  { deadLetters, clock, log }: Platform,
  messages: readonly QueuedMessage[],
  outcomes: readonly Consumed[],
): Promise<void> {
  const time = clock.now()
  const failures = messages.flatMap(({ body, attempts }, at) => {
    const outcome = outcomes[at]!
    if (outcome.status === 'done') return []
    return [{ id: readLabel(body).id, attempts, reason: outcome.reason.slice(0, REASON_CHARS_MAX), time }]
  })
  for (const { id, attempts, reason } of failures) {
    log.error('A message was not taken in; it comes again, and in the end is kept as a dead letter', {
      message: id,
      attempts,
      reason,
    })
  }
  // A first delivery has no note: the common case costs nothing.
  const mended = messages.filter(({ attempts }, at) => attempts > 1 && outcomes[at]!.status === 'done')
  try {
    if (failures.length > 0) await deadLetters.noteFailures(failures)
    if (mended.length > 0) await deadLetters.forgetFailures(mended.map(({ body }) => readLabel(body).id))
  } catch (error) {
    log.error('Failures of messages could not be noted; a dead letter may show an older reason or none', {
      messages: failures.length + mended.length,
      reason: String(error),
    })
  }
}
