import { canonicalJson } from '../core/json.ts'
import type { DefinitionSet } from '../definitions/definition-set.ts'
import type { FeatureView } from '../definitions/feature-view.ts'
import { viewFingerprint } from '../definitions/view-fingerprint.ts'
import type { ViewVersion } from '../platform.ts'

/** What is in force now. */
export interface CurrentDefinitions {
  readonly definitions: DefinitionSet
  readonly versions: Readonly<Record<string, ViewVersion>>
  /** The highest version each view name ever had. */
  readonly versionsEver: Readonly<Record<string, number>>
}

/** The version of every view of `next`: the one it has, or the next number where its values change (S33). Pure. */
export function planVersions(current: CurrentDefinitions, next: DefinitionSet): Record<string, ViewVersion> {
  return Object.fromEntries(
    next.feature_views.map((view) => {
      const known = current.versions[view.name]
      const before = current.definitions.feature_views.find(({ name }) => name === view.name)
      if (
        known !== undefined &&
        before !== undefined &&
        hasSameValues(current.definitions, before, { next, view })
      )
        return [view.name, known]
      const version = (current.versionsEver[view.name] ?? 0) + 1
      return [view.name, { version, fingerprint: viewFingerprint(next, view) }]
    }),
  )
}

/**
 * Whether a view holds the same in both sets. Both fingerprints are taken now: one of another release may have been made of other
 * parts.
 */
function hasSameValues(
  current: DefinitionSet,
  before: FeatureView,
  { next, view }: { readonly next: DefinitionSet; readonly view: FeatureView },
): boolean {
  const [was, is] = [partsOf(current, before), partsOf(next, view)].map((parts) => canonicalJson(parts))
  return was === is || viewFingerprint(current, before) === viewFingerprint(next, view)
}

/** All that a view's values can hang on: compared first, because fingerprints take a parser. */
function partsOf({ entities, sources }: DefinitionSet, view: FeatureView): unknown {
  const entity = entities.find(({ name }) => name === view.entity)
  const source = sources.find(({ name }) => name === view.source)
  return { view, entity, source }
}
