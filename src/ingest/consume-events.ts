import { FeatureStoreError } from '../core/error.ts'
import type { Snapshot } from '../definitions/snapshot.ts'
import type { DeliveryAnswer, Platform } from '../platform.ts'
import { readWritingSnapshot } from '../registry/current-snapshot.ts'
import type { SnapshotScope } from '../registry/read-scope.ts'
import { callWorkers, type ReturnedByView, workerFaults } from './call-workers.ts'
import { cutBatch } from './cut-batch.ts'
import { type PlannedBatch, planDeliveries } from './plan-deliveries.ts'
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
    const snapshot = await readWritingSnapshot(platform, scopeOf(waiting.map(({ message }) => message)))
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
    const faults = new Map<number, string>()
    for (const { start, end } of cutBatch(snapshot, messages)) {
      const run = messages.slice(start, end)
      const found = await deliverRun(platform, run, planDeliveries(snapshot, run, part(returned, start, end)))
      for (const [position, fault] of found) faults.set(start + position, fault)
    }
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

function scopeOf(messages: readonly QueueMessage[]): SnapshotScope {
  return {
    sources: [...new Set(messages.flatMap((one) => (one.kind === 'events' ? [one.source] : [])))],
    entities: [...new Set(messages.flatMap((one) => (one.kind === 'events' ? [] : [one.entity])))],
  }
}

/** The source or entity a message is for, if definitions have lost it since. */
function whatIsGone({ sources, entities }: Snapshot, message: QueueMessage): string | undefined {
  if (message.kind === 'events')
    return Object.hasOwn(sources, message.source) ? undefined : `source "${message.source}"`
  return Object.hasOwn(entities, message.entity) ? undefined : `entity "${message.entity}"`
}

const STALE = 'A writer knows a newer generation of definitions'

function part(returned: ReturnedByView, start: number, end: number): ReturnedByView {
  return new Map([...returned].map(([view, byMessage]) => [view, byMessage.slice(start, end)]))
}

/** Delivers some messages; the reason of failure by position of each that is not done. */
async function deliverRun(
  platform: Platform,
  messages: readonly QueueMessage[],
  planned: PlannedBatch,
): Promise<Map<number, string>> {
  const faults = await keepRows(platform, planned)
  // A message whose rows are not kept reaches no view: it comes again as a whole.
  const lost = new Set([...faults.keys()].map((position) => messages[position]!.id))
  await Promise.all(
    planned.deliveries.map(async ({ delivery, messages: positions }) => {
      const { entity, shard } = delivery.layout
      const groups = delivery.groups.filter(({ id }) => !lost.has(id.slice(0, id.lastIndexOf('/'))))
      if (groups.length === 0) return
      const send = () => platform.writers.deliver({ ...delivery, groups })
      const fault = await deliver(platform, { entity: entity.name, shard }, send)
      if (fault !== undefined) addFault(faults, positions, fault)
    }),
  )
  await countUnmetOf(platform, planned, faults)
  return faults
}

/**
 * Keeps what has to be kept before any view has a message's rows: those in quarantine, and the accepted ones as they came. Whoever
 * fills a view finds there all that was computed under an older generation.
 */
async function keepRows(platform: Platform, { quarantine, raw }: PlannedBatch): Promise<Map<number, string>> {
  const faults = new Map<number, string>()
  for (const { batch, message } of quarantine) {
    try {
      await platform.quarantine.write(batch)
    } catch (error) {
      faults.set(message, `Rows could not be kept in quarantine: ${String(error)}`)
    }
  }
  await Promise.all(
    raw.map(async ({ delivery, messages }) => {
      const { source, shard } = delivery.layout
      const fault = await deliver(platform, { source, shard }, () => platform.rawWriters.deliver(delivery))
      if (fault !== undefined) addFault(faults, messages, fault)
    }),
  )
  return faults
}

async function countUnmetOf(
  { clock, expectationTallies }: Platform,
  { tallies }: PlannedBatch,
  faults: Map<number, string>,
): Promise<void> {
  if (tallies.length === 0) return
  try {
    const time = clock.now()
    await expectationTallies.write(tallies.map(({ message: _, ...tally }) => ({ ...tally, time })))
  } catch (error) {
    for (const { message } of tallies)
      faults.set(message, `Unmet expectations could not be counted: ${String(error)}`)
  }
}

/** A real fault outweighs staleness: computing again would not mend it. */
function addFault(faults: Map<number, string>, messages: readonly number[], fault: string): void {
  for (const position of messages) if (!faults.has(position) || fault !== STALE) faults.set(position, fault)
}

async function deliver(
  platform: Platform,
  writer: Readonly<Record<string, string | number>>,
  send: () => Promise<DeliveryAnswer>,
): Promise<string | undefined> {
  try {
    const { status } = await send()
    return status === 'committed' ? undefined : STALE
  } catch (error) {
    const reason = error instanceof FeatureStoreError ? error.message : String(error)
    platform.log.error('A writer did not take a delivery; its messages come again', { ...writer, reason })
    return reason
  }
}
