import { hashKey, topBits } from '../../core/entity-key.ts'
import { FeatureStoreError } from '../../core/error.ts'
import { writerLayout } from '../../definitions/writer-layout.ts'
import { isPermanent, type JobSteps, type Platform, runStep } from '../../platform.ts'
import { readWritingSnapshot } from '../../registry/current-snapshot.ts'
import { type Erased, type ErasedKeys, type ErasedPlace, readErasedKeys } from '../../registry/erased-keys.ts'
import { findPlannedFill, findUnfinishedLoad, findUnfinishedRows } from '../find-unfinished.ts'
import { eraseNextLanded } from './erase-landing.ts'
import { eraseQuarantine } from './erase-quarantine.ts'
import { eraseQuotations } from './erase-quotations.ts'
import { forgetFailedFills, planRaw, planStores } from './erase-stores.ts'
import { type ErasureParams, endErasure, noteErased, readErasure, updateErasure } from './erasure.ts'

/** Where keys are erased that other folders know of; in this order, after all else. */
export type Elsewhere = readonly ErasedPlace[]

/**
 * Removes every trace of some keys, once what was on its way has come. Each step may be cut off and done again; what it removed
 * before that is then not counted.
 *
 * ```
 *  wait ──> landing ──> wait ──> raw rows ─────> writers, logs ──> rest ──> quarantine, … ──> publish
 *           files       for      no fill reads   who log what               elsewhere
 *                       loads    them meanwhile  waits first
 * ```
 */
export async function eraseKeys(
  platform: Platform,
  id: string,
  { steps, elsewhere }: { readonly steps: JobSteps; readonly elsewhere: Elsewhere },
): Promise<void> {
  const runPlace = (step: string, { name, erase }: ErasedPlace) =>
    runStep(steps, step, async () => {
      const params = await readErasure(platform, id)
      const erased = await erase(platform, await readErasedKeys(platform, params))
      await noteErased(platform, id, { name, ...erased })
      return null
    })
  const wait = (name: string, findUnfinished: (erased: ErasedKeys) => Promise<string | undefined>) =>
    waitUntilEnded(platform, { id, steps, name }, async () =>
      findUnfinished(await readErasedKeys(platform, await readErasure(platform, id))),
    )
  try {
    await runStep(steps, 'begin', () => updateErasure(platform, id, { status: 'running', error: null }))
    const { startedTime } = (await platform.jobRecords.find(id))!
    await wait('rows', ({ sources }) => findUnfinishedRows(platform, { sources, time: startedTime }))
    for (let part = 0; await runStep(steps, `landing ${part}`, () => eraseNextLanded(platform, id)); part++)
      if (part === LANDED_PARTS_MAX)
        throw new FeatureStoreError('failed_precondition', 'Cannot erase keys: too much has landed')
    // Of the files as they were: what comes of those is found in the logs.
    const landedTime = platform.clock.now()
    await wait('landed', ({ sources }) => findUnfinishedLoad(platform, { sources, time: landedTime }))
    await runStep(steps, 'hold fills', () => holdFills(platform, id))
    await wait('fills', ({ sources }) => findPlannedFill(platform, sources))
    for (const [step, place] of await planRaw(platform, id)) await runPlace(step, place)
    await runStep(steps, 'let fills go', () => letFillsGo(platform, id))
    for (const [step, place] of await planStores(platform, id)) await runPlace(step, place)
    // By then blocks may be put again, without the keys, and what has failed for the last time is among the dead letters.
    await steps.sleep('rest', REST_MS)
    for (const place of [...ROWS_KEPT, ...elsewhere]) {
      const { findUnfinished } = place
      if (findUnfinished !== undefined) {
        const time = platform.clock.now()
        await wait(place.name, () => findUnfinished(platform, time))
      }
      await runPlace(place.name, place)
    }
    await runStep(steps, 'publish', () => publishBlocks(platform, id))
    await runStep(steps, 'end', () => endErasure(platform, id, { status: 'succeeded' }))
  } catch (error) {
    if (!isPermanent(error)) throw error
    await endErasure(platform, id, { status: 'failed', error: error.message })
  }
}

const REST_MS = 6_000
/** Steps over landed files, each of some hundred megabytes. */
const LANDED_PARTS_MAX = 1_000

/** Rows kept beside the stores. */
const ROWS_KEPT: readonly ErasedPlace[] = [
  { name: 'loads', erase: eraseKept },
  { name: 'quarantine', erase: eraseQuarantine },
  { name: 'quotations', erase: eraseQuotations },
]

/** What loads that did not end well have left; those that did have left nothing. */
async function eraseKept({ loads }: Platform, { sources }: ErasedKeys): Promise<Erased> {
  for (const source of sources.keys()) {
    for (const { id, status } of await loads.list(source))
      if (status === 'failed' || status === 'cancelled') await loads.deleteKept(id)
  }
  return { removed: 0, notes: [] }
}

/** A fill that has planned what it reads is waited for; one that has not waits as long as this is noted (`fill-view.ts`). */
async function holdFills(platform: Platform, id: string): Promise<null> {
  const params = await readErasure(platform, id)
  const erased = await readErasedKeys(platform, params)
  const held: ErasureParams = { ...params, rawSources: [...erased.sources.keys()] }
  await updateErasure(platform, id, { params: JSON.stringify(held) })
  await forgetFailedFills(platform, erased)
  return null
}

async function letFillsGo(platform: Platform, id: string): Promise<null> {
  const free: ErasureParams = { ...(await readErasure(platform, id)), rawSources: [] }
  return updateErasure(platform, id, { params: JSON.stringify(free) })
}

/** Waits of one erasure for what is under way: ten hours. */
const WAITS_MAX = 600
const WAIT_MS_MAX = 60_000

async function waitUntilEnded(
  platform: Platform,
  { id, steps, name }: { readonly id: string; readonly steps: JobSteps; readonly name: string },
  findUnfinished: () => Promise<string | undefined>,
): Promise<void> {
  for (let wait = 0; ; wait++) {
    const isBusy = await runStep(steps, `${name} ${wait}`, async () => {
      const unfinished = await findUnfinished()
      await updateErasure(platform, id, {})
      if (unfinished !== undefined && wait === WAITS_MAX)
        throw new FeatureStoreError(
          'failed_precondition',
          `Cannot erase keys: ${unfinished}, end it and erase again`,
        )
      return unfinished !== undefined
    })
    if (!isBusy) return
    await steps.sleep(`${name} rest ${wait}`, Math.min(1_000 * 2 ** wait, WAIT_MS_MAX))
  }
}

async function publishBlocks(platform: Platform, id: string): Promise<null> {
  const { entity: name, keys } = await readErasure(platform, id)
  const snapshot = await readWritingSnapshot(platform, { entities: [name] })
  const { shardBits } = snapshot.entities[name]!
  for (const shard of new Set(keys.map((key) => topBits(hashKey(key).high, shardBits))))
    await platform.writers.flush(writerLayout(snapshot, name, shard), { cut: false })
  return null
}
