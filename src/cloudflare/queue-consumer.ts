import { noticeLanded } from '../batch/notice-landed.ts'
import { consumeMessages, type QueuedMessage } from '../ingest/consume-messages.ts'
import { keepDeadLetters } from '../ingest/keep-dead-letters.ts'
import type { Platform } from '../platform.ts'

const DEAD_LETTERS = /-dead-letters$/
const LANDED = /-landed$/
const RETRY_DELAY_S_MAX = 600

/** The queues' door: events go to the writers, what failed too often is kept, what R2 says has landed is loaded. */
export async function consumeQueue(
  platform: Platform,
  batch: MessageBatch<unknown>,
  { retryDelaySecondsMax = RETRY_DELAY_S_MAX }: { readonly retryDelaySecondsMax?: number | undefined } = {},
): Promise<void> {
  const messages = batch.messages.map(({ body, attempts, timestamp }) => ({
    body: bodyText(body),
    attempts,
    sentTime: timestamp.getTime() * 1_000,
  }))
  const outcomes = await consume(platform, batch.queue, messages)
  for (const [at, message] of batch.messages.entries()) {
    if (outcomes[at]!.status === 'done') message.ack()
    else message.retry({ delaySeconds: Math.min(2 ** message.attempts, retryDelaySecondsMax) })
  }
}

function consume(platform: Platform, queue: string, messages: readonly QueuedMessage[]) {
  if (DEAD_LETTERS.test(queue)) return keepDeadLetters(platform, messages)
  if (LANDED.test(queue))
    return noticeLanded(
      platform,
      messages.map(({ body }) => body),
    )
  return consumeMessages(platform, messages)
}

/** Our messages are text, R2's are JSON; what else was sent to events is to become a dead letter that can be looked at. */
function bodyText(body: unknown): string {
  return typeof body === 'string' ? body : (JSON.stringify(body) ?? '')
}
