import { asciiJson } from '../core/json.ts'
import { DEFINITION_KINDS, type Definition, type DefinitionSet } from './definition-set.ts'
import { hashText } from './fingerprint.ts'

/** What a generation's definitions consist of: each by the hash of its text, in the order of the document. */
export type DefinitionIndex = { readonly [kind in keyof DefinitionSet]: readonly IndexedDefinition[] }

export interface IndexedDefinition {
  readonly name: string
  /** Of its JSON with every default filled in, which is stored once whatever generations have it. */
  readonly hash: string
  /** Of its JSON as it was sent, by which it is known again without being read. */
  readonly sent: string
  /** What it refers to: of a feature view its entity, its source and its Worker if it has one, of a service what its entries call their views. */
  readonly uses: readonly string[]
}

/** Definitions by the hash of their text. What was found out of one is held by the object, so that there is one for each. */
export type DefinitionsByHash = ReadonlyMap<string, Definition>

/** Definitions that are not stored yet, and their texts. */
export interface NewDefinitions {
  readonly definitions: DefinitionsByHash
  readonly texts: ReadonlyMap<string, string>
}

/** A definition by its hash; it and its text are added to those at hand. `sent` is the hash of its text as it was sent. */
export function indexDefinition(
  definition: Definition,
  {
    texts,
    definitions,
    sent,
  }: {
    readonly texts: Map<string, string>
    readonly definitions: Map<string, Definition>
    readonly sent: string | undefined
  },
): IndexedDefinition {
  const text = asciiJson(JSON.stringify(definition))
  const hash = hashText(text)
  texts.set(hash, text)
  definitions.set(hash, definition)
  return { name: definition.name, hash, sent: sent ?? hash, uses: usesOf(definition) }
}

function usesOf(definition: Definition): readonly string[] {
  if ('entity' in definition) {
    const { entity, source, transform } = definition
    return [entity, source, ...(transform === undefined ? [] : [transform.service])]
  }
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
