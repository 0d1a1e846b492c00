import { FeatureStoreError } from '../core/error.ts'
import type { CompiledSource, Snapshot } from '../definitions/snapshot.ts'
import type { LoadRecord, Platform } from '../platform.ts'

/** Throws `not_found`. */
export async function findLoad(platform: Platform, id: string): Promise<LoadRecord> {
  const load = await platform.loads.find(id)
  if (load === undefined)
    throw new FeatureStoreError('not_found', `Cannot find load "${id}": there is none of that id`)
  return load
}

/** Whether its chunks are to be seen to, by whoever computes its rows in this attempt and under this generation; absent means any. */
export function isUnderWay(
  load: LoadRecord,
  { attempt, generation }: { readonly attempt: number; readonly generation?: number | undefined },
): boolean {
  return (
    load.status === 'running' &&
    load.attempt === attempt &&
    (generation === undefined || load.generation === generation)
  )
}

/** Throws `failed_precondition` for a source that is gone, or takes no files any more. */
export function findSource(snapshot: Snapshot, load: LoadRecord): CompiledSource {
  const source = snapshot.sources[load.source]
  if (source?.landing) return source
  throw new FeatureStoreError(
    'failed_precondition',
    `Cannot load "${load.file}": there is no source "${load.source}" with a landing`,
  )
}

/** Ends a load that no other try of this attempt can mend, unless it has ended, is tried again or goes on under another generation. */
export async function failLoad(
  platform: Platform,
  id: string,
  {
    attempt,
    generation,
    error,
  }: { readonly attempt: number; readonly generation?: number; readonly error: FeatureStoreError },
): Promise<void> {
  const load = await findLoad(platform, id)
  if (load.attempt !== attempt) return
  if (generation !== undefined && load.generation !== generation) return
  // Before, for once the load has ended nobody comes back to it; and after, for what parts kept meanwhile. Those that keep
  // something later than that see that it has ended.
  await platform.loads.deleteKept(id)
  await platform.loads.fail(id, {
    attempt,
    generation: load.generation,
    error: error.message,
    endedTime: platform.clock.now(),
  })
  if ((await findLoad(platform, id)).attempt === attempt) await platform.loads.deleteKept(id)
}

/** Says that a load goes on. */
export async function beat({ loads, clock }: Platform, id: string, attempt: number): Promise<void> {
  await loads.update(id, attempt, { heartbeatTime: clock.now() })
}
