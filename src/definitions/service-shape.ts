import type { NamedType } from '../core/segment.ts'
import type { ValueType } from '../core/value.ts'
import type { DefinitionSet } from './definition-set.ts'
import type { FeatureService } from './feature-service.ts'
import { inputName, servedFeatures } from './validate.ts'

/** What those who use a service see of it. */
export interface ServiceShape {
  /** Fields of a request, by name. */
  readonly inputs: ReadonlyMap<string, ValueType>
  /** In order. */
  readonly features: readonly ShapedFeature[]
}

export interface ShapedFeature extends NamedType {
  /** View and feature that it is, `view.feature`. */
  readonly origin: string
}

/** The shape of a service of a valid set; of a pinned version, as the newest one serves it. */
export function serviceShape(set: DefinitionSet, service: FeatureService): ServiceShape {
  const inputs = new Map<string, ValueType>()
  const features = service.features.flatMap((entry): ShapedFeature[] => {
    const name = entry.view.split('@')[0]!
    const view = set.feature_views.find((one) => one.name === name)
    const onDemand = set.on_demand_views.find((one) => one.name === name)
    for (const key of set.entities.find((one) => one.name === view?.entity)?.join_keys ?? []) {
      inputs.set(inputName(entry, key.name), key.type)
    }
    for (const input of onDemand?.inputs ?? []) {
      if (input.from === 'request') inputs.set(input.name, input.type)
    }
    const served = view === undefined ? (onDemand?.features ?? []) : servedFeatures(set, view)
    const taken =
      entry.features?.flatMap((wanted) => served.find((one) => one.name === wanted) ?? []) ?? served
    return taken.map((feature) => ({
      name: entry.prefix + feature.name,
      type: feature.type,
      origin: `${name}.${feature.name}`,
    }))
  })
  return { inputs, features }
}
