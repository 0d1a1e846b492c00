import type { DefinitionSet } from './definition-set.ts'

/**
 * Names what the language of definitions can say and this release cannot do yet, so that nobody believes it does.
 */
export function findUnsupported(set: DefinitionSet): string[] {
  return [
    ...set.sources.flatMap((source) => {
      const what = `source "${source.name}"`
      const format = source.landing?.format ?? 'parquet'
      return [
        ...(format === 'parquet' ? [] : [`${what}: landing files of format ${format} are not supported yet`]),
      ]
    }),
    ...set.feature_services.flatMap(({ name, features }) =>
      features
        .filter(({ view }) => view.includes('@'))
        .map(({ view }) => `feature service "${name}": pinned version "${view}" is not supported yet`),
    ),
  ]
}
