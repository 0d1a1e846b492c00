import type { DefinitionSet } from './definition-set.ts'
import type { FeatureView } from './feature-view.ts'

/**
 * Names what the language of definitions can say and this release cannot do yet, so that nobody believes it
 * does. An expression is supported where it is the name of a column.
 */
export function findUnsupported(set: DefinitionSet): string[] {
  return [
    ...set.on_demand_views.map(
      ({ name }) => `on-demand view "${name}": on-demand views are not supported yet`,
    ),
    ...set.sources.flatMap((source) => {
      const what = `source "${source.name}"`
      const format = source.landing?.format ?? 'parquet'
      return [
        ...(source.expectations.length > 0 ? [`${what}: expectations are not supported yet`] : []),
        ...(format === 'parquet' ? [] : [`${what}: landing files of format ${format} are not supported yet`]),
      ]
    }),
    ...set.feature_views.flatMap(unsupportedOfView),
    ...set.feature_services.flatMap(({ name, features }) =>
      features
        .filter(({ view }) => view.includes('@'))
        .map(({ view }) => `feature service "${name}": pinned version "${view}" is not supported yet`),
    ),
  ]
}

/** The column an expression names, or undefined when it is more than a name. */
export function columnOf(sql: string): string | undefined {
  return /^\s*(?:([A-Za-z_][A-Za-z0-9_]*)|"([A-Za-z_][A-Za-z0-9_]*)")\s*$/.exec(sql)?.slice(1).find(Boolean)
}

function unsupportedOfView(view: FeatureView): string[] {
  const what = `feature view "${view.name}"`
  const expressions = [
    ...Object.entries(view.join_keys).map(([name, sql]) => [`join key "${name}"`, sql] as const),
    ...(view.features ?? []).map(({ name, sql }) => [`feature "${name}"`, sql] as const),
  ].filter(([, sql]) => columnOf(sql) === undefined)
  return [
    ...(view.aggregations ? [`${what}: aggregations over windows are not supported yet`] : []),
    ...(view.where === undefined ? [] : [`${what}: where is not supported yet`]),
    ...(view.transform ? [`${what}: a transform in a Worker of one's own is not supported yet`] : []),
    ...expressions.map(
      ([name, sql]) =>
        `${what}: ${name} is "${sql}"; expressions other than a column's name are not supported yet`,
    ),
  ]
}
