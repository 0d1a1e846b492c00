import { FeatureStoreError, invalid } from '../core/error.ts'
import { canonicalJson } from '../core/json.ts'
import { DEFINITION_KINDS, DefinitionSet } from '../definitions/definition-set.ts'
import { onDemandFingerprint, viewFingerprint } from '../definitions/fingerprint.ts'
import { findProblems } from '../definitions/validate.ts'
import type { ViewVersion } from '../platform.ts'

export interface Change {
  readonly action: 'create' | 'update' | 'delete'
  /** `<kind>/<name>`, for example `feature_view/airport_delays`. */
  readonly object: string
  /** What is different, field by field. */
  readonly details: readonly string[]
  /** True when something that worked before will answer differently or not at all. */
  readonly breaking: boolean
  /** What applying it will cause. */
  readonly consequences: readonly string[]
}

export interface ChangePlan {
  readonly changes: readonly Change[]
  /** Version and fingerprint of every feature view after the change. */
  readonly versions: Readonly<Record<string, ViewVersion>>
}

/** What is in force now. */
export interface CurrentDefinitions {
  readonly definitions: DefinitionSet
  readonly versions: Readonly<Record<string, ViewVersion>>
  /** The highest version each view name ever had. */
  readonly versionsEver: Readonly<Record<string, number>>
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
  const versions = Object.fromEntries(
    next.feature_views.map((view) => {
      const fingerprint = viewFingerprint(next, view)
      const known = current.versions[view.name]
      if (known?.fingerprint === fingerprint) return [view.name, known]
      return [view.name, { version: (current.versionsEver[view.name] ?? 0) + 1, fingerprint }]
    }),
  )
  const changes = Object.entries(DEFINITION_KINDS).flatMap(([key, kind]) => {
    const before: readonly Named[] = current.definitions[key as keyof DefinitionSet]
    const after: readonly Named[] = next[key as keyof DefinitionSet]
    const names = [...new Set([...before, ...after].map(({ name }) => name))].sort()
    return names.flatMap((name) => {
      const change = planChange(
        before.find((old) => old.name === name),
        after.find((young) => young.name === name),
      )
      if (change === undefined) return []
      const effect =
        kind === 'feature_view'
          ? viewEffect(current, versions, name, change)
          : kind === 'on_demand_view'
            ? onDemandEffect(current.definitions, next, name)
            : EFFECTS[change.action]
      return [{ action: change.action, object: `${kind}/${name}`, details: change.details, ...effect }]
    })
  })
  // A view's stored values also hang on its source and entity: it may change though its own text did not.
  const touched = new Set(changes.map(({ object }) => object))
  const dragged = Object.entries(versions)
    .filter(
      ([name, { version }]) =>
        current.versions[name] !== undefined && current.versions[name].version !== version,
    )
    .filter(([name]) => !touched.has(`feature_view/${name}`))
    .map(([name]) => {
      const change = { action: 'update', details: ['its source or entity changes what it holds'] } as const
      const { action, details } = change
      return {
        action,
        object: `feature_view/${name}`,
        details,
        ...viewEffect(current, versions, name, change),
      }
    })
  return { changes: [...changes, ...dragged], versions }
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
}

interface Named {
  readonly name: string
}

type Effect = Pick<Change, 'breaking' | 'consequences'>

const EFFECTS: Readonly<Record<Change['action'], Effect>> = {
  create: { breaking: false, consequences: [] },
  update: { breaking: false, consequences: [] },
  delete: { breaking: true, consequences: ['it can no longer be used; what was stored stays'] },
}

const STARTS_EMPTY = 'it starts empty: rows accepted before this apply are not filled in by this release'

function planChange(
  before: Named | undefined,
  after: Named | undefined,
): Pick<Change, 'action' | 'details'> | undefined {
  if (before === undefined) return { action: 'create', details: [] }
  if (after === undefined) return { action: 'delete', details: [] }
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  const details = fields.flatMap((field) => {
    const [was, is] = [before, after].map((definition) =>
      canonicalJson(definition[field as keyof Named] ?? null),
    )
    return was === is ? [] : [`${field}: ${was} -> ${is}`]
  })
  return details.length === 0 ? undefined : { action: 'update', details }
}

function viewEffect(
  current: CurrentDefinitions,
  versions: Readonly<Record<string, ViewVersion>>,
  name: string,
  { action }: Pick<Change, 'action'>,
): Effect {
  const now = current.versions[name]?.version
  const next = versions[name]?.version
  if (action === 'delete') return EFFECTS.delete
  if (now === undefined) return { breaking: false, consequences: [`version ${next} is made`, STARTS_EMPTY] }
  if (now === next) return EFFECTS.update
  return { breaking: true, consequences: [`version ${next} takes the place of version ${now}`, STARTS_EMPTY] }
}

/** An on-demand view stores nothing and has no versions: what changes it, changes what services answer (S33). */
function onDemandEffect(before: DefinitionSet, after: DefinitionSet, name: string): Effect {
  const [was, is] = [before, after].map((set) => set.on_demand_views.find((view) => view.name === name))
  if (was === undefined) return EFFECTS.create
  if (is === undefined) return { breaking: true, consequences: ['it can no longer be used'] }
  if (onDemandFingerprint(was) === onDemandFingerprint(is)) return EFFECTS.update
  const services = before.feature_services
    .filter(({ features }) => features.some(({ view }) => view === name))
    .map(
      (service) => `feature service "${service.name}" answers it by the new definition at once, history too`,
    )
  return { breaking: services.length > 0, consequences: services }
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
