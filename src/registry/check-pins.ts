import { invalid } from '../core/error.ts'
import type { DefinitionSet } from '../definitions/definition-set.ts'
import type { FeatureView } from '../definitions/feature-view.ts'
import {
  isPin,
  parseViewId,
  type VersionedSet,
  type VersionNumbers,
  viewId,
} from '../definitions/transition.ts'
import { findProblems } from '../definitions/validate.ts'

/** What a pin may name: the versions that come to be, those in force and those kept up. */
export interface Pinnable {
  readonly before: VersionedSet
  /** Those in force. */
  readonly definitions: DefinitionSet
  /** Definitions of the generations that kept versions are from. */
  readonly formers: ReadonlyMap<number, DefinitionSet>
}

/**
 * Refuses services that pin a version which is not kept up, or that want of it what it does not have. Throws `invalid_argument` with every
 * fault in `details.problems`.
 */
export function checkPins(next: DefinitionSet, versions: VersionNumbers, pinnable: Pinnable): void {
  const pins = next.feature_services.flatMap(({ name, features }) =>
    features.filter(({ view }) => isPin(view)).map(({ view }) => ({ service: name, id: view })),
  )
  if (pins.length === 0) return
  const views = new Map(pins.map(({ id }) => [id, findVersion(next, versions, { id, pinnable })]))
  const problems = pins
    .filter(({ id }) => views.get(id) === undefined)
    .map(({ service, id }) => `feature service "${service}": ${unknownVersion(id, versions, pinnable)}`)
  const known = [...views].flatMap(([id, view]) => (view === undefined ? [] : [{ ...view, name: id }]))
  problems.push(...findProblems({ ...next, feature_views: [...next.feature_views, ...known] }))
  if (problems.length > 0) throw invalid(`Cannot pin versions: ${problems[0]}`, { problems })
}

function findVersion(
  next: DefinitionSet,
  versions: VersionNumbers,
  { id, pinnable: { before, definitions, formers } }: { readonly id: string; readonly pinnable: Pinnable },
): FeatureView | undefined {
  const { name, version } = parseViewId(id)
  const kept = before.transition.kept[id]
  const set =
    versions[name] === version
      ? next
      : before.versions[name] === version
        ? definitions
        : formers.get(kept ?? 0)
  return set?.feature_views.find((view) => view.name === name)
}

function unknownVersion(id: string, versions: VersionNumbers, { before }: Pinnable): string {
  const { name } = parseViewId(id)
  const known = [
    ...[before.versions[name], versions[name]].flatMap((version) =>
      version === undefined ? [] : [viewId(name, version)],
    ),
    ...Object.keys(before.transition.kept).filter((kept) => parseViewId(kept).name === name),
  ]
  const hint = known.length === 0 ? '' : `, ${[...new Set(known)].sort().join(' and ')} can be pinned`
  return `version "${id}" is not kept up${hint}`
}
