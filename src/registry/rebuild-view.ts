import { FeatureStoreError } from '../core/error.ts'
import { fillJobId, planTransition, viewId } from '../definitions/transition.ts'
import type { Generation, Platform } from '../platform.ts'
import { insertGeneration } from './apply-changes.ts'
import { fillAtOnce, startFills } from './fill-views.ts'
import { compileGeneration, readCurrent, versionedSet, versionNumbers } from './read-current.ts'
import { notFound } from './resolve-name.ts'

export interface Rebuild {
  /** Of the job that fills it. */
  readonly id: string
  /** Id of the version that is filled. */
  readonly view: string
  readonly generation: number
}

/**
 * Makes a view's values anew from the raw rows of its source and the deletions of its entity: as another version of the same definition,
 * to which services move when it is whole. One whose fill has not ended is filled on. Throws `not_found`, and `failed_precondition` when
 * definitions change meanwhile.
 */
export async function rebuildView(platform: Platform, name: string, author: string): Promise<Rebuild> {
  const current = await readCurrent(platform)
  const known = Object.hasOwn(current.versions, name) ? current.versions[name] : undefined
  if (known === undefined) throw notFound('feature view', name, current.versions)
  const unfilled = viewId(name, known.version)
  if (Object.hasOwn(current.transition.unfilled, unfilled)) {
    const isOn = await fillOn(platform, fillJobId(unfilled))
    if (isOn) return { id: fillJobId(unfilled), view: unfilled, generation: current.generation }
  }
  const version = (current.versionsEver[name] ?? 0) + 1
  const view = viewId(name, version)
  const versions = { ...current.versions, [name]: { ...known, version } }
  const generation = current.generation + 1
  const { definitions, blockBits } = current
  const made: Generation = {
    generation,
    appliedTime: platform.clock.now(),
    author,
    definitions,
    versions,
    blockBits,
    transition: planTransition(versionedSet(current), {
      definitions,
      versions: versionNumbers(versions),
      unfilled: { ...current.transition.unfilled, [view]: generation },
    }),
  }
  const snapshot = await compileGeneration(platform, made, current)
  if (!(await insertGeneration(platform, made, snapshot))) {
    throw new FeatureStoreError(
      'failed_precondition',
      `Cannot rebuild "${name}": definitions were applied meanwhile, ask again`,
    )
  }
  const filled = await fillAtOnce(platform, snapshot)
  await startFills(platform)
  return { id: fillJobId(view), view, generation: filled ?? generation }
}

/**
 * A fill that has failed begins again, one that is under way goes on. False when it cannot: it has failed, and an erasure has
 * taken away what it had made, some of which the writers may have.
 */
async function fillOn({ fills, jobRecords, jobs, clock }: Platform, id: string): Promise<boolean> {
  const job = await jobRecords.find(id)
  if (job?.status !== 'failed') return true
  if ((await fills.readProgress(id)).total === 0) return false
  await jobRecords.update(id, { status: 'queued', error: null, heartbeatTime: clock.now() })
  await jobs.restart('fill', id)
  return true
}
