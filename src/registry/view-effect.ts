import { parseDuration } from '../core/time.ts'
import type { DefinitionSet } from '../definitions/definition-set.ts'
import type { FeatureView } from '../definitions/feature-view.ts'
import { onDemandFingerprint } from '../definitions/fingerprint.ts'
import { additive, destructive, type Effect, joinEffects, METADATA } from './effect.ts'

const IS_FILLED = 'the rows that its source has kept are filled in first, if there are any'

/** A feature view that is new. */
export function newViewEffect(version: number): Effect {
  return additive(`version ${version} is made`, IS_FILLED)
}

/** A feature view whose values change. */
export function newVersionEffect(former: number, version: number): Effect {
  return {
    impact: 'new_version',
    consequences: [`version ${version} takes the place of version ${former} once it is filled`, IS_FILLED],
  }
}

/** A feature view that is defined otherwise and holds the same values. */
export function sameVersionEffect(was: FeatureView, is: FeatureView): Effect {
  return joinEffects([
    was.block_group === is.block_group
      ? METADATA
      : additive('its blocks are put anew in another group; readers ask writers meanwhile'),
    was.publish === is.publish ? METADATA : additive(`new rows show after ${is.publish}`),
    ttlEffect(was.ttl, is.ttl),
  ])
}

function ttlEffect(was: string | undefined, is: string | undefined): Effect {
  if (was === is) return METADATA
  const [before, after] = [was, is].map((text) =>
    text === undefined ? Number.POSITIVE_INFINITY : parseDuration(text),
  )
  if (after! < before!) return destructive(`values older than ${is} are answered as expired`)
  return after! > before! ? additive('older values are answered again') : METADATA
}

/** An on-demand view stores nothing and has no versions: what changes it, changes what services answer (S33). */
export function onDemandEffect(before: DefinitionSet, after: DefinitionSet, name: string): Effect {
  const [was, is] = [before, after].map((set) => set.on_demand_views.find((view) => view.name === name)!)
  if (onDemandFingerprint(was!) === onDemandFingerprint(is!)) return METADATA
  const services = before.feature_services
    .filter(({ features }) => features.some(({ view }) => view === name))
    .map(
      (service) => `feature service "${service.name}" answers it by the new definition at once, history too`,
    )
  return services.length === 0 ? additive() : destructive(...services)
}
