import { canonicalJson } from '../core/json.ts'
import { DEFINITION_KINDS, type DefinitionSet } from '../definitions/definition-set.ts'

/**
 * What looks like a definition under another name, as `<kind>/<name>` of either to that of the other: all else of the
 * one that goes and of the one that comes is the same.
 */
export function findRenames(before: DefinitionSet, after: DefinitionSet): ReadonlyMap<string, string> {
  const renames = new Map<string, string>()
  for (const [key, kind] of Object.entries(DEFINITION_KINDS)) {
    const was: readonly Named[] = before[key as keyof DefinitionSet]
    const is: readonly Named[] = after[key as keyof DefinitionSet]
    const gone = namesByContent(without(was, is))
    const come = namesByContent(without(is, was))
    for (const [content, names] of gone) {
      const others = come.get(content) ?? []
      // Of several that are alike nobody can say which became which.
      if (names.length !== 1 || others.length !== 1) continue
      renames.set(`${kind}/${names[0]}`, `${kind}/${others[0]}`)
      renames.set(`${kind}/${others[0]}`, `${kind}/${names[0]}`)
    }
  }
  return renames
}

interface Named {
  readonly name: string
}

function without(some: readonly Named[], others: readonly Named[]): Named[] {
  const names = new Set(others.map(({ name }) => name))
  return some.filter(({ name }) => !names.has(name))
}

function namesByContent(definitions: readonly Named[]): Map<string, string[]> {
  const names = new Map<string, string[]>()
  for (const { name, ...content } of definitions) {
    const text = canonicalJson(content)
    names.set(text, [...(names.get(text) ?? []), name])
  }
  return names
}
