import { FeatureStoreError, invalid } from '../core/error.ts'
import { canonicalJson } from '../core/json.ts'
import { DEFINITION_KINDS, DefinitionSet } from '../definitions/definition-set.ts'
import type { Entity } from '../definitions/entity.ts'
import type { FeatureView } from '../definitions/feature-view.ts'
import type { Source } from '../definitions/source.ts'
import { findProblems } from '../definitions/validate.ts'
import type { ViewVersion } from '../platform.ts'
import { additive, destructive, type Effect, isBreaking, joinEffects, METADATA } from './effect.ts'
import { findRenames } from './find-renames.ts'
import { type CurrentDefinitions, planVersions } from './plan-versions.ts'
import { serviceEffect } from './service-effect.ts'
import { sourceEffect } from './source-effect.ts'
import { newVersionEffect, newViewEffect, onDemandEffect, sameVersionEffect } from './view-effect.ts'

export interface Change extends Effect {
  readonly action: 'create' | 'update' | 'delete'
  /** `<kind>/<name>`, for example `feature_view/airport_delays`. */
  readonly object: string
  /** What is different, field by field. */
  readonly details: readonly string[]
  /** True when something that worked before will answer differently or not at all. */
  readonly breaking: boolean
}

export interface ChangePlan {
  readonly changes: readonly Change[]
  /** Version and fingerprint of every feature view after the change. */
  readonly versions: Readonly<Record<string, ViewVersion>>
}

/** Reads a definition document. Throws `invalid_argument` with every fault in `details.problems`. */
export function parseDefinitions(json: unknown): DefinitionSet {
  const parsed = DefinitionSet.safeParse(json)
  const problems = parsed.success
    ? findProblems(parsed.data)
    : parsed.error.issues.map(({ path, message }) => `${place(json, path)}: ${message}`)
  if (problems.length > 0) {
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more in details.problems)` : ''
    throw invalid(`Cannot read definitions: ${problems[0]}${more}`, { problems })
  }
  return parsed.data!
}

/**
 * Everything that applying `next` will do (S32). Pure: apply carries out exactly this. Throws `failed_precondition`
 * for what cannot be done.
 */
export function planChanges(current: CurrentDefinitions, next: DefinitionSet): ChangePlan {
  refuseMovedShards(current.definitions, next)
  refuseOtherKeys(current.definitions, next)
  const versions = planVersions(current, next)
  const renames = findRenames(current.definitions, next)
  const changes = Object.entries(DEFINITION_KINDS).flatMap(([key, kind]) => {
    const before = byName(current.definitions[key as keyof DefinitionSet])
    const after = byName(next[key as keyof DefinitionSet])
    const names = [...new Set([...before.keys(), ...after.keys()])].sort()
    return names.flatMap((name): Change[] => {
      const object = `${kind}/${name}`
      const details = differences(before.get(name), after.get(name))
      if (details === undefined) return []
      const effect = joinEffects([
        effectOf({ current, next, versions }, kind, name),
        renameEffect(renames.get(object)),
      ])
      const action = !before.has(name) ? 'create' : !after.has(name) ? 'delete' : 'update'
      return [changeOf(action, object, details, effect)]
    })
  })
  return { changes: [...changes, ...draggedChanges({ current, next, versions }, changes)], versions }
}

/** Two sets of definitions, and the versions of the second. */
interface Comparison {
  readonly current: CurrentDefinitions
  readonly next: DefinitionSet
  readonly versions: Readonly<Record<string, ViewVersion>>
}

/** Definitions that change though their own text does not: a view by its source, a service by its views. */
function draggedChanges(comparison: Comparison, changes: readonly Change[]): Change[] {
  const { current, next, versions } = comparison
  const touched = new Set(changes.map(({ object }) => object))
  const views = Object.entries(versions).flatMap(([name, { version }]) => {
    const former = current.versions[name]?.version
    const object = `feature_view/${name}`
    if (former === undefined || former === version || touched.has(object)) return []
    const details = ['its source or entity changes what it holds']
    return [changeOf('update', object, details, newVersionEffect(former, version))]
  })
  const changed = new Set([...changes, ...views].map(({ object }) => object.slice(object.indexOf('/') + 1)))
  const services = next.feature_services.flatMap(({ name, features }) => {
    const object = `feature_service/${name}`
    const isKept = current.definitions.feature_services.some((service) => service.name === name)
    if (!isKept || touched.has(object)) return []
    if (!features.some(({ view }) => changed.has(view.split('@')[0]!))) return []
    const effect = serviceEffect(current.definitions, next, name)
    if (effect.impact === 'metadata') return []
    return [changeOf('update', object, ['its views change what it answers'], effect)]
  })
  return [...views, ...services]
}

function changeOf(
  action: Change['action'],
  object: string,
  details: readonly string[],
  effect: Effect,
): Change {
  return { action, object, details, breaking: isBreaking(effect), ...effect }
}

/** What a definition that is made, changed or dropped comes to. */
function effectOf({ current, next, versions }: Comparison, kind: DefinitionKind, name: string): Effect {
  const before = current.definitions
  const [was, is] = [before, next].map((set) =>
    (set[KEYS[kind]] as readonly Named[]).find((one) => one.name === name),
  )
  if (is === undefined) return destructive(GONE[kind])
  if (kind === 'feature_view') {
    const { version } = versions[name]!
    const former = current.versions[name]?.version
    if (former === undefined) return newViewEffect(version)
    if (former !== version) return newVersionEffect(former, version)
    return sameVersionEffect(was as FeatureView, is as FeatureView)
  }
  if (was === undefined) return additive()
  switch (kind) {
    case 'entity':
      return hasSameKeys(was as Entity, is as Entity)
        ? METADATA
        : destructive('what is stored and asked for stands under other keys')
    case 'source':
      return sourceEffect(was as Source, is as Source)
    case 'on_demand_view':
      return onDemandEffect(before, next, name)
    case 'feature_service':
      return serviceEffect(before, next, name)
  }
}

function hasSameKeys(was: Entity, is: Entity): boolean {
  return canonicalJson(was.join_keys) === canonicalJson(is.join_keys)
}

const STORED_STAYS = 'it can no longer be used; what was stored stays'
const GONE: Readonly<Record<DefinitionKind, string>> = {
  entity: STORED_STAYS,
  source: STORED_STAYS,
  feature_view: STORED_STAYS,
  on_demand_view: 'it can no longer be used',
  feature_service: 'it can no longer be used',
}

function renameEffect(other: string | undefined): Effect {
  if (other === undefined) return METADATA
  return {
    impact: 'metadata',
    consequences: [
      `but for its name it is ${other}: a rename is a delete and a create, and carries nothing over`,
    ],
  }
}

/** Rows stand where the number of shards put them; this release cannot move them. */
function refuseMovedShards(current: DefinitionSet, next: DefinitionSet): void {
  for (const { name, shards } of next.entities) {
    const before = current.entities.find((entity) => entity.name === name)
    if (before === undefined || before.shards === shards) continue
    throw new FeatureStoreError(
      'failed_precondition',
      `Cannot change entity "${name}" from ${before.shards} to ${shards} shards: moving rows is not supported yet`,
    )
  }
  // A message that comes again has to meet the writer that knows it.
  for (const { name, shards } of next.sources) {
    const before = current.sources.find((source) => source.name === name)
    if (before === undefined || before.shards === shards) continue
    throw new FeatureStoreError(
      'failed_precondition',
      `Cannot change source "${name}" from ${before.shards} to ${shards} shards: moving rows is not supported yet`,
    )
  }
}

/** Rows, deletions and blocks of all views and versions stand under an entity's keys: other keys are another entity. */
function refuseOtherKeys(current: DefinitionSet, next: DefinitionSet): void {
  for (const entity of next.entities) {
    const before = current.entities.find(({ name }) => name === entity.name)
    if (before === undefined || hasSameKeys(before, entity)) continue
    throw new FeatureStoreError(
      'failed_precondition',
      `Cannot change the join keys of entity "${entity.name}": what is stored stands under them, define another entity`,
    )
  }
}

interface Named {
  readonly name: string
}

type DefinitionKind = (typeof DEFINITION_KINDS)[keyof typeof DEFINITION_KINDS]

const KEYS = Object.fromEntries(
  Object.entries(DEFINITION_KINDS).map(([key, kind]) => [kind, key]),
) as Readonly<Record<DefinitionKind, keyof DefinitionSet>>

function byName(definitions: readonly Named[]): ReadonlyMap<string, Named> {
  return new Map(definitions.map((definition) => [definition.name, definition]))
}

/** What is different, field by field; undefined when nothing is. */
function differences(before: Named | undefined, after: Named | undefined): readonly string[] | undefined {
  if (before === undefined || after === undefined) return []
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  const details = fields.flatMap((field) => {
    const [was, is] = [before, after].map((definition) =>
      canonicalJson(definition[field as keyof Named] ?? null),
    )
    return was === is ? [] : [`${field}: ${was} -> ${is}`]
  })
  return details.length === 0 ? undefined : details
}

/** `feature_views[2] "clicks".ttl` rather than numbers alone. */
function place(json: unknown, path: readonly PropertyKey[]): string {
  let at = json as Record<PropertyKey, unknown> | undefined
  let text = ''
  for (const step of path) {
    at = at?.[step] as typeof at
    text += typeof step === 'number' ? `[${step}]` : `${text === '' ? '' : '.'}${String(step)}`
    if (typeof step === 'number' && typeof at?.name === 'string') text += ` "${at.name.slice(0, 63)}"`
  }
  return text === '' ? 'the document' : text
}
