import { consumeMessages } from '../ingest/consume-messages.ts'
import { keepDeadLetters } from '../ingest/keep-dead-letters.ts'
import type { Platform } from '../platform.ts'

const DEAD_LETTERS = /-dead-letters$/
const RETRY_DELAY_S_MAX = 600

/** Both queues' door: events go to the writers, what failed too often is kept. */
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
  const consume = DEAD_LETTERS.test(batch.queue) ? keepDeadLetters : consumeMessages
  const outcomes = await consume(platform, messages)
  for (const [at, message] of batch.messages.entries()) {
    if (outcomes[at]!.status === 'done') message.ack()
    else message.retry({ delaySeconds: Math.min(2 ** message.attempts, retryDelaySecondsMax) })
  }
}

/** Our messages are text; what else an operator may have sent is to become a dead letter that can be looked at. */
function bodyText(body: unknown): string {
  return typeof body === 'string' ? body : (JSON.stringify(body) ?? '')
}
