import { assert, FeatureStoreError } from '../core/error.ts'
import { isPermanent, type Platform } from '../platform.ts'
import { loadChunk } from './load-chunk.ts'
import { findLoad, isUnderWay } from './load-under-way.ts'
import { openChunk } from './open-chunk.ts'

/** A chunk of a load, and the attempt and generation in which whoever sees to it computes rows; absent means the load's. */
export interface ChunkOfLoad {
  readonly chunk: number
  readonly attempt: number
  readonly generation: number | undefined
}

/** Answers how many rows of the chunk are bad; null when it is no longer wanted. */
export async function runChunk(
  platform: Platform,
  id: string,
  { chunk, ...by }: ChunkOfLoad,
): Promise<number | null> {
  const { loads } = platform
  const load = await findLoad(platform, id)
  if (!isUnderWay(load, by)) return null
  const run = { attempt: load.attempt, generation: load.generation }
  const beat = (error: string | null) =>
    loads.beat(id, { ...run, error, heartbeatTime: platform.clock.now() })
  let done = await loads.findChunk(id, chunk)
  if (done === undefined) {
    try {
      done = await loadChunk(platform, await openChunk(platform, { load, chunk }), { load, chunk })
    } catch (error) {
      // The engine tries again and tells nobody why: whoever asks for the load sees the reason meanwhile.
      if (!isPermanent(error)) await beat(String((error as Error).message))
      throw error
    }
  }
  // A job is ended between two of its steps: one that runs meanwhile removes what it kept by itself.
  const after = await findLoad(platform, id)
  if (!isUnderWay(after, run)) {
    if (after.endedTime !== null || after.status === 'cancelled') await loads.deleteKept(id)
    return null
  }
  await beat(null)
  return done.rejected
}

/** Fails a load with more bad rows than it may have, by those of the chunks that are done; one that is tried again has others. */
export async function refuseBadRows(platform: Platform, id: string, attempt: number): Promise<null> {
  const load = await findLoad(platform, id)
  if (load.attempt !== attempt) return null
  const { file, badRowsMax } = load
  const chunks = await platform.loads.listChunks(id)
  const rejected = chunks.reduce((sum, chunk) => sum + chunk.rejected, 0)
  const [first] = chunks.flatMap(({ rejections }) => rejections)
  assert(first !== undefined, 'a chunk with bad rows tells some of them')
  throw new FeatureStoreError(
    'invalid_argument',
    `Cannot load "${file}": ${rejected} rows are bad and max_bad_rows is ${badRowsMax}; row ${first.row}: ${first.message}`,
  )
}
