import { FeatureStoreError } from '../core/error.ts'
import { canonicalJson, parseJson } from '../core/json.ts'
import { findItems, type JsonItem } from '../core/json-items.ts'
import { LIMITS } from '../core/limits.ts'
import {
  type DefinitionIndex,
  type IndexedDefinition,
  indexDefinition,
  type NewDefinitions,
} from '../definitions/definition-index.ts'
import { DEFINITION_KINDS, type Definition, DefinitionSet } from '../definitions/definition-set.ts'
import { hashText } from '../definitions/fingerprint.ts'
import { SNAPSHOT_FORMAT } from '../definitions/snapshot.ts'
import { findProblems } from '../definitions/validate.ts'
import type { Platform } from '../platform.ts'
import { parseDefinitions } from './plan-changes.ts'
import { readCurrent } from './read-current.ts'
import { readPlanned } from './read-planned.ts'

/** Definitions to be put in force: what they consist of, and those that are not stored yet, with their texts. */
export interface Proposal extends NewDefinitions {
  readonly index: DefinitionIndex
}

type Kind = keyof DefinitionSet
type ByKind<T> = { readonly [kind in Kind]: readonly T[] }

const KINDS = Object.keys(DEFINITION_KINDS) as Kind[]

/** A request's body with the definitions that are known by their text taken out, each but a number. */
interface CutBody {
  readonly json: unknown
  readonly sent: ByKind<string>
  readonly known: ByKind<IndexedDefinition | undefined>
}

/**
 * Reads a request's body, which `check` checks, and its definitions if it has some. What stands there as it was sent before is known by its
 * text and is not read again; what is new is checked, and all that hangs on it. Throws `invalid_argument` with every fault in
 * `details.problems`.
 */
export async function readProposal<T extends { readonly definitions?: unknown }>(
  platform: Platform,
  text: string,
  check: (json: unknown) => T,
): Promise<{ readonly body: T; readonly proposal: Proposal | undefined }> {
  const items = findItems(text, 'definitions')
  const sent = items === undefined ? undefined : hashItems(text, items)
  const { head, snapshot } = await readCurrent(platform)
  // What another release compiled it may have found good by other rules.
  if (items !== undefined && sent !== undefined && snapshot !== undefined) {
    const cut = cutKnown(text, { items, sent, index: head.index })
    const body = cut === undefined ? undefined : check(cut.json)
    const proposal = body === undefined ? undefined : combine(body.definitions, cut!)
    if (proposal !== undefined) {
      const { before, after, unchanged } = await readPlanned(platform, head, proposal)
      // Views do not hang on what else is said of their entity, but on its keys, which plan refuses to change: only a view that is looked
      // at says first what is wrong.
      if (!haveOtherKeys(before, after) && findProblems(after, unchanged).length === 0)
        return { body: body!, proposal }
    }
  }
  // What is wrong is told of the whole document, in its order.
  const body = check(text === '' ? undefined : parseJson(text, 'body as JSON'))
  if (body.definitions === undefined) return { body, proposal: undefined }
  return { body, proposal: proposeDefinitions(parseDefinitions(body.definitions), sent) }
}

function haveOtherKeys(before: DefinitionSet, after: DefinitionSet): boolean {
  const keysByName = new Map(before.entities.map(({ name, join_keys }) => [name, canonicalJson(join_keys)]))
  return after.entities.some(
    ({ name, join_keys }) => keysByName.has(name) && keysByName.get(name) !== canonicalJson(join_keys),
  )
}

/** A set that was checked as a whole. */
export function proposeDefinitions(set: DefinitionSet, sent?: ByKind<string>): Proposal {
  const texts = new Map<string, string>()
  const definitions = new Map<string, Definition>()
  const index = mapKinds((kind) =>
    set[kind].map((definition, at) =>
      indexDefinition(definition, { texts, definitions, sent: sent?.[kind][at] }),
    ),
  )
  return { index, texts, definitions }
}

/** An earlier generation as it was. Throws `not_found`. */
export async function proposeAgain({ registry }: Platform, generation: number): Promise<Proposal> {
  const found = await registry.readHead(generation)
  if (found === undefined)
    throw new FeatureStoreError(
      'not_found',
      `Cannot apply generation ${generation}: there is none of that number`,
    )
  const snapshot = await registry.readSnapshot(generation)
  if (snapshot?.format === SNAPSHOT_FORMAT)
    return { index: found.index, definitions: new Map(), texts: new Map() }
  const { definitions } = (await registry.read(generation))!
  return proposeDefinitions(parseDefinitions(definitions))
}

function mapKinds<T>(map: (kind: Kind) => readonly T[]): ByKind<T> {
  return Object.fromEntries(KINDS.map((kind) => [kind, map(kind)])) as unknown as ByKind<T>
}

type Items = ReadonlyMap<string, readonly JsonItem[]>

function hashItems(body: string, items: Items): ByKind<string> {
  return mapKinds((kind) => (items.get(kind) ?? []).map(({ start, end }) => hashText(body.slice(start, end))))
}

/** Undefined where the rest is no JSON. */
function cutKnown(
  body: string,
  {
    items,
    sent,
    index,
  }: { readonly items: Items; readonly sent: ByKind<string>; readonly index: DefinitionIndex },
): CutBody | undefined {
  const known = mapKinds((kind) => {
    const byText = new Map(index[kind].flatMap((one) => [[one.hash, one] as const, [one.sent, one] as const]))
    return sent[kind].map((hash) => byText.get(hash))
  })
  const parts: string[] = []
  let end = 0
  const cuts = KINDS.flatMap((kind) =>
    (items.get(kind) ?? []).filter((_, at) => known[kind][at] !== undefined),
  )
  for (const item of cuts.sort((a, b) => a.start - b.start)) {
    parts.push(body.slice(end, item.start), '0')
    end = item.end
  }
  parts.push(body.slice(end))
  try {
    return { json: JSON.parse(parts.join('')) as unknown, sent, known }
  } catch {
    return undefined
  }
}

/** The known definitions and those that were read, in the order of the document; undefined where anything is not as it should be. */
function combine(definitions: unknown, { sent, known }: CutBody): Proposal | undefined {
  if (typeof definitions !== 'object' || definitions === null) return undefined
  const given = definitions as Readonly<Record<string, unknown>>
  const isCut = (kind: Kind) => {
    const items = given[kind] ?? []
    return (
      Array.isArray(items) &&
      items.length === known[kind].length &&
      items.length <= LIMITS.definitionsMax &&
      items.every((item, at) => (item === 0) === (known[kind][at] !== undefined))
    )
  }
  if (!KINDS.every(isCut)) return undefined
  const unknown = mapKinds((kind) => ((given[kind] ?? []) as unknown[]).filter((item) => item !== 0))
  const parsed = DefinitionSet.safeParse({ ...given, ...unknown })
  if (!parsed.success) return undefined
  const texts = new Map<string, string>()
  const fresh = new Map<string, Definition>()
  const index = mapKinds((kind) => {
    const read = parsed.data[kind].values()
    return known[kind].map(
      (one, at) =>
        one ?? indexDefinition(read.next().value!, { texts, definitions: fresh, sent: sent[kind][at] }),
    )
  })
  const isNamedTwice = KINDS.some(
    (kind) => new Set(index[kind].map(({ name }) => name)).size < index[kind].length,
  )
  return isNamedTwice ? undefined : { index, texts, definitions: fresh }
}
