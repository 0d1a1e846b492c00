import { FeatureStoreError } from '../core/error.ts'
import { LIMITS } from '../core/limits.ts'
import { unmetExpectations } from '../core/transform.ts'
import { decodeValue, type Value } from '../core/value.ts'
import { callWorker, hasWorker, type ReturnedRows, type RowGroup } from '../core/worker-transform.ts'
import type { CompiledView, Snapshot } from '../definitions/snapshot.ts'
import { sourceExpectations, viewTransform } from '../definitions/view-transform.ts'
import type { Platform } from '../platform.ts'
import { cellPositions, cellTexts } from './message-cells.ts'
import type { EventMessage, QueueMessage } from './queue-message.ts'

/** By id of a view with a Worker of its own and by position of the message, what became of the message's rows. */
export type ReturnedByView = ReadonlyMap<string, readonly (ReturnedRows | undefined)[]>

export const NOTHING_RETURNED: ReturnedByView = new Map()

/**
 * Takes the rows of messages through the Workers of the views that have one, before the messages are planned: SQL is
 * computed at once, a Worker is waited for. Never throws.
 */
export async function callWorkers(
  { transformWorkers }: Pick<Platform, 'transformWorkers'>,
  snapshot: Snapshot,
  messages: readonly QueueMessage[],
): Promise<ReturnedByView> {
  const views = Object.values(snapshot.views).filter(
    ({ id, source, transform }) => transform !== null && snapshot.sources[source]?.views.includes(id),
  )
  const calls = { call: transformWorkers.call, budget: { callsLeft: LIMITS.transformCallsMax } }
  const returned = views.map(async (view) => {
    const positions = messages.flatMap((message, at) => (isFor(view, message) ? [at] : []))
    if (positions.length === 0) return []
    const groups = positions.map((at) => groupOf(snapshot, messages[at] as EventMessage))
    const transform = viewTransform(snapshot, view)
    if (!hasWorker(transform)) return []
    const outcomes = await callWorker(transform, groups, calls)
    const byMessage = new Array<ReturnedRows | undefined>(messages.length).fill(undefined)
    positions.forEach((position, at) => {
      byMessage[position] = outcomes[at]!
    })
    return [[view.id, byMessage] as const]
  })
  return new Map((await Promise.all(returned)).flat())
}

/** Why messages have to come again: a Worker could not be called for their rows. */
export function workerFaults(snapshot: Snapshot, returned: ReturnedByView): ReadonlyMap<number, string> {
  const faults = new Map<number, string>()
  for (const [id, byMessage] of returned) {
    const { name, transform } = snapshot.views[id]!
    byMessage.forEach((outcome, position) => {
      if (!(outcome instanceof FeatureStoreError)) return
      const { service, method } = transform!
      faults.set(position, `View "${name}": ${service}.${method}() failed: ${outcome.message}`)
    })
  }
  return faults
}

function isFor({ source, id }: CompiledView, message: QueueMessage): boolean {
  return message.kind === 'events' && message.source === source && (message.views?.includes(id) ?? true)
}

/** A message's rows as values; one that goes to quarantine is no row for a Worker, and has none. */
function groupOf(snapshot: Snapshot, message: EventMessage): RowGroup {
  const source = snapshot.sources[message.source]!
  const expectations = sourceExpectations(source)
  const positions = cellPositions(source, message.columns)
  let chars = 0
  const rows = message.rows.map(({ cells }): readonly Value[] | undefined => {
    chars += cells.length
    const texts = cellTexts(positions, cells)
    const values = source.columns.map(({ type }, at) => decodeValue(type, texts[at]!))
    return unmetExpectations(expectations, values, 'quarantine').length > 0 ? undefined : values
  })
  return { rows, chars }
}
