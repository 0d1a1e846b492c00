import { asciiJson } from '../core/json.ts'
import { DEFINITION_KINDS, type DefinitionSet } from './definition-set.ts'
import { hashText } from './fingerprint.ts'

/** What a generation's definitions consist of: each by the hash of its text, in the order of the document. */
export type DefinitionIndex = { readonly [kind in keyof DefinitionSet]: readonly IndexedDefinition[] }

export interface IndexedDefinition {
  readonly name: string
  /** Of its JSON with every default filled in, which is stored once whatever generations have it. */
  readonly hash: string
  /** Of its JSON as it was sent, by which it is known again without being read. */
  readonly sent: string
  /** What it refers to: of a feature view its entity and its source, of a service what its entries call their views. */
  readonly uses: readonly string[]
}

/** Divides a set: its index, and the texts of its definitions by their hashes. `sent` are the hashes of each text as it was sent. */
export function indexDefinitions(
  set: DefinitionSet,
  sent?: { readonly [kind in keyof DefinitionSet]: readonly string[] },
): { readonly index: DefinitionIndex; readonly texts: ReadonlyMap<string, string> } {
  const texts = new Map<string, string>()
  const indexOf = <K extends keyof DefinitionSet>(kind: K): IndexedDefinition[] =>
    set[kind].map((definition, at) => {
      const text = asciiJson(JSON.stringify(definition))
      const hash = hashText(text)
      texts.set(hash, text)
      return { name: definition.name, hash, sent: sent?.[kind][at] ?? hash, uses: usesOf(definition) }
    })
  const index = {
    entities: indexOf('entities'),
    sources: indexOf('sources'),
    feature_views: indexOf('feature_views'),
    on_demand_views: indexOf('on_demand_views'),
    feature_services: indexOf('feature_services'),
  }
  return { index, texts }
}

function usesOf(definition: DefinitionSet[keyof DefinitionSet][number]): readonly string[] {
  if ('entity' in definition) return [definition.entity, definition.source]
  if (!('features' in definition) || 'inputs' in definition) return []
  return definition.features.map(({ view }) => view)
}

/** The set of an index; `texts` holds those of all its definitions. */
export function assembleDefinitions(
  index: DefinitionIndex,
  texts: ReadonlyMap<string, string>,
): DefinitionSet {
  const kinds = Object.keys(DEFINITION_KINDS) as (keyof DefinitionSet)[]
  return Object.fromEntries(
    kinds.map((kind) => [kind, index[kind].map(({ hash }) => JSON.parse(texts.get(hash)!) as unknown)]),
  ) as unknown as DefinitionSet
}

/** All hashes that an index names. */
export function definitionHashes(index: DefinitionIndex): string[] {
  return Object.values(index).flatMap((definitions) => definitions.map(({ hash }) => hash))
}
