import { FeatureStoreError, invalid } from '../core/error.ts'
import type { DefinitionIndex } from '../definitions/definition-index.ts'
import type { DefinitionSet } from '../definitions/definition-set.ts'
import { rawLog } from '../definitions/raw-log.ts'
import { isPin, planTransition, viewId } from '../definitions/transition.ts'
import type { Platform, ViewVersion } from '../platform.ts'
import { checkPins } from './check-pins.ts'
import { estimateFills, type FillEstimate } from './estimate-fills.ts'
import { fillAtOnce, startFills } from './fill-views.ts'
import { findUnused } from './find-unused.ts'
import {
  type KnownGeneration,
  type MadeGeneration,
  makeGeneration,
  type NewHead,
  versionNumbers,
} from './make-generation.ts'
import { type Change, planChanges } from './plan-changes.ts'
import { readCurrent, versionedSet } from './read-current.ts'
import { readFormers } from './read-definitions.ts'
import { readPlanned } from './read-planned.ts'
import { type Proposal, proposeDefinitions } from './read-proposal.ts'
import { publishNewest, storeGeneration } from './store-generation.ts'

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
function refuseUnboundWorkers({ transformWorkers }: Platform, { feature_views }: DefinitionIndex): void {
  const problems = feature_views.flatMap(({ name, uses: [, , service] }) =>
    service === undefined || transformWorkers.has(service)
      ? []
      : [`feature view "${name}": no Worker is bound as "${service}", a service binding is needed`],
  )
  if (problems.length > 0) throw invalid(`Cannot read definitions: ${problems[0]}`, { problems })
}

function proposalOf(given: DefinitionSet | Proposal): Proposal {
  return 'index' in given ? given : proposeDefinitions(given)
}

/** What applying definitions would do now, and the generation it would be done to. Changes nothing. */
export async function planApply(platform: Platform, given: DefinitionSet | Proposal): Promise<PlannedApply> {
  const next = proposalOf(given)
  refuseUnboundWorkers(platform, next.index)
  const current = await readCurrent(platform)
  const { changes, made, planned } = await prepare(platform, current, next)
  const fills = await estimateFills(platform, current.head, { next: planned, changes })
  return { generation: current.head.generation, changes, warnings: findUnused(made.head.index), fills }
}

/**
 * Makes definitions those in force: one new generation in D1, then its snapshot in KV, then the pointer. Versions that
 * have rows to come are filled by jobs; where there are none, a second generation follows at once.
 * Applying what is in force changes nothing, but publishes again what a crash may have left unpublished.
 * Throws `failed_precondition` on a stale expectation, a lost race or a breaking change that was not allowed.
 */
export async function applyChanges(
  platform: Platform,
  given: DefinitionSet | Proposal,
  options: ApplyOptions,
): Promise<Applied> {
  const next = proposalOf(given)
  refuseUnboundWorkers(platform, next.index)
  const current = await readCurrent(platform)
  const { generation } = current.head
  const { expectedGeneration = generation } = options
  if (expectedGeneration !== generation) throw superseded(expectedGeneration, generation)
  const { changes, made } = await prepare(platform, current, next)
  const warnings = findUnused(made.head.index)
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
  const { author } = options
  if (!(await storeGeneration(platform, made, { author }))) throw superseded(generation, generation + 1)
  // The definitions are in force: what cannot be done now is done by the job.
  const filled = await fillAtOnce(platform, made.snapshot).catch((error: unknown) => {
    platform.log.error('Views without rows were not filled at once; their jobs do it', {
      reason: String(error),
    })
    return undefined
  })
  await startFills(platform)
  return { generation: filled ?? made.head.generation, changes, warnings }
}

interface Prepared {
  readonly changes: readonly Change[]
  /** The generation that comes of it, if anything changes. */
  readonly made: MadeGeneration
  /** The definitions that the plan is about. */
  readonly planned: DefinitionSet
}

async function prepare(
  platform: Platform,
  current: KnownGeneration,
  { index, ...fresh }: Proposal,
): Promise<Prepared> {
  const { head } = current
  const [{ before: was, after: is }, versionsEver] = await Promise.all([
    readPlanned(platform, head, { index, definitions: fresh.definitions }),
    platform.registry.readVersions(),
  ])
  const { changes, versions: planned } = planChanges(
    { definitions: was, versions: head.versions, versionsEver },
    is,
  )
  const versions = Object.fromEntries(
    index.feature_views.map(({ name }) => [name, (planned[name] ?? head.versions[name])!]),
  )
  const numbers = versionNumbers(versions)
  const formers = await readFormers(platform, head.transition, head)
  const before = versionedSet(head)
  checkPins(is, numbers, { before, definitions: was, formers })
  const unfilled = await findUnfilled(platform, head, { index, versions })
  const transition = planTransition(before, { services: index.feature_services, versions: numbers, unfilled })
  const { blockBits } = head
  const following = { generation: head.generation + 1, index, versions, blockBits, transition }
  const made = await makeGeneration(platform, current, { head: following, fresh })
  refuseFrozenPins(made)
  return { changes, made, planned: is }
}

/** Versions that rows of before are to be filled into, those that were waiting for it and those that are made now. */
async function findUnfilled(
  platform: Platform,
  head: NewHead,
  {
    index,
    versions,
  }: { readonly index: DefinitionIndex; readonly versions: Readonly<Record<string, ViewVersion>> },
): Promise<Record<string, number>> {
  const unfilled: Record<string, number> = {}
  for (const { name, uses } of index.feature_views) {
    const { version } = versions[name]!
    const id = viewId(name, version)
    const isNew = head.versions[name]?.version !== version
    const generation = isNew ? head.generation + 1 : head.transition.unfilled[id]
    if (generation === undefined || (isNew && !(await mayHaveRows(platform, head, uses[1]!)))) continue
    unfilled[id] = generation
  }
  return unfilled
}

/** A source that is new has no rows, unless there was one of its name before. */
async function mayHaveRows(
  { offline }: Platform,
  { generation, index }: NewHead,
  source: string,
): Promise<boolean> {
  if (index.sources.some(({ name }) => name === source)) return true
  const { view, version } = rawLog(source)
  return generation > 0 && (await offline.list(view, version)).length > 0
}

function refuseFrozenPins({ head, snapshot }: MadeGeneration): void {
  for (const { name, uses } of head.index.feature_services) {
    for (const id of uses.filter(isPin)) {
      if (snapshot.facts[id]?.isComputed) continue
      throw invalid(
        `Cannot pin "${id}" in feature service "${name}": its source no longer has what it is made of, or not as it was`,
      )
    }
  }
}

function superseded(expected: number, current: number) {
  return new FeatureStoreError(
    'failed_precondition',
    `Cannot apply definitions: generation ${expected} is no longer in force, plan again on generation ${current}`,
    { generation: current },
  )
}
