import { FeatureStoreError, invalid } from '../core/error.ts'
import { LIMITS } from '../core/limits.ts'
import { nearestName } from '../core/nearest-name.ts'
import { formatInstant, type Instant } from '../core/time.ts'
import { FUTURE_MAX_US } from '../core/transform.ts'
import { fingerprint } from '../definitions/fingerprint.ts'
import { parseKeys } from '../definitions/parse-keys.ts'
import type { CompiledEntity, Snapshot } from '../definitions/snapshot.ts'
import { parseViewId } from '../definitions/transition.ts'
import type { Platform } from '../platform.ts'
import { resolveEntity } from '../registry/resolve-name.ts'
import { type DeletionMessage, encodeMessages, type MessageRow } from './queue-message.ts'
import { readBacklogRefusal } from './read-backlog-refusal.ts'
import { REPLAY_AGE_MAX_MS } from './writer-platform.ts'

export interface Deletion {
  readonly entity: string
  readonly keys: readonly Readonly<Record<string, unknown>>[]
  /** From when on the keys have no value (S10). */
  readonly eventTime: Instant
  /** Names of the views they are deleted from; null for all of the entity, those to come included. */
  readonly views: readonly string[] | null
  readonly idempotency?: { readonly token: string; readonly key: string } | undefined
}

export interface DeletionAnswer {
  readonly deletion_id: string
  readonly accepted: number
}

/** Tombstones that are made of one message, one for each key and view: the consumer holds them at once. */
const MESSAGE_TOMBSTONES_MAX = 20_000

/**
 * The door of deletions: tombstones go through the same queue and the same writers as rows, and obey the same
 * order. A key that cannot be read refuses the whole request. Throws `not_found` for an unknown entity,
 * `limit_exceeded` for too many keys.
 */
export async function deleteKeys(platform: Platform, deletion: Deletion): Promise<DeletionAnswer> {
  const { snapshot, entity } = await resolveEntity(platform, deletion.entity)
  if (deletion.keys.length > LIMITS.deletionKeysMax) {
    throw new FeatureStoreError(
      'limit_exceeded',
      `Cannot delete ${deletion.keys.length} keys: at most ${LIMITS.deletionKeysMax} go in one request`,
    )
  }
  refuseForeignViews(snapshot, entity, deletion.views ?? [])
  const rows = parseKeys(entity, deletion.keys).map((cells, index): MessageRow => ({ index, cells }))
  const now = platform.clock.now()
  if (deletion.eventTime > now + FUTURE_MAX_US) {
    throw invalid(
      `Cannot delete at ${formatInstant(deletion.eventTime)}: it is more than 5 minutes ahead of the clock`,
    )
  }
  const id =
    deletion.idempotency &&
    fingerprint([deletion.idempotency.token, { entity: entity.name }, deletion.idempotency.key])
  // A request that has begun is taken whatever the backlog: the queue may hold half of it.
  const known = id === undefined ? undefined : await platform.pushes.find(id)
  const refusal = known === undefined ? await readBacklogRefusal(platform) : undefined
  if (refusal !== undefined) throw refusal
  const { pushId, doorTime } = await begin(platform, deletion, {
    id,
    generation: snapshot.generation,
    doorTime: now,
  })
  const { eventTime, views } = deletion
  const head = { kind: 'deletions', entity: entity.name, pushId, doorTime, eventTime, views } as const
  const rowsMax = Math.floor(MESSAGE_TOMBSTONES_MAX / (views?.length ?? 1))
  await platform.events.send(encodeMessages<DeletionMessage>(head, rows, { rowsMax }))
  return { deletion_id: pushId, accepted: rows.length }
}

/** A request repeated under its key is sent again id by id the same, so that it has the effect of once (S9). */
async function begin(
  platform: Platform,
  { keys, eventTime, views }: Deletion,
  {
    id,
    generation,
    doorTime,
  }: { readonly id: string | undefined; readonly generation: number; readonly doorTime: Instant },
): Promise<{ readonly pushId: string; readonly doorTime: Instant }> {
  const pushId = platform.nextId()
  if (id === undefined) return { pushId, doorTime }
  const bodyFingerprint = fingerprint([keys, eventTime, views])
  const first = { id, pushId, doorTime, generation, bodyFingerprint, answer: null }
  const record = await platform.pushes.begin(first)
  // Writers may have forgotten its ids: sent again, its tombstones would stand in the log twice (S9).
  if (doorTime - record.doorTime > REPLAY_AGE_MAX_MS * 1_000) {
    throw new FeatureStoreError(
      'failed_precondition',
      `Cannot delete under this Idempotency-Key: its first request was on ${formatInstant(record.doorTime)}, too long ago to be repeated; delete under another`,
    )
  }
  if (record.bodyFingerprint === bodyFingerprint) return record
  throw new FeatureStoreError(
    'failed_precondition',
    'Cannot delete under this Idempotency-Key: its first request carried another body, repeat that one',
  )
}

function refuseForeignViews({ facts }: Snapshot, entity: CompiledEntity, names: readonly string[]): void {
  const own = Object.entries(facts).flatMap(([id, view]) =>
    view.entity === entity.name ? [parseViewId(id).name] : [],
  )
  for (const [at, name] of names.entries()) {
    // Twice would stand in the log twice.
    if (names.indexOf(name) < at) throw invalid(`Cannot delete from view "${name}": it is named twice`)
    if (own.includes(name)) continue
    const nearest = nearestName(name, own)
    const hint = nearest === undefined ? '' : ` (did you mean "${nearest}"?)`
    throw invalid(`Cannot delete from view "${name}": entity "${entity.name}" has none of that name${hint}`)
  }
}
