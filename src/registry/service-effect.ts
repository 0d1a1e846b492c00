import type { DefinitionSet } from '../definitions/definition-set.ts'
import { type ServiceShape, serviceShape } from '../definitions/service-shape.ts'
import { additive, destructive, type Effect, joinEffects } from './effect.ts'

/** What those who use a service of both sets will see of the change: of itself or of its views. */
export function serviceEffect(before: DefinitionSet, after: DefinitionSet, name: string): Effect {
  const [was, is] = [before, after].map((set) =>
    serviceShape(set, set.feature_services.find((service) => service.name === name)!),
  )
  return joinEffects([...featureEffects(was!, is!), ...inputEffects(was!, is!)])
}

function featureEffects(was: ServiceShape, is: ServiceShape): Effect[] {
  const before = new Map(was.features.map((feature) => [feature.name, feature]))
  const after = new Map(is.features.map((feature) => [feature.name, feature]))
  const kept = was.features.filter(({ name }) => after.has(name)).map(({ name }) => name)
  const order = is.features.filter(({ name }) => before.has(name)).map(({ name }) => name)
  return [
    ...was.features
      .filter(({ name }) => !after.has(name))
      .map(({ name }) => destructive(`"${name}" is no longer answered`)),
    ...is.features.flatMap(({ name, type, origin }) => {
      const former = before.get(name)
      if (former === undefined) return [additive(`"${name}" is answered, too`)]
      if (former.type !== type) return [destructive(`"${name}" is ${type}, no longer ${former.type}`)]
      return former.origin === origin
        ? []
        : [destructive(`"${name}" is ${origin}, no longer ${former.origin}`)]
    }),
    ...(kept.join() === order.join() ? [] : [destructive('features are answered in another order')]),
  ]
}

function inputEffects(was: ServiceShape, is: ServiceShape): Effect[] {
  return [
    ...[...was.inputs.keys()]
      .filter((name) => !is.inputs.has(name))
      .map((name) => destructive(`requests and labels that bring "${name}" are refused`)),
    ...[...is.inputs].flatMap(([name, type]) => {
      const former = was.inputs.get(name)
      if (former === undefined) return [destructive(`requests and labels have to bring "${name}"`)]
      return former === type ? [] : [destructive(`requests and labels have to bring "${name}" as ${type}`)]
    }),
  ]
}
