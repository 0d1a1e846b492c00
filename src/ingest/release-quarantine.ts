import type { ErrorCode } from '../core/error.ts'
import { LIMITS } from '../core/limits.ts'
import type { Platform, QuarantineBatch, QuarantinedRow } from '../platform.ts'
import { type EventMessage, encodeMessages } from './queue-message.ts'

export interface Release {
  readonly source: string
  /** Ids of batches; absent: those that wait, newest first. */
  readonly ids?: readonly string[] | undefined
}

export interface ReleaseAnswer {
  readonly released: readonly string[]
  readonly refused: readonly { readonly id: string; readonly code: ErrorCode; readonly message: string }[]
}

/**
 * Sends rows in quarantine through the queue again, under the stamps they had (S6), to the views that could not take them. At most
 * `LIMITS.quarantineBatchesMax` batches. Rows that fail again come back with their new reason.
 */
export async function releaseQuarantine(
  platform: Platform,
  { source, ids }: Release,
): Promise<ReleaseAnswer> {
  const { quarantine, events, clock } = platform
  const waiting = await quarantine.list({ source, countMax: LIMITS.quarantineBatchesMax })
  const wanted = ids === undefined ? waiting.map(({ id }) => id) : [...new Set(ids)]
  const released: string[] = []
  const refused: ReleaseAnswer['refused'][number][] = []
  for (const id of wanted) {
    const summary = waiting.find((one) => one.id === id) ?? (await quarantine.find(source, id))
    const batch = summary === undefined ? undefined : await quarantine.read(source, id)
    if (summary === undefined || batch === undefined)
      refused.push(refusal(id, 'not_found', 'there is none of that id'))
    else if (summary.isReleased) refused.push(refusal(id, 'failed_precondition', 'it was released before'))
    else {
      await events.send(releasedMessages(batch))
      await quarantine.release(source, id, clock.now())
      released.push(id)
    }
  }
  return { released, refused }
}

/**
 * One run of messages for each view, so that a view that took its row before does not take it again. Their ids follow from the batch:
 * sent twice, they have the effect of once (S9).
 */
function releasedMessages({ id, source, pushId, doorTime, columns, rows }: QuarantineBatch): string[] {
  const head = { kind: 'events', source, pushId, doorTime, columns } as const
  return [...Map.groupBy(rows, ({ view }: QuarantinedRow) => view)].flatMap(([view, sameView]) =>
    encodeMessages<EventMessage>(view === null ? head : { ...head, views: [view] }, sameView, {
      idPrefix: `${id}.released${view === null ? '' : `.${view}`}`,
    }),
  )
}

function refusal(id: string, code: ErrorCode, why: string) {
  return { id, code, message: `Cannot release "${id}": ${why}` }
}
