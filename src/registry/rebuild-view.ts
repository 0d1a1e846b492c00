import { FeatureStoreError } from '../core/error.ts'
import { fillJobId, planTransition, viewId } from '../definitions/transition.ts'
import type { Platform } from '../platform.ts'
import { fillAtOnce, startFills } from './fill-views.ts'
import { makeGeneration, versionNumbers } from './make-generation.ts'
import { readCurrent, versionedSet } from './read-current.ts'
import { notFound } from './resolve-name.ts'
import { storeGeneration } from './store-generation.ts'

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
  const [current, versionsEver] = await Promise.all([readCurrent(platform), platform.registry.readVersions()])
  const { head } = current
  const known = Object.hasOwn(head.versions, name) ? head.versions[name] : undefined
  if (known === undefined) throw notFound('feature view', name, Object.keys(head.versions))
  const unfilled = viewId(name, known.version)
  if (Object.hasOwn(head.transition.unfilled, unfilled)) {
    const isOn = await fillOn(platform, fillJobId(unfilled))
    if (isOn) return { id: fillJobId(unfilled), view: unfilled, generation: head.generation }
  }
  const version = (versionsEver[name] ?? 0) + 1
  const view = viewId(name, version)
  const versions = { ...head.versions, [name]: { ...known, version } }
  const generation = head.generation + 1
  const transition = planTransition(versionedSet(head), {
    services: head.index.feature_services,
    versions: versionNumbers(versions),
    unfilled: { ...head.transition.unfilled, [view]: generation },
  })
  const next = { ...head, generation, versions, transition }
  const made = await makeGeneration(platform, current, { head: next })
  if (!(await storeGeneration(platform, made, { author }))) {
    throw new FeatureStoreError(
      'failed_precondition',
      `Cannot rebuild "${name}": definitions were applied meanwhile, ask again`,
    )
  }
  const filled = await fillAtOnce(platform, made.snapshot)
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
