import { FeatureStoreError, invalid } from '../core/error.ts'
import { compileDefinitions } from '../definitions/compile.ts'
import { type DefinitionSet, EMPTY_DEFINITIONS } from '../definitions/definition-set.ts'
import { SNAPSHOT_FORMAT, type Snapshot } from '../definitions/snapshot.ts'
import type { Generation, Platform } from '../platform.ts'
import { estimateFills, type FillEstimate } from './estimate-fills.ts'
import { findUnused } from './find-unused.ts'
import { type Change, type CurrentDefinitions, planChanges } from './plan-changes.ts'

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
  const { generation, ...current } = await readCurrent(platform)
  const { changes } = planChanges(current, next)
  const fills = await estimateFills(platform, current, next, changes)
  return { generation, changes, warnings: findUnused(next), fills }
}

/**
 * Makes `next` the definitions in force: one new generation in D1, then its snapshot in KV, then the pointer.
 * Applying what is in force changes nothing, but publishes again what a crash may have left unpublished.
 * Throws `failed_precondition` on a stale expectation, a lost race or a breaking change that was not allowed.
 */
export async function applyChanges(
  platform: Platform,
  next: DefinitionSet,
  options: ApplyOptions,
): Promise<Applied> {
  refuseUnboundWorkers(platform, next)
  const { generation, blockBits, ...current } = await readCurrent(platform)
  const { expectedGeneration = generation } = options
  if (expectedGeneration !== generation) throw superseded(expectedGeneration, generation)
  const { changes, versions } = planChanges(current, next)
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
  const applied: Generation = {
    generation: generation + 1,
    appliedTime: platform.clock.now(),
    author: options.author,
    definitions: next,
    versions,
    blockBits,
  }
  if (!(await insertGeneration(platform, applied))) throw superseded(generation, generation + 1)
  return { generation: applied.generation, changes, warnings }
}

/** Makes a generation the one in force: in D1 first, then where readers look. False when its number is taken. */
export async function insertGeneration(platform: Platform, generation: Generation): Promise<boolean> {
  const snapshot = compile(generation)
  if (!(await platform.registry.insert(generation, snapshot))) return false
  await platform.snapshots.publish(snapshot)
  return true
}

/** Puts the newest generation where readers look; Cron repairs with it what a crashed apply left behind. */
export async function publishNewest(platform: Platform): Promise<void> {
  const newest = await platform.registry.read()
  if (newest === undefined) return
  const stored = await platform.registry.readSnapshot(newest.generation)
  const isCurrent = stored?.format === SNAPSHOT_FORMAT
  if (isCurrent && (await platform.snapshots.readPointer()) === newest.generation) return
  const snapshot = isCurrent ? stored : compile(newest)
  if (!isCurrent) await platform.registry.replaceSnapshot(snapshot)
  await platform.snapshots.publish(snapshot)
}

/** Compiles a generation again that another release compiled, for work that is pinned to it. */
export async function recompileGeneration({ registry }: Platform, number: number): Promise<void> {
  if ((await registry.readSnapshot(number))?.format === SNAPSHOT_FORMAT) return
  const generation = await registry.read(number)
  if (generation !== undefined) await registry.replaceSnapshot(compile(generation))
}

function compile({ definitions, versions, generation, blockBits }: Generation): Snapshot {
  const numbers = Object.fromEntries(Object.entries(versions).map(([view, { version }]) => [view, version]))
  return compileDefinitions(definitions, { generation, versions: numbers, blockBits })
}

async function readCurrent(
  platform: Platform,
): Promise<CurrentDefinitions & Pick<Generation, 'generation' | 'blockBits'>> {
  const [newest, versionsEver] = await Promise.all([
    platform.registry.read(),
    platform.registry.readVersions(),
  ])
  return {
    generation: newest?.generation ?? 0,
    definitions: newest?.definitions ?? EMPTY_DEFINITIONS,
    versions: newest?.versions ?? {},
    blockBits: newest?.blockBits ?? {},
    versionsEver,
  }
}

function superseded(expected: number, current: number) {
  return new FeatureStoreError(
    'failed_precondition',
    `Cannot apply definitions: generation ${expected} is no longer in force, plan again on generation ${current}`,
    { generation: current },
  )
}
