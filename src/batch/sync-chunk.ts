import { hashKey, topBits } from '../core/entity-key.ts'
import { assert, FeatureStoreError } from '../core/error.ts'
import type { CompiledEntity, Snapshot } from '../definitions/snapshot.ts'
import { writerLayout } from '../definitions/writer-layout.ts'
import type { Platform } from '../platform.ts'
import { readWritingSnapshot } from '../registry/current-snapshot.ts'
import { remakeNewest } from './load-chunk.ts'
import { findLoad, isUnderWay } from './load-under-way.ts'
import { openChunk } from './open-chunk.ts'
import type { ChunkOfLoad } from './run-chunk.ts'

/** Sends the newest row of each key of a chunk to the writers; they decide (S8). Null when it is no longer wanted. */
export async function syncChunk(
  platform: Platform,
  id: string,
  { chunk, ...by }: ChunkOfLoad,
): Promise<0 | null> {
  const { loads } = platform
  const load = await findLoad(platform, id)
  if (!isUnderWay(load, by)) return null
  const done = await loads.findChunk(id, chunk)
  assert(done !== undefined, 'a chunk is loaded before it is synced')
  if (done.isSynced) return 0
  const rows =
    (await loads.readNewest(id, { generation: load.generation, chunk })) ??
    // Deleted when the load had failed with its rows in history (S9).
    (await remakeNewest(platform, await openChunk(platform, { load, chunk }), { load, chunk }))
  for (let attempt = 0; ; attempt++) {
    const snapshot = await readWritingSnapshot(platform, { sources: [load.source] })
    const answers = await Promise.all(
      planSync(snapshot, rows).map(({ entity, shard, view, part, lines }) =>
        platform.writers.deliver({
          layout: writerLayout(snapshot, entity, shard),
          kind: 'load',
          groups: [{ id: `${id}.${chunk}.${part}/${view}`, time: load.ingestTime, rows: lines.join('\n') }],
        }),
      ),
    )
    if (answers.every(({ status }) => status === 'committed')) break
    if (attempt > 2)
      throw new FeatureStoreError('unavailable', 'A writer knows a newer generation of definitions')
  }
  await loads.markSynced(id, by.attempt, chunk)
  await loads.update(id, by.attempt, { heartbeatTime: platform.clock.now() })
  return 0
}

interface SyncPart {
  readonly entity: string
  readonly shard: number
  readonly view: string
  /** Which of the writer's parts this is: each is small enough for one row of its journal. */
  readonly part: number
  readonly lines: string[]
  chars: number
}

const PART_CHARS_MAX = 1_000_000

/** Groups rows by view version and writer; rows of versions no longer in force stay in the log alone. */
function planSync(snapshot: Snapshot, rows: string): SyncPart[] {
  const entityByView = new Map<string, CompiledEntity>()
  for (const { id, entity } of Object.values(snapshot.views)) entityByView.set(id, snapshot.entities[entity]!)
  const parts: SyncPart[] = []
  const openParts = new Map<string, SyncPart>()
  for (const line of rows === '' ? [] : rows.split('\n')) {
    const [view, key] = line.split('\t', 2) as [string, string]
    const entity = entityByView.get(view)
    if (entity === undefined) continue
    const shard = topBits(hashKey(key).high, entity.shardBits)
    const address = `${view}/${shard}`
    let part = openParts.get(address)
    if (part === undefined || part.chars + line.length > PART_CHARS_MAX) {
      part = { entity: entity.name, shard, view, part: (part?.part ?? -1) + 1, lines: [], chars: 0 }
      openParts.set(address, part)
      parts.push(part)
    }
    part.lines.push(line)
    part.chars += line.length + 1
  }
  return parts
}
