import type { Platform } from '../platform.ts'
import type { Consumed } from './consume-events.ts'
import type { QueuedMessage } from './consume-messages.ts'
import { readLabel } from './message-label.ts'

/**
 * Keeps messages that failed too often, each with the reason noted last. Delivering one twice does no harm.
 */
export async function keepDeadLetters(
  { deadLetters, clock, log }: Platform,
  messages: readonly QueuedMessage[],
): Promise<readonly Consumed[]> {
  const outcomes: Consumed[] = []
  for (const { body, sentTime } of messages) {
    const { id, source, rows } = readLabel(body)
    try {
      await deadLetters.write({ id, body, source, rows, time: clock.now(), sentTime })
      outcomes.push({ status: 'done' })
    } catch (error) {
      const reason = String(error)
      log.error('A dead letter could not be kept; it comes again', { message: id, reason })
      outcomes.push({ status: 'retry', reason })
    }
  }
  return outcomes
}
