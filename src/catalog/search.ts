import { editDistance } from '../core/edit-distance.ts'
import { compareStrings } from '../core/sql/compare-values.ts'
import type { ValueType } from '../core/value.ts'
import { CATALOG_KINDS, type Catalog, type CatalogFeature, type CatalogKind } from './catalog.ts'
import { type SearchField, type SearchItem, type SearchText, searchIndex } from './search-items.ts'

export type SearchKind = Exclude<CatalogKind, 'training_dataset'>

/** What a search finds: what is defined. Datasets are made, and stand in a list of their own. */
export const SEARCH_KINDS: readonly SearchKind[] = CATALOG_KINDS.filter((kind) => kind !== 'training_dataset')

export interface SearchQuery {
  /** Words that all have to be found in a thing; without any, everything is found. */
  readonly text: string
  readonly kind?: SearchKind | undefined
  readonly entity?: string | undefined
  readonly owner?: string | undefined
  /** A tag's name, or `name:value`. */
  readonly tag?: string | undefined
  /** Of features. */
  readonly type?: ValueType | undefined
  readonly countMax: number
}

export interface SearchResult {
  readonly kind: SearchKind
  /** Of a feature, without its view. */
  readonly name: string
  /** The view of a feature, else null. */
  readonly view: string | null
  /** Of a feature, else null. */
  readonly type: ValueType | null
  readonly description: string
  /** Of a feature, those of its view. */
  readonly owner: string
  readonly tags: Readonly<Record<string, string>>
  /** Where the words were found, the weightiest first. */
  readonly matched: readonly SearchField[]
}

/** What a whole word is worth where it was found; a beginning is worth less, any other part least. */
const WEIGHTS: Readonly<Record<SearchField, number>> = {
  name: 100,
  owner: 40,
  tag: 40,
  column: 30,
  description: 20,
  sql: 10,
}
const WORDS_MAX = 12
/** More than any distance of a near word. */
const FAR = 9

/**
 * Things of a catalog that all words of a text are found in, best first: the thing of exactly that name, then by
 * where and how wholly the words stand in it. A word may be misspelt in a letter, a long one in two; what is spelt
 * as it was asked for comes first.
 */
export function search(
  catalog: Catalog,
  query: SearchQuery,
): { readonly total: number; readonly results: readonly SearchResult[] } {
  const text = query.text.trim().toLowerCase()
  const index = searchIndex(catalog)
  const words = text
    .split(/\s+/)
    .slice(0, WORDS_MAX)
    .filter(Boolean)
    .map((word): Word => {
      const near = nearWords(word, index.words)
      return { word, scores: Float64Array.from(index.texts, (one) => scoreOf(one, word, near)) }
    })
  const wholeName = text.replaceAll(/\s+/g, '_')
  const best: Found[] = []
  let total = 0
  const take = (item: SearchItem, at: number | undefined, score: number | undefined) => {
    if (score === undefined) return
    total++
    if (best.length < query.countMax || score >= best.at(-1)!.score) {
      keepBest(
        best,
        { item, feature: at === undefined ? undefined : item.features[at], score },
        query.countMax,
      )
    }
  }
  for (const item of index.items) {
    if (!isInScope(item, query)) continue
    if (isKind(item.kind, query) && query.type === undefined) {
      take(item, undefined, item.name.toLowerCase() === wholeName ? NAMED_SCORE : scoreOfItem(item, words))
    }
    if (!isKind('feature', query)) continue
    for (let at = 0; at < item.features.length; at++) {
      if (query.type !== undefined && item.features[at]!.type !== query.type) continue
      take(item, at, isFeatureNamed(item, at, wholeName) ? NAMED_SCORE : scoreOfFeature(item, at, words))
    }
  }
  return { total, results: best.map((found) => resultOf(found, words)) }
}

/** A word that is looked for, and what it is worth in each text of the index. */
interface Word {
  readonly word: string
  readonly scores: Float64Array
}

interface Found {
  readonly item: SearchItem
  /** One of its features; undefined for the definition itself. */
  readonly feature: CatalogFeature | undefined
  readonly score: number
}

/** The score of a thing of exactly the name that was asked for: more than all words together come to. */
const NAMED_SCORE = 10_000

function resultOf({ item, feature, score }: Found, words: readonly Word[]): SearchResult {
  const { owner, tags } = item
  const texts = feature === undefined ? definitionTexts(item) : featureTexts(item, feature)
  return {
    kind: feature === undefined ? item.kind : 'feature',
    name: feature?.name ?? item.name,
    view: feature === undefined ? null : item.name,
    type: feature?.type ?? null,
    description: (feature ?? item).description,
    owner,
    tags,
    matched: score === NAMED_SCORE ? ['name'] : matchedFields(texts, words),
  }
}

/** Takes a thing in where it ranks among the best: all that were found are too many to sort. */
function keepBest(best: Found[], found: Found, countMax: number): void {
  if (best.length === countMax && compareFound(found, best[countMax - 1]!) >= 0) return
  let low = 0
  let high = best.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareFound(found, best[middle]!) < 0) high = middle
    else low = middle + 1
  }
  best.splice(low, 0, found)
  if (best.length > countMax) best.pop()
}

function compareFound(a: Found, b: Found): number {
  if (a.score !== b.score) return b.score - a.score
  const [nameA, nameB] = [(a.feature ?? a.item).name, (b.feature ?? b.item).name]
  return nameA.length - nameB.length || compareStrings(nameA, nameB) || compareOwners(a, b)
}

/** Of things of one name: definitions before features, these by their views. */
function compareOwners(a: Found, b: Found): number {
  const viewOf = ({ item, feature }: Found) => (feature === undefined ? '' : item.name)
  return compareStrings(viewOf(a), viewOf(b)) || compareStrings(a.item.kind, b.item.kind)
}

function isKind(kind: SearchKind, query: SearchQuery): boolean {
  return query.kind === undefined || query.kind === kind
}

/** Whether a definition has what is asked for; its features have what it has. */
function isInScope(item: SearchItem, { entity, owner, tag }: SearchQuery): boolean {
  if (entity !== undefined && !item.entities.includes(entity)) return false
  if (owner !== undefined && item.owner !== owner) return false
  if (tag === undefined) return true
  const [name, ...value] = tag.split(':')
  if (!Object.hasOwn(item.tags, name!)) return false
  return value.length === 0 || item.tags[name!] === value.join(':')
}

/** Whether a feature has just this name, by itself or with its view. */
function isFeatureNamed({ name: view, featureNames }: SearchItem, at: number, wholeName: string): boolean {
  const { text } = featureNames[at]!
  if (text.length === wholeName.length) return text === wholeName
  return view.length + 1 + text.length === wholeName.length && `${view}.${text}`.toLowerCase() === wholeName
}

/** What all words together come to in a definition; undefined where one of them is not in it. */
function scoreOfItem({ texts }: SearchItem, words: readonly Word[]): number | undefined {
  let sum = 0
  for (const { scores } of words) {
    let best = 0
    for (const { at } of texts) best = Math.max(best, scores[at]!)
    if (best === 0) return undefined
    sum += best
  }
  return sum
}

/** The same of a feature. What it says and how it is computed is looked at only where it could be worth more than its name. */
function scoreOfFeature(
  { features, featureNames }: SearchItem,
  at: number,
  words: readonly Word[],
): number | undefined {
  const { description, sql } = features[at]!
  let sum = 0
  for (const { word, scores } of words) {
    let best = scores[featureNames[at]!.at]!
    if (best < WEIGHTS.description && description !== '') {
      best = Math.max(best, scoreIn(description.toLowerCase(), word, WEIGHTS.description))
    }
    if (best < WEIGHTS.sql && sql !== undefined) {
      best = Math.max(best, scoreIn(sql.toLowerCase(), word, WEIGHTS.sql))
    }
    if (best === 0) return undefined
    sum += best
  }
  return sum
}

/** What a word is worth in each text of a thing. */
type TextScores = readonly { readonly field: SearchField; readonly scoreOf: (word: Word) => number }[]

function definitionTexts({ texts }: SearchItem): TextScores {
  return texts.map(({ field, at }) => ({ field, scoreOf: ({ scores }) => scores[at]! }))
}

function featureTexts({ features, featureNames }: SearchItem, feature: CatalogFeature): TextScores {
  const { at } = featureNames[features.indexOf(feature)]!
  const inText = (field: 'description' | 'sql', text = '') => ({
    field,
    scoreOf: ({ word }: Word) => scoreIn(text.toLowerCase(), word, WEIGHTS[field]),
  })
  const name = { field: 'name' as const, scoreOf: ({ scores }: Word) => scores[at]! }
  return [name, inText('sql', feature.sql), inText('description', feature.description)]
}

/** Where each word stands best, the weightiest field first. */
function matchedFields(texts: TextScores, words: readonly Word[]): readonly SearchField[] {
  const fields = words.map(
    (word) => texts.reduce((a, b) => (b.scoreOf(word) > a.scoreOf(word) ? b : a)).field,
  )
  return [...new Set(fields)].sort((a, b) => WEIGHTS[b] - WEIGHTS[a])
}

function scoreOf(
  { field, text, words }: SearchText,
  word: string,
  near: ReadonlyMap<string, number>,
): number {
  const score = scoreIn(text, word, WEIGHTS[field])
  if (score > 0 || near.size === 0) return score
  const nearest = words.reduce((least, one) => Math.min(least, near.get(one) ?? FAR), FAR)
  return nearest === FAR ? 0 : WEIGHTS[field] / (10 * nearest)
}

/** What a word is worth in a text of lower case by where it stands; 0 where it does not. */
function scoreIn(text: string, word: string, weight: number): number {
  const at = text.indexOf(word)
  if (at < 0) return 0
  if (text.length === word.length) return weight
  const begins = at === 0 || isGap(text.charCodeAt(at - 1))
  const ends = at + word.length === text.length || isGap(text.charCodeAt(at + word.length))
  if (begins && ends) return weight * 0.8
  return weight * (begins ? (at === 0 ? 0.6 : 0.5) : 0.3)
}

/** The words of names that were most likely meant by a misspelt one, with their distance from it. */
function nearWords(word: string, known: ReadonlySet<string>): ReadonlyMap<string, number> {
  const near = new Map<string, number>()
  const distanceMax = word.length < 4 ? 0 : word.length < 8 ? 1 : 2
  if (distanceMax === 0) return near
  const digits = digitsOf(word)
  for (const one of known) {
    // Another number is not a misspelt one: window_7d is not what window_1d was meant to be.
    if (digitsOf(one) !== digits) continue
    const distance = editDistance(word, one, distanceMax)
    if (distance > 0 && distance <= distanceMax) near.set(one, distance)
  }
  return near
}

function digitsOf(word: string): string {
  return word.replaceAll(/\D+/g, ' ')
}

function isGap(code: number): boolean {
  const isDigit = code >= 48 && code <= 57
  const isLetter = code >= 97 && code <= 122
  return !isDigit && !isLetter && code < 128
}
