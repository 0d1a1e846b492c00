import { FeatureStoreError } from '../core/error.ts'
import type { Snapshot } from '../definitions/snapshot.ts'
import type { Platform } from '../platform.ts'
import { readWritingSnapshot } from '../registry/current-snapshot.ts'
import { callWorkers, workerFaults } from './call-workers.ts'
import { type PlannedBatch, type PlannedDelivery, planDeliveries } from './plan-deliveries.ts'
import { decodeMessage, type QueueMessage } from './queue-message.ts'

/** What became of one message; `reason` says why it has to come again. */
export type Consumed = { readonly status: 'done' } | { readonly status: 'retry'; readonly reason: string }

/** How often one batch is computed again because a writer knew a newer generation. */
const ATTEMPTS_MAX = 3

/**
 * Takes a batch of queue messages through the views to the writers. A message is done when every writer it
 * has rows for has committed them; delivering it again has no further effect (S9). One message's fault spoils
 * no other.
 */
export async function consumeEvents(
  platform: Platform,
  bodies: readonly string[],
): Promise<readonly Consumed[]> {
  const outcomes: Consumed[] = bodies.map(() => ({ status: 'done' }))
  let waiting: { readonly position: number; readonly message: QueueMessage }[] = []
  bodies.forEach((body, position) => {
    try {
      waiting.push({ position, message: decodeMessage(body) })
    } catch (error) {
      outcomes[position] = {
        status: 'retry',
        reason: `The message cannot be read: ${(error as Error).message}`,
      }
    }
  })
  for (let attempt = 0; waiting.length > 0; attempt++) {
    const snapshot = await readWritingSnapshot(platform)
    const { known, unknown } = Object.groupBy(waiting, ({ message }) =>
      whatIsGone(snapshot, message) === undefined ? 'known' : 'unknown',
    )
    for (const { position, message } of unknown ?? []) {
      outcomes[position] = {
        status: 'retry',
        reason: `There is no ${whatIsGone(snapshot, message)} any more`,
      }
    }
    const batch = known ?? []
    const messages = batch.map(({ message }) => message)
    const returned = await callWorkers(platform, snapshot, messages)
    const faults = await deliverAll(platform, planDeliveries(snapshot, messages, returned))
    for (const [position, fault] of workerFaults(snapshot, returned)) faults.set(position, fault)
    const stale = batch.filter((_, at) => faults.get(at) === STALE)
    batch.forEach(({ position }, at) => {
      const reason = faults.get(at)
      outcomes[position] = reason === undefined ? { status: 'done' } : { status: 'retry', reason }
    })
    waiting = attempt + 1 < ATTEMPTS_MAX ? stale : []
  }
  return outcomes
}

/** The source or entity a message is for, if definitions have lost it since. */
function whatIsGone({ sources, entities }: Snapshot, message: QueueMessage): string | undefined {
  if (message.kind === 'events')
    return Object.hasOwn(sources, message.source) ? undefined : `source "${message.source}"`
  return Object.hasOwn(entities, message.entity) ? undefined : `entity "${message.entity}"`
}

const STALE = 'A writer knows a newer generation of definitions'

/**
 * Delivers to every writer; the reason of failure by position of each message that has rows in a failed
 * delivery.
 */
async function deliverAll(
  platform: Platform,
  { deliveries, quarantine, tallies }: PlannedBatch,
): Promise<Map<number, string>> {
  const faults = new Map<number, string>()
  for (const { batch, message } of quarantine) {
    try {
      await platform.quarantine.write(batch)
    } catch (error) {
      faults.set(message, `Rows could not be kept in quarantine: ${String(error)}`)
    }
  }
  await Promise.all(
    deliveries.map(async ({ delivery, messages }) => {
      const fault = await deliver(platform, delivery)
      if (fault === undefined) return
      for (const position of messages) {
        // A real fault outweighs staleness: computing again would not mend it.
        if (!faults.has(position) || fault !== STALE) faults.set(position, fault)
      }
    }),
  )
  if (tallies.length === 0) return faults
  try {
    const time = platform.clock.now()
    await platform.expectationTallies.write(tallies.map(({ message: _, ...tally }) => ({ ...tally, time })))
  } catch (error) {
    for (const { message } of tallies)
      faults.set(message, `Unmet expectations could not be counted: ${String(error)}`)
  }
  return faults
}

async function deliver(
  platform: Platform,
  delivery: PlannedDelivery['delivery'],
): Promise<string | undefined> {
  try {
    const answer = await platform.writers.deliver(delivery)
    return answer.status === 'committed' ? undefined : STALE
  } catch (error) {
    const reason = error instanceof FeatureStoreError ? error.message : String(error)
    platform.log.error('A writer did not take a delivery; its messages come again', {
      entity: delivery.layout.entity.name,
      shard: delivery.layout.shard,
      reason,
    })
    return reason
  }
}
