import type { EventQueue } from '../platform.ts'

/** What one `sendBatch` takes. */
const BATCH_MESSAGES_MAX = 100
const BATCH_BYTES_MAX = 240_000

/** The `events` queue; messages are ASCII text. */
export function eventQueue(queue: Queue<string>): EventQueue {
  return {
    async send(messages) {
      for (const batch of fillBatches(messages)) {
        await queue.sendBatch(batch.map((body) => ({ body, contentType: 'text' })))
      }
    },
  }
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
