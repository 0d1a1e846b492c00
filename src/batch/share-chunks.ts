import { FeatureStoreError } from '../core/error.ts'
import { type JobSteps, type Platform, runStep } from '../platform.ts'
import { type ChunkShare, chunksOf, countParts, encodePartId, type LoadPhase } from './load-parts.ts'
import { beat, findLoad, isUnderWay } from './load-under-way.ts'
import { refuseBadRows, runChunk } from './run-chunk.ts'
import { syncChunk } from './sync-chunk.ts'

/** Chunks that are to be seen to. */
export interface PhaseOfLoad {
  readonly id: string
  /** How often the load had been tried again. */
  readonly attempt: number
  readonly phase: LoadPhase
  readonly chunkCount: number
  readonly badRowsMax: number
  /** The name of a step of this run. */
  readonly name: (step: string) => string
}

/**
 * Has all chunks of a load seen to: by this job alone where they are few, else each share of them by an instance of
 * its own, beside this one. False when the load has ended meanwhile.
 *
 * ```
 *  load      begin 1 … n-1 ─> chunks 0, n, 2n … ─> look, wait, look … until none is lacking
 *  part k                     chunks k, n+k, 2n+k …
 * ```
 *
 * Nothing is told from one to the other: what a part has done stands in D1, and there the job looks.
 */
export async function shareChunks(platform: Platform, steps: JobSteps, of: PhaseOfLoad): Promise<boolean> {
  const partCount = countParts(of.chunkCount, platform.settings.loadPartsMax)
  for (let part = 1; part < partCount; part++)
    await runStep(steps, of.name(`begin ${of.phase} part ${part}`), () =>
      beginPart(platform, of, { part, partCount }),
    )
  if (!(await seeToShare(platform, steps, { ...of, part: 0, partCount, generation: undefined }))) return false
  return partCount === 1 || awaitParts(platform, steps, { of, partCount })
}

const SEE_TO: Readonly<Record<LoadPhase, typeof runChunk>> = { chunk: runChunk, sync: syncChunk }

/** Sees to the chunks of one share, one after another. False when they are no longer wanted. */
export async function seeToShare(
  platform: Platform,
  steps: JobSteps,
  share: PhaseOfLoad & ChunkShare & { readonly generation: number | undefined },
): Promise<boolean> {
  const { id, attempt, phase, generation } = share
  // Summed from what the steps came to: no step looks at all chunks, or a load of many would be quadratic.
  let rejected = 0
  for (const chunk of chunksOf(share, share.chunkCount)) {
    const bad = await runStep(
      steps,
      share.name(`${phase} ${chunk}`),
      () => SEE_TO[phase](platform, id, { chunk, attempt, generation }),
      { whileWaiting: () => beat(platform, id, attempt) },
    )
    if (bad === null) return false
    rejected += bad
    if (rejected > share.badRowsMax)
      await runStep(steps, share.name('refuse'), () => refuseBadRows(platform, id, attempt))
  }
  return true
}

/** Starts a part from its first step, whatever its engine believes of it: whoever began it before was cut off. */
async function beginPart(platform: Platform, of: PhaseOfLoad, share: ChunkShare): Promise<null> {
  const { id, attempt, phase } = of
  const load = await findLoad(platform, id)
  if (!isUnderWay(load, { attempt })) return null
  const lacking = await readLacking(platform, of, share.partCount)
  if (lacking[share.part]! > 0)
    await platform.jobs.restart(
      'load_part',
      encodePartId({ ...share, load: id, attempt, generation: load.generation, phase }),
    )
  return null
}

/** Looks before a job gives up and Cron starts it anew: hours, for a step more at each. */
const LOOKS_MAX = 2_000
const FIRST_WAIT_MS = 250
const WAIT_MS_MAX = 15_000

/** Waits until no part lacks a chunk. It does not beat: a load of which no part gets on is found silent. */
async function awaitParts(
  platform: Platform,
  steps: JobSteps,
  { of, partCount }: { readonly of: PhaseOfLoad; readonly partCount: number },
): Promise<boolean> {
  for (let look = 0; look < LOOKS_MAX; look++) {
    const lacking = await runStep(steps, of.name(`look at ${of.phase} parts ${look}`), () =>
      lookAtParts(platform, of, partCount),
    )
    if (lacking === null) return false
    if (lacking === 0) return true
    await steps.sleep(
      of.name(`wait for ${of.phase} parts ${look}`),
      Math.min(FIRST_WAIT_MS * 2 ** look, WAIT_MS_MAX),
    )
  }
  throw new FeatureStoreError('unavailable', `Parts of load "${of.id}" have not ended`)
}

/** Answers how many chunks are lacking, null when the load has ended; starts again what has ended before its time. */
async function lookAtParts(platform: Platform, of: PhaseOfLoad, partCount: number): Promise<number | null> {
  const { id, attempt, phase } = of
  const load = await findLoad(platform, id)
  if (!isUnderWay(load, { attempt })) return null
  const lacking = await readLacking(platform, of, partCount)
  for (const [part, count] of lacking.entries()) {
    if (part > 0 && count > 0)
      await platform.jobs.start(
        'load_part',
        encodePartId({ load: id, attempt, generation: load.generation, phase, part, partCount }),
      )
  }
  return lacking.reduce((sum, count) => sum + count, 0)
}

/** Chunks that each share lacks yet. Throws when all shares together have more bad rows than the load may. */
async function readLacking(
  platform: Platform,
  { id, attempt, phase, chunkCount, badRowsMax }: PhaseOfLoad,
  partCount: number,
): Promise<number[]> {
  const done = await platform.loads.countChunks(id, partCount)
  if (done.reduce((sum, { rejected }) => sum + rejected, 0) > badRowsMax)
    await refuseBadRows(platform, id, attempt)
  return done.map(
    ({ read, synced }, part) =>
      chunksOf({ part, partCount }, chunkCount).length - (phase === 'chunk' ? read : synced),
  )
}
