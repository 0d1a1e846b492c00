import type { EventQueue } from '../platform.ts'
import { unavailableOnOutage } from './unavailable-on-outage.ts'

/** What one `sendBatch` takes. */
const BATCH_MESSAGES_MAX = 100
const BATCH_BYTES_MAX = 240_000

/** The `events` queue; messages are ASCII text. */
export function eventQueue(queue: Queue<string>): EventQueue {
  return unavailableOnOutage('the queue of events', {
    async send(messages) {
      for (const batch of fillBatches(messages)) {
        await queue.sendBatch(batch.map((body) => ({ body, contentType: 'text' })))
      }
    },
    async readBacklog() {
      const { backlogCount, oldestMessageTimestamp } = await queue.metrics()
      // An empty queue answers the epoch, or nothing.
      const oldestTime = (oldestMessageTimestamp?.getTime() ?? 0) * 1_000
      return { messageCount: backlogCount, oldestTime: oldestTime > 0 ? oldestTime : null }
    },
  })
}

function fillBatches(messages: readonly string[]): string[][] {
  const batches: string[][] = []
  let bytes = 0
  for (const message of messages) {
    const batch = batches.at(-1)
    if (
      batch === undefined ||
      batch.length >= BATCH_MESSAGES_MAX ||
      bytes + message.length > BATCH_BYTES_MAX
    ) {
      batches.push([message])
      bytes = message.length
    } else {
      batch.push(message)
      bytes += message.length
    }
  }
  return batches
}
