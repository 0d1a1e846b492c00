import { hashKey, topBits } from '../../core/entity-key.ts'
import { FeatureStoreError } from '../../core/error.ts'
import { tombstoneLog } from '../../definitions/segment-record.ts'
import type { CompiledEntity, Snapshot } from '../../definitions/snapshot.ts'
import { fillJobId, viewId } from '../../definitions/transition.ts'
import { writerLayout } from '../../definitions/writer-layout.ts'
import type { LogName, Platform } from '../../platform.ts'
import { readWritingSnapshot } from '../../registry/current-snapshot.ts'
import { type ErasedKeys, type ErasedPlace, readErasedKeys } from '../../registry/erased-keys.ts'
import { eraseFromLog, logErasure } from './erase-from-log.ts'
import { eraseRaw } from './erase-raw.ts'
import { readErasure } from './erasure.ts'

/** One place, by the name of the step that erases from it: the same as long as the erasure goes on. */
export type PlaceStep = readonly [step: string, place: ErasedPlace]

/** The raw rows of every source that ever fed a view of the entity. */
export async function planRaw(platform: Platform, id: string): Promise<PlaceStep[]> {
  const { startedTime: time } = (await platform.jobRecords.find(id))!
  const { sources } = await readErasedKeys(platform, await readErasure(platform, id))
  return [...sources.keys()].map((source): PlaceStep => {
    const erase: ErasedPlace['erase'] = (_, keys) => eraseRaw(platform, keys, { source, time })
    return [`raw ${source}`, { name: 'raw', erase }]
  })
}

/** Writers and logs: the writers first, which log what waits, so that the logs hold all there is. */
export async function planStores(platform: Platform, id: string): Promise<PlaceStep[]> {
  const { entity: name, keys } = await readErasure(platform, id)
  const { startedTime: time } = (await platform.jobRecords.find(id))!
  const snapshot = await readWritingSnapshot(platform, { entities: [name] })
  const entity = snapshot.entities[name]
  if (entity === undefined)
    throw new FeatureStoreError(
      'failed_precondition',
      `Cannot erase keys: entity "${name}" was dropped meanwhile`,
    )
  const place = (called: string, erase: () => Promise<number>): ErasedPlace => ({
    name: called,
    erase: async () => ({ removed: await erase(), notes: [] }),
  })
  const keysByShard = Map.groupBy(keys, (key) => topBits(hashKey(key).high, entity.shardBits))
  const writers = [...keysByShard].map(
    ([shard, own]): PlaceStep => [
      `writers ${shard}`,
      place('writers', () => eraseFromWriter(platform, { snapshot, entity, shard }, own)),
    ],
  )
  const erased = await readErasedKeys(platform, { entity: name, keys })
  const versions = await versionsOf(platform, erased)
  const touch = place('datasets', () => touchDatasets(platform, [...erased.views]))
  const logs = [...versions, tombstoneLog(name)].map(
    (log): PlaceStep => [
      `log ${log.view}@${log.version}`,
      place('log', () => eraseFromLog(platform, logErasure(entity, { log, keys, time }))),
    ],
  )
  return [...writers, ['touch', touch], ...logs]
}

/** What is to be erased was in what they were made from: none can be made again (S5). */
async function touchDatasets({ training }: Platform, views: readonly string[]): Promise<number> {
  await training.touch(views, 'rows that it was made from have been erased')
  return 0
}

/** Cuts of a writer before it has logged all that waited; more comes while it is busy. */
const CUTS_MAX = 20

async function eraseFromWriter(
  { writers }: Platform,
  {
    snapshot,
    entity,
    shard,
  }: { readonly snapshot: Snapshot; readonly entity: CompiledEntity; readonly shard: number },
  keys: readonly string[],
): Promise<number> {
  const layout = writerLayout(snapshot, entity.name, shard)
  for (let cut = 0; ; cut++) {
    await writers.flush(layout, { cut: true })
    const removed = await writers.eraseKeys(layout, keys)
    if (removed !== null) return removed
    if (cut === CUTS_MAX)
      throw new FeatureStoreError(
        'unavailable',
        `Cannot erase keys of "${entity.name}": rows keep coming to be logged`,
      )
  }
}

/** Every version the views ever had: one without a segment may have left objects. */
async function versionsOf({ registry }: Platform, { views }: ErasedKeys): Promise<LogName[]> {
  const newest = await registry.readVersions()
  return [...views].flatMap((view) =>
    Array.from({ length: newest[view] ?? 0 }, (_, at) => ({ view, version: at + 1 })),
  )
}

/** Fills that have failed do not go on with what they had made: a rebuild makes another version (`rebuild-view.ts`). */
export async function forgetFailedFills(platform: Platform, erased: ErasedKeys): Promise<void> {
  const { fills, jobRecords } = platform
  for (const { view, version } of await versionsOf(platform, erased)) {
    const id = fillJobId(viewId(view, version))
    if ((await jobRecords.find(id))?.status === 'failed') await fills.forget(id)
  }
}
