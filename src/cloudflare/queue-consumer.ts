import { consumeEvents } from '../ingest/consume-events.ts'
import type { Platform } from '../platform.ts'

const DEAD_LETTERS = /-dead-letters$/
const RETRY_DELAY_S_MAX = 600

/** Both queues' door: events go to the writers, what failed too often is kept. */
export async function consumeQueue(platform: Platform, batch: MessageBatch<string>): Promise<void> {
  if (DEAD_LETTERS.test(batch.queue)) return keepDeadLetters(platform, batch)
  const outcomes = await consumeEvents(
    platform,
    batch.messages.map(({ body }) => body),
  )
  for (const [at, message] of batch.messages.entries()) {
    const outcome = outcomes[at]!
    if (outcome.status === 'done') {
      message.ack()
      continue
    }
    platform.log.error(
      'A message was not taken in; it comes again, and in the end is kept as a dead letter',
      {
        message: message.id,
        attempts: message.attempts,
        reason: outcome.reason,
      },
    )
    message.retry({ delaySeconds: Math.min(2 ** message.attempts, RETRY_DELAY_S_MAX) })
  }
}

async function keepDeadLetters({ deadLetters, log }: Platform, batch: MessageBatch<string>): Promise<void> {
  for (const message of batch.messages) {
    try {
      await deadLetters.write({
        id: message.id,
        body: message.body,
        time: message.timestamp.getTime() * 1_000,
      })
      message.ack()
    } catch (error) {
      log.error('A dead letter could not be kept; it comes again', {
        message: message.id,
        reason: String(error),
      })
      message.retry()
    }
  }
}
