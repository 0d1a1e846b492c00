import { editDistance } from '../core/edit-distance.ts'
import { compareStrings } from '../core/sql/compare-values.ts'
import type { ValueType } from '../core/value.ts'
import type { Catalog, CatalogKind } from './catalog.ts'
import { type SearchField, type SearchItem, type SearchText, searchIndex } from './search-items.ts'

export interface SearchQuery {
  /** Words that all have to be found in a thing; without any, everything is found. */
  readonly text: string
  readonly kind?: CatalogKind | undefined
  readonly entity?: string | undefined
  readonly owner?: string | undefined
  /** A tag's name, or `name:value`. */
  readonly tag?: string | undefined
  /** Of features. */
  readonly type?: ValueType | undefined
  readonly countMax: number
}

export interface SearchResult extends Pick<SearchItem, 'kind' | 'name' | 'view' | 'type' | 'description'> {
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
  const words = text.split(/\s+/).slice(0, WORDS_MAX).filter(Boolean)
  const index = searchIndex(catalog)
  const scores = words.map((word) => {
    const near = nearWords(word, index.words)
    return Float64Array.from(index.texts, (one) => scoreOf(one, word, near))
  })
  const wholeName = text.replaceAll(/\s+/g, '_')
  const best: Found[] = []
  let total = 0
  for (const item of index.items) {
    if (!isWanted(item, query)) continue
    const score = isNamed(item, wholeName) ? NAMED_SCORE : scoreOfItem(item, scores)
    if (score === undefined) continue
    total++
    keepBest(best, { item, score }, query.countMax)
  }
  return {
    total,
    results: best.map(({ item, score }) => ({
      kind: item.kind,
      name: item.name,
      view: item.view,
      type: item.type,
      description: item.description,
      owner: item.owner,
      tags: item.tags,
      matched: score === NAMED_SCORE ? ['name'] : matchedFields(item, scores),
    })),
  }
}

interface Found {
  readonly item: SearchItem
  readonly score: number
}

/** The score of a thing of exactly the name that was asked for: more than all words together come to. */
const NAMED_SCORE = 10_000

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
  return b.score - a.score || a.item.name.length - b.item.name.length || compareItems(a.item, b.item)
}

function compareItems(a: SearchItem, b: SearchItem): number {
  return (
    compareStrings(a.name, b.name) ||
    compareStrings(a.view ?? '', b.view ?? '') ||
    compareStrings(a.kind, b.kind)
  )
}

function isWanted(item: SearchItem, { kind, entity, owner, tag, type }: SearchQuery): boolean {
  if (kind !== undefined && item.kind !== kind) return false
  if (entity !== undefined && !item.entities.includes(entity)) return false
  if (owner !== undefined && item.owner !== owner) return false
  if (type !== undefined && item.type !== type) return false
  if (tag === undefined) return true
  const [name, ...value] = tag.split(':')
  if (!Object.hasOwn(item.tags, name!)) return false
  return value.length === 0 || item.tags[name!] === value.join(':')
}

/** Whether a thing has just this name, a feature by itself or with its view. */
function isNamed({ name, view }: SearchItem, wholeName: string): boolean {
  if (name.length === wholeName.length) return name.toLowerCase() === wholeName
  return view?.length === wholeName.length - name.length - 1 && `${view}.${name}`.toLowerCase() === wholeName
}

/** What all words together come to in a thing; undefined where one of them is not in it. */
function scoreOfItem({ texts }: SearchItem, scores: readonly Float64Array[]): number | undefined {
  let sum = 0
  for (const byText of scores) {
    let best = 0
    for (const { at } of texts) best = Math.max(best, byText[at]!)
    if (best === 0) return undefined
    sum += best
  }
  return sum
}

/** Where each word stands best, the weightiest field first. */
function matchedFields({ texts }: SearchItem, scores: readonly Float64Array[]): readonly SearchField[] {
  const fields = scores.map((byText) => texts.reduce((a, b) => (byText[b.at]! > byText[a.at]! ? b : a)).field)
  return [...new Set(fields)].sort((a, b) => WEIGHTS[b] - WEIGHTS[a])
}

function scoreOf(given: SearchText, word: string, near: ReadonlyMap<string, number>): number {
  const { field, text, words } = given
  const weight = WEIGHTS[field]
  const at = text.indexOf(word)
  if (at < 0) {
    if (near.size === 0) return 0
    const nearest = words.reduce((least, one) => Math.min(least, near.get(one) ?? FAR), FAR)
    return nearest === FAR ? 0 : weight / (10 * nearest)
  }
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
