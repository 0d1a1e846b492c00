import { hashKey, topBits } from '../core/entity-key.ts'
import { FeatureStoreError } from '../core/error.ts'
import { compareStamps, encodeRow, type Stamp } from '../core/row.ts'
import { encodeCells, type Value } from '../core/value.ts'
import { oldestCounted } from '../core/window/window-plan.ts'
import type { CompiledView, Snapshot } from '../definitions/snapshot.ts'
import { viewTransform, windowPlan } from '../definitions/view-transform.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import type { DeliveryGroup, Platform } from '../platform.ts'
import { readWritingSnapshot } from '../registry/current-snapshot.ts'

/** A row of a filled version, and the message or load that brought it. */
export interface FilledRow {
  readonly key: string
  readonly stamp: Stamp
  readonly features: readonly Value[]
  readonly message: string
}

/** Rows that take effect together, for the writers. */
export interface SyncGroup extends DeliveryGroup {
  readonly shard: number
}

export interface SyncPlan {
  readonly snapshot: Snapshot
  readonly view: CompiledView
  /** Names the chunk among all that ever was filled. */
  readonly chunk: string
  /** When the fill began: what decides by time decides the same when the chunk is done again. */
  readonly startedTime: number
}

/** Characters of rows in one delivery: well under what one row of a writer's journal may hold (2 MB). */
const PART_CHARS_MAX = 1_000_000
/** Their ids stand beside the rows. */
const GROUPS_MAX = 5_000
/** Messages that may still come again, as dead letters that are replayed (S9). */
const REPLAY_AGE_US = 15 * 86_400_000_000

/**
 * What the writers get of a chunk's rows. Of a latest-row view the newest of each key, which are harmless twice (S6). Of windows every event
 * within the longest one, under the ids of the messages that brought them: what the stream has delivered meanwhile is not counted again
 * (S9), and one that is older than any replay stands with its chunk.
 */
export function planSync(
  { snapshot, view, chunk, startedTime }: SyncPlan,
  rows: readonly FilledRow[],
): SyncGroup[] {
  const { shardBits } = snapshot.entities[view.entity]!
  const shardOf = ({ key }: FilledRow) => topBits(hashKey(key).high, shardBits)
  const isRecent = ({ stamp }: FilledRow) => startedTime - stamp.ingestTime <= REPLAY_AGE_US
  const messageOf = (row: FilledRow) =>
    view.windows !== null && isRecent(row)
      ? { id: row.message, time: row.stamp.ingestTime }
      : { id: chunk, time: startedTime }
  const transform = viewTransform(snapshot, view)
  const lines = Map.groupBy(
    wantedRows(view, rows, startedTime),
    (row) => `${shardOf(row)} ${messageOf(row).id}`,
  )
  return [...lines.values()].flatMap((together) => {
    const { id, time } = messageOf(together[0]!)
    const texts = together.map(({ key, features, stamp }) =>
      encodeRow({ ...stamp, view: view.id, key, cells: encodeCells(transform.features, features) }),
    )
    const parts = splitLines(texts)
    const shard = shardOf(together[0]!)
    return parts.map((part, at) => ({
      // A message of the queue is never so long: it has its own id.
      id: `${id}${parts.length === 1 ? '' : `.${at}`}/${view.id}`,
      time,
      rows: part,
      shard,
    }))
  })
}

function wantedRows(view: CompiledView, rows: readonly FilledRow[], now: number): FilledRow[] {
  if (view.windows !== null) {
    const oldest = oldestCounted(windowPlan(view.windows), now)
    return rows.filter(({ stamp }) => stamp.eventTime >= oldest)
  }
  const newestByKey = new Map<string, FilledRow>()
  const ahead: FilledRow[] = []
  for (const row of rows) {
    // The writer may still have to hold it (S4): until then the newest before it is what counts.
    if (row.stamp.eventTime > row.stamp.ingestTime) ahead.push(row)
    else {
      const newest = newestByKey.get(row.key)
      if (newest === undefined || compareStamps(row.stamp, newest.stamp) > 0) newestByKey.set(row.key, row)
    }
  }
  return [...newestByKey.values(), ...ahead]
}

/** Lines joined into texts that one delivery can hold. */
function splitLines(lines: readonly string[]): string[] {
  const parts: string[][] = [[]]
  let chars = 0
  for (const line of lines) {
    if (chars + line.length > PART_CHARS_MAX && chars > 0) {
      parts.push([])
      chars = 0
    }
    parts.at(-1)!.push(line)
    chars += line.length + 1
  }
  return parts.map((part) => part.join('\n'))
}

const ATTEMPTS_MAX = 4

/**
 * Brings groups to the writers of an entity, under the newest generation there is. Rows that the writers have by now are skipped by their
 * ids. Throws `unavailable` when a writer goes on knowing a newer one.
 */
export async function deliverFilled(
  platform: Platform,
  entity: string,
  groups: readonly SyncGroup[],
): Promise<void> {
  let waiting = [...Map.groupBy(groups, ({ shard }) => shard)].flatMap(([shard, own]) =>
    packGroups(own).map((part) => ({ shard, part })),
  )
  for (let attempt = 0; waiting.length > 0; attempt++) {
    if (attempt === ATTEMPTS_MAX)
      throw new FeatureStoreError('unavailable', 'A writer knows a newer generation of definitions')
    const snapshot = await readWritingSnapshot(platform, { entities: [entity] })
    const stale: typeof waiting = []
    for (const delivery of waiting) {
      const layout = writerLayout(snapshot, entity, delivery.shard)
      const { status } = await platform.writers.deliver({ layout, kind: 'fill', groups: delivery.part })
      if (status !== 'committed') stale.push(delivery)
    }
    waiting = stale
  }
}

function packGroups(groups: readonly SyncGroup[]): DeliveryGroup[][] {
  const packed: DeliveryGroup[][] = []
  let chars = 0
  for (const { id, time, rows } of groups) {
    const last = packed.at(-1)
    if (last === undefined || last.length >= GROUPS_MAX || chars + rows.length > PART_CHARS_MAX) {
      packed.push([{ id, time, rows }])
      chars = rows.length
    } else {
      last.push({ id, time, rows })
      chars += rows.length
    }
  }
  return packed
}
