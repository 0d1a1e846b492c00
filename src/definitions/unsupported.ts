import type { DefinitionSet } from './definition-set.ts'

/**
 * Names what the language of definitions can say and this release cannot do yet, so that nobody believes it does.
 */
export function findUnsupported(set: DefinitionSet): string[] {
  return [
    ...set.feature_services.flatMap(({ name, features }) =>
      features
        .filter(({ view }) => view.includes('@'))
        .map(({ view }) => `feature service "${name}": pinned version "${view}" is not supported yet`),
    ),
  ]
}
