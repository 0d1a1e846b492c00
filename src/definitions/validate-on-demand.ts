import type { ValueType } from '../core/value.ts'
import type { DefinitionSet } from './definition-set.ts'
import type { FeatureService, ServiceEntry } from './feature-service.ts'
import type { OnDemandView } from './on-demand-view.ts'
import { expressionProblems, hint, nameOf, repeated } from './problems.ts'

/** What a service has before its on-demand views are looked at: types by name. They add theirs. */
export interface ServiceNames {
  /** Fields of a request. */
  readonly inputs: Map<string, ValueType>
  /** Features under their names in the answer. */
  readonly features: Map<string, ValueType>
}

/** The faults of an on-demand view by itself, whatever service it stands in. */
export function problemsOfOnDemandView({ name, inputs, features }: OnDemandView): string[] {
  const what = `on-demand view "${name}"`
  return [
    ...repeated(inputs.map(nameOf)).map((input) => `${what}: input "${input}" stands twice`),
    ...repeated(features.map(nameOf)).map((feature) => `${what}: feature "${feature}" stands twice`),
    ...features.flatMap((feature) =>
      expressionProblems(`${what}: feature "${feature.name}"`, feature.sql, {
        schema: inputs,
        type: feature.type,
      }),
    ),
  ]
}

/**
 * The faults of a service's on-demand entries, in order: each may take what feature views give, wherever they stand,
 * and what on-demand views before it give. Adds their request inputs and features to `names`; answers the names of
 * the features, too, repeated where they collide.
 */
export function problemsOfOnDemandEntries(
  set: DefinitionSet,
  service: FeatureService,
  names: ServiceNames,
): { readonly problems: string[]; readonly outputs: string[] } {
  const what = `feature service "${service.name}"`
  const entries = service.features.flatMap((entry) => {
    const view = set.on_demand_views.find(({ name }) => name === entry.view)
    // A name that both kinds have is refused by itself.
    if (view === undefined || set.feature_views.some(({ name }) => name === entry.view)) return []
    return [{ entry, view }]
  })
  const problems: string[] = []
  const outputs: string[] = []
  for (const [at, { entry, view }] of entries.entries()) {
    const later = entries.slice(at).flatMap((one) => outputNames(one.entry, one.view))
    problems.push(
      ...entryProblems(entry, view),
      ...requestProblems(view, names.inputs),
      ...featureProblems(view, names.features, later),
    )
    outputs.push(...outputNames(entry, view))
    for (const { name, type } of view.features) {
      if (takenNames(entry, view).includes(name)) names.features.set(entry.prefix + name, type)
    }
  }
  return { problems: problems.map((problem) => `${what}: ${problem}`), outputs }
}

function entryProblems(entry: ServiceEntry, view: OnDemandView): string[] {
  const known = view.features.map(nameOf)
  return [
    ...Object.keys(entry.join_keys).map(
      (key) => `"${key}" is no join key of on-demand view "${view.name}", which has none`,
    ),
    ...(entry.features ?? [])
      .filter((name) => !known.includes(name))
      .map((name) => `on-demand view "${view.name}" has no feature "${name}"${hint(name, known)}`),
  ]
}

function requestProblems(view: OnDemandView, inputs: Map<string, ValueType>): string[] {
  return view.inputs.flatMap(({ name, type, from }) => {
    if (from !== 'request') return []
    const known = inputs.get(name) ?? type
    inputs.set(name, known)
    return known === type ? [] : [`"${name}" is asked for as ${known} and as ${type}`]
  })
}

function featureProblems(
  view: OnDemandView,
  features: ReadonlyMap<string, ValueType>,
  later: readonly string[],
): string[] {
  return view.inputs.flatMap(({ name, type, from }) => {
    if (from !== 'features') return []
    const needs = `on-demand view "${view.name}" needs feature "${name}"`
    const given = features.get(name)
    if (given === type) return []
    if (given !== undefined) return [`${needs} as ${type}, it is ${given}`]
    if (later.includes(name)) {
      return [`${needs}, which no view before it gives: an on-demand view takes from those before it`]
    }
    return [`${needs} (${type}), which the service does not have${hint(name, [...features.keys()])}`]
  })
}

function outputNames(entry: ServiceEntry, view: OnDemandView): string[] {
  return takenNames(entry, view).map((name) => entry.prefix + name)
}

function takenNames(entry: ServiceEntry, { features }: OnDemandView): readonly string[] {
  return entry.features ?? features.map(nameOf)
}
