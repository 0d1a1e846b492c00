import { FeatureStoreError, invalid } from '../core/error.ts'
import type { DefinitionSet } from '../definitions/definition-set.ts'
import { rawLog } from '../definitions/raw-log.ts'
import { SNAPSHOT_FORMAT, type Snapshot } from '../definitions/snapshot.ts'
import { isPin, planTransition, serviceViews, viewId } from '../definitions/transition.ts'
import type { Generation, Platform } from '../platform.ts'
import { checkPins } from './check-pins.ts'
import { estimateFills, type FillEstimate } from './estimate-fills.ts'
import { fillAtOnce, startFills } from './fill-views.ts'
import { findUnused } from './find-unused.ts'
import { type Change, planChanges } from './plan-changes.ts'
import {
  type Current,
  compileGeneration,
  readCurrent,
  readFormers,
  versionedSet,
  versionNumbers,
} from './read-current.ts'

export interface ApplyOptions {
  /** Refuse unless this is the generation in force (0: none yet). */
  readonly expectedGeneration?: number | undefined
  readonly allowBreaking: boolean
  readonly author: string
}

export interface Applied {
  readonly generation: number
  readonly changes: readonly Change[]
  /** What is defined and leads nowhere. */
  readonly warnings: readonly string[]
}

export interface PlannedApply extends Applied {
  /** What filling the views costs that are made, or made anew, of rows there are. */
  readonly fills: readonly FillEstimate[]
}

/** Refuses views whose Worker is not bound: their rows would come again and again, and end as dead letters. */
function refuseUnboundWorkers({ transformWorkers }: Platform, { feature_views }: DefinitionSet): void {
  const problems = feature_views.flatMap(({ name, transform }) =>
    transform === undefined || transformWorkers.has(transform.service)
      ? []
      : [`feature view "${name}": no Worker is bound as "${transform.service}", a service binding is needed`],
  )
  if (problems.length > 0) throw invalid(`Cannot read definitions: ${problems[0]}`, { problems })
}

/** What applying `next` would do now, and the generation it would be done to. Changes nothing. */
export async function planApply(platform: Platform, next: DefinitionSet): Promise<PlannedApply> {
  refuseUnboundWorkers(platform, next)
  const current = await readCurrent(platform)
  const { changes } = await prepare(platform, current, next)
  const fills = await estimateFills(platform, current, next, changes)
  return { generation: current.generation, changes, warnings: findUnused(next), fills }
}

/**
 * Makes `next` the definitions in force: one new generation in D1, then its snapshot in KV, then the pointer. Versions that
 * have rows to come are filled by jobs; where there are none, a second generation follows at once.
 * Applying what is in force changes nothing, but publishes again what a crash may have left unpublished.
 * Throws `failed_precondition` on a stale expectation, a lost race or a breaking change that was not allowed.
 */
export async function applyChanges(
  platform: Platform,
  next: DefinitionSet,
  options: ApplyOptions,
): Promise<Applied> {
  refuseUnboundWorkers(platform, next)
  const current = await readCurrent(platform)
  const { generation } = current
  const { expectedGeneration = generation } = options
  if (expectedGeneration !== generation) throw superseded(expectedGeneration, generation)
  const { changes, made, snapshot } = await prepare(platform, current, next)
  const warnings = findUnused(next)
  if (changes.length === 0) {
    if (generation > 0) await publishNewest(platform)
    return { generation, changes, warnings }
  }
  const breaking = changes.filter((change) => change.breaking)
  if (breaking.length > 0 && !options.allowBreaking) {
    const objects = breaking.map(({ object }) => object)
    throw new FeatureStoreError(
      'failed_precondition',
      `Cannot apply definitions: ${objects.join(', ')} would break, allow_breaking is needed`,
      { breaking },
    )
  }
  const applied: Generation = { ...made, appliedTime: platform.clock.now(), author: options.author }
  if (!(await insertGeneration(platform, applied, snapshot))) throw superseded(generation, generation + 1)
  // The definitions are in force: what cannot be done now is done by the job.
  const filled = await fillAtOnce(platform, snapshot).catch((error: unknown) => {
    platform.log.error('Views without rows were not filled at once; their jobs do it', {
      reason: String(error),
    })
    return undefined
  })
  await startFills(platform)
  return { generation: filled ?? applied.generation, changes, warnings }
}

interface Prepared {
  readonly changes: readonly Change[]
  /** The generation that comes of it, if anything changes. */
  readonly made: Omit<Generation, 'appliedTime' | 'author'>
  readonly snapshot: Snapshot
}

async function prepare(platform: Platform, current: Current, next: DefinitionSet): Promise<Prepared> {
  const { changes, versions } = planChanges(current, next)
  const before = versionedSet(current)
  const numbers = versionNumbers(versions)
  checkPins(next, numbers, { before, formers: await readFormers(platform, current.transition, current) })
  const unfilled: Record<string, number> = {}
  for (const { name, source } of next.feature_views) {
    const id = viewId(name, numbers[name]!)
    const isNew = current.versions[name]?.version !== numbers[name]
    const generation = isNew ? current.generation + 1 : current.transition.unfilled[id]
    if (generation === undefined || (isNew && !(await mayHaveRows(platform, current, source)))) continue
    unfilled[id] = generation
  }
  const made = {
    generation: current.generation + 1,
    definitions: next,
    versions,
    blockBits: current.blockBits,
    transition: planTransition(before, { definitions: next, versions: numbers, unfilled }),
  }
  const snapshot = await compileGeneration(platform, made, current)
  refuseFrozenPins(snapshot, next)
  return { changes, made, snapshot }
}

/** A source that is new has no rows, unless there was one of its name before. */
async function mayHaveRows({ offline }: Platform, current: Current, source: string): Promise<boolean> {
  if (current.definitions.sources.some(({ name }) => name === source)) return true
  const { view, version } = rawLog(source)
  return current.generation > 0 && (await offline.list(view, version)).length > 0
}

function refuseFrozenPins({ sources, views }: Snapshot, { feature_services }: DefinitionSet): void {
  for (const service of feature_services) {
    for (const id of Object.values(serviceViews(service, {})).filter(isPin)) {
      const view = views[id]
      if (view !== undefined && sources[view.source]?.views.includes(id)) continue
      throw invalid(
        `Cannot pin "${id}" in feature service "${service.name}": its source no longer has what it is made of, or not as it was`,
      )
    }
  }
}

/** Makes a generation the one in force: in D1 first, then where readers look. False when its number is taken. */
export async function insertGeneration(
  platform: Platform,
  generation: Generation,
  compiled?: Snapshot,
): Promise<boolean> {
  const snapshot = compiled ?? (await compileGeneration(platform, generation))
  if (!(await platform.registry.insert(generation, snapshot))) return false
  await platform.snapshots.publish(snapshot)
  return true
}

/** Puts the newest generation where readers look; Cron repairs with it what a crashed apply left behind. */
export async function publishNewest(platform: Platform): Promise<string | undefined> {
  const newest = await platform.registry.read()
  if (newest === undefined) return undefined
  const stored = await platform.registry.readSnapshot(newest.generation)
  const isCurrent = stored?.format === SNAPSHOT_FORMAT
  if (isCurrent && (await platform.snapshots.readPointer()) === newest.generation) return undefined
  const snapshot = isCurrent ? stored : await compileGeneration(platform, newest)
  if (!isCurrent) await platform.registry.replaceSnapshot(snapshot)
  await platform.snapshots.publish(snapshot)
  return `generation ${newest.generation} published`
}

/** Compiles a generation again that another release compiled, for work that is pinned to it. */
export async function recompileGeneration(platform: Platform, number: number): Promise<void> {
  const { registry } = platform
  if ((await registry.readSnapshot(number))?.format === SNAPSHOT_FORMAT) return
  const generation = await registry.read(number)
  if (generation !== undefined) await registry.replaceSnapshot(await compileGeneration(platform, generation))
}

function superseded(expected: number, current: number) {
  return new FeatureStoreError(
    'failed_precondition',
    `Cannot apply definitions: generation ${expected} is no longer in force, plan again on generation ${current}`,
    { generation: current },
  )
}
