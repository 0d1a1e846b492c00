import { FeatureStoreError } from '../core/error.ts'
import { checkExpression } from '../core/sql/check-expression.ts'
import { parseDuration } from '../core/time.ts'
import type { ValueType } from '../core/value.ts'
import { planWindows } from '../core/window/window-plan.ts'
import { compileWindows, EVENT_ID_COLUMN } from './compile-windows.ts'
import { DEFINITION_KINDS, type DefinitionSet } from './definition-set.ts'
import type { FeatureService } from './feature-service.ts'
import type { FeatureView } from './feature-view.ts'
import { expressionProblems, hint, nameOf, repeated, reserved } from './problems.ts'
import { problemsOfTransform, readableColumns } from './returned-fields.ts'
import type { Source } from './source.ts'
import { isPin } from './transition.ts'
import { problemsOfOnDemandEntries, problemsOfOnDemandView } from './validate-on-demand.ts'

/** Names by kind. */
type Names = { readonly [kind in keyof DefinitionSet]: ReadonlySet<string> }

const NOTHING: Names = {
  entities: new Set(),
  sources: new Set(),
  feature_views: new Set(),
  on_demand_views: new Set(),
  feature_services: new Set(),
}

/**
 * Every fault of a well-formed set, each naming its place; empty when it can be applied. Definitions that are `known` to be good, and all
 * they refer to, are there for the others.
 */
export function findProblems(set: DefinitionSet, known: Names = NOTHING): string[] {
  const problems = [
    ...Object.entries(DEFINITION_KINDS).flatMap(([kind, singular]) =>
      repeated(set[kind as keyof DefinitionSet].map(({ name }) => name)).map(
        (name) => `${singular} "${name}" is defined twice`,
      ),
    ),
    ...set.entities.flatMap(({ name, join_keys }) => [
      ...repeated(join_keys.map((key) => key.name)).map(
        (key) => `entity "${name}": join key "${key}" stands twice`,
      ),
      ...reserved(join_keys.map((key) => key.name)).map(
        (key) => `entity "${name}": "${key}" is a reserved name`,
      ),
    ]),
    ...set.sources.filter(({ name }) => !known.sources.has(name)).flatMap(problemsOfSource),
    ...set.feature_views
      .filter(({ name }) => !known.feature_views.has(name))
      .flatMap((view) => problemsOfView(set, view)),
    ...set.on_demand_views
      .filter(({ name }) => !known.on_demand_views.has(name))
      .flatMap(problemsOfOnDemandView),
    ...set.feature_services
      .filter((service) => !hasOpenPin(set, service))
      .flatMap((service) => problemsOfService(set, service)),
  ]
  return problems
}

/** Whether a service pins a version that is no view of the set: `checkPins` knows which versions there are. */
function hasOpenPin({ feature_views }: DefinitionSet, { features }: FeatureService): boolean {
  return features.some(({ view }) => isPin(view) && !feature_views.some(({ name }) => name === view))
}

/** The SQL of a view's join key: by default the column of that name. */
export function keySql(view: FeatureView, joinKey: string): string {
  return view.join_keys[joinKey] ?? `"${joinKey}"`
}

/** Name under which a service entry's join key is asked for. */
export function inputName(entry: FeatureService['features'][number], joinKey: string): string {
  return entry.join_keys[joinKey] ?? joinKey
}

function problemsOfSource(source: Source): string[] {
  const what = `source "${source.name}"`
  const types = new Map(source.schema.map((column) => [column.name, column.type]))
  const timeColumns = [source.event_time, ...(source.created_time === null ? [] : [source.created_time])]
  return [
    ...repeated(source.schema.map(({ name }) => name)).map(
      (name) => `${what}: column "${name}" stands twice`,
    ),
    ...timeColumns
      .filter((name) => types.get(name) !== 'timestamp')
      .map((name) => `${what}: "${name}" is ${types.get(name) ?? 'no column'}, a timestamp column is needed`),
    ...(source.event_id !== null && !types.has(source.event_id)
      ? [`${what}: event_id "${source.event_id}" is no column${hint(source.event_id, [...types.keys()])}`]
      : []),
    ...repeated(source.expectations.map(({ name }) => name)).map(
      (name) => `${what}: expectation "${name}" stands twice`,
    ),
    ...source.expectations.flatMap(({ name, sql }) =>
      expressionProblems(`${what}: expectation "${name}"`, sql, { schema: source.schema, type: 'bool' }),
    ),
    ...source.schema
      .filter(({ unit, type }) => unit !== undefined && type !== 'timestamp')
      .map(({ name }) => `${what}: column "${name}" has a unit, which only timestamps have`),
  ]
}

function problemsOfView(set: DefinitionSet, view: FeatureView): string[] {
  const what = `feature view "${view.name}"`
  const entity = set.entities.find(({ name }) => name === view.entity)
  const source = set.sources.find(({ name }) => name === view.source)
  if (entity === undefined)
    return [`${what}: there is no entity "${view.entity}"${hint(view.entity, set.entities.map(nameOf))}`]
  if (source === undefined)
    return [`${what}: there is no source "${view.source}"${hint(view.source, set.sources.map(nameOf))}`]

  const { schema } = source
  const joinKeys = entity.join_keys.map(({ name }) => name)
  const features = view.features ?? []
  const readable = readableColumns(view, source)
  const windows = view.aggregations === undefined ? undefined : windowsOf(view, source)
  const windowColumns = windows?.columns.map(({ name }) => name) ?? []
  const names = windows === undefined ? features.map(nameOf) : windows.outputs.map(nameOf)
  return [
    ...(windows?.problems ?? []).map((problem) => `${what}: ${problem}`),
    ...(windows === undefined || view.ttl === undefined ? [] : [`${what}: windows take no ttl`]),
    ...windowsPastRetention(view, source).map(
      (window) => `${what}: window ${window} is longer than its source's retention`,
    ),
    ...repeated([...windowColumns, ...joinKeys])
      .filter((name) => joinKeys.includes(name))
      .map((name) => `${what}: aggregation "${name}" has the name of a join key`),
    ...Object.keys(view.join_keys)
      .filter((name) => !joinKeys.includes(name))
      .map((name) => `${what}: "${name}" is no join key of entity "${entity.name}"${hint(name, joinKeys)}`),
    ...entity.join_keys.flatMap(({ name, type }) =>
      expressionProblems(`${what}: join key "${name}"`, keySql(view, name), { schema, type }),
    ),
    ...(view.where === undefined
      ? []
      : expressionProblems(`${what}: where`, view.where, { schema, type: 'bool' })),
    ...problemsOfTransform(view, source).map((problem) => `${what}: ${problem}`),
    ...features.flatMap(({ name, sql, type }) =>
      sql === undefined
        ? []
        : expressionProblems(`${what}: feature "${name}"`, sql, { schema: readable, type }),
    ),
    ...repeated([...names, ...joinKeys]).map((name) => `${what}: the name "${name}" is used twice`),
    ...reserved([...names, ...(view.aggregations ?? []).map(nameOf)]).map(
      (name) => `${what}: "${name}" is a reserved name`,
    ),
  ]
}

/** A row past its source's retention counts as never written (S3): a window cannot reach further. */
function windowsPastRetention({ aggregations = [] }: FeatureView, { retention }: Source): string[] {
  if (retention === undefined) return []
  const windows = new Set(aggregations.flatMap((aggregation) => aggregation.windows))
  return [...windows].filter((window) => parseDuration(window) > parseDuration(retention))
}

/** What a windowed view would be, or why it cannot be. */
function windowsOf(view: FeatureView, source: Source) {
  const problems = repeated((view.aggregations ?? []).map(nameOf)).map(
    (name) => `aggregation "${name}" stands twice`,
  )
  for (const { name, sql } of view.aggregations ?? []) {
    if (name === EVENT_ID_COLUMN) problems.push(`"${name}" is a reserved name`)
    try {
      checkExpression(sql, readableColumns(view, source))
    } catch (error) {
      if (!(error instanceof FeatureStoreError)) throw error
      problems.push(`aggregation "${name}": ${error.message}`)
    }
  }
  if (problems.length > 0) return { problems, columns: [], outputs: [] }
  try {
    const { columns, windows } = compileWindows(view, source)
    return { problems, columns, outputs: planWindows(windows.aggregations).outputs }
  } catch (error) {
    if (!(error instanceof FeatureStoreError)) throw error
    return { problems: [error.message], columns: [], outputs: [] }
  }
}

/** What a view serves; nothing where its windows cannot be planned, which is named elsewhere. */
export function servedFeatures(
  set: DefinitionSet,
  view: FeatureView,
): readonly { readonly name: string; readonly type: ValueType }[] {
  if (view.aggregations === undefined) return view.features ?? []
  const source = set.sources.find(({ name }) => name === view.source)
  return source === undefined ? [] : windowsOf(view, source).outputs
}

function problemsOfService(set: DefinitionSet, service: FeatureService): string[] {
  const what = `feature service "${service.name}"`
  const problems: string[] = []
  const inputTypes = new Map<string, ValueType>()
  const featureTypes = new Map<string, ValueType>()
  const outputs: string[] = []
  for (const entry of service.features) {
    const view = set.feature_views.find(({ name }) => name === entry.view)
    const entity = set.entities.find(({ name }) => name === view?.entity)
    const isOnDemand = set.on_demand_views.some(({ name }) => name === entry.view)
    if (view === undefined) {
      if (isOnDemand) continue
      const known = [...set.feature_views, ...set.on_demand_views].map(nameOf)
      problems.push(`${what}: there is no view "${entry.view}"${hint(entry.view, known)}`)
      continue
    }
    if (isOnDemand) {
      problems.push(
        `${what}: "${entry.view}" is a feature view and an on-demand view, one of them needs another name`,
      )
    }
    if (entity === undefined) continue // named by problemsOfView
    const served = servedFeatures(set, view)
    const features = served.map(nameOf)
    for (const name of entry.features ?? []) {
      if (!features.includes(name)) {
        problems.push(`${what}: view "${view.name}" has no feature "${name}"${hint(name, features)}`)
      }
    }
    for (const key of Object.keys(entry.join_keys)) {
      if (!entity.join_keys.some(({ name }) => name === key)) {
        problems.push(`${what}: "${key}" is no join key of view "${view.name}"`)
      }
    }
    for (const { name, type } of entity.join_keys) {
      const input = inputName(entry, name)
      if (inputTypes.has(input) && inputTypes.get(input) !== type) {
        problems.push(`${what}: "${input}" is asked for as ${inputTypes.get(input)} and as ${type}`)
      }
      inputTypes.set(input, type)
    }
    outputs.push(...(entry.features ?? features).map((name) => entry.prefix + name))
    for (const { name, type } of served) {
      if (entry.features?.includes(name) ?? true) featureTypes.set(entry.prefix + name, type)
    }
  }
  const onDemand = problemsOfOnDemandEntries(set, service, { inputs: inputTypes, features: featureTypes })
  outputs.push(...onDemand.outputs)
  return [
    ...problems,
    ...onDemand.problems,
    ...repeated(outputs).map(
      (name) => `${what}: two features are named "${name}", a prefix keeps them apart`,
    ),
    ...outputs
      .filter((name) => inputTypes.has(name))
      .map((name) => `${what}: "${name}" is a feature and a field of requests`),
    ...[...inputTypes.keys(), ...outputs]
      .filter((name) => name === 'event_time')
      .map((name) => `${what}: "${name}" is the name of a label's time`),
  ]
}
