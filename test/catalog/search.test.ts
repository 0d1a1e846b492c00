import { expect, test } from 'vitest'
import type { Catalog } from '../../src/catalog/catalog.ts'
import { search } from '../../src/catalog/search.ts'
import { searchIndex } from '../../src/catalog/search-items.ts'
import { catalogOf, FLIGHTS, largeSet } from './catalogs.ts'

const SHOP = catalogOf({
  entities: [
    { name: 'user', join_keys: [{ name: 'user', type: 'string' }], owner: 'growth' },
    { name: 'item', join_keys: [{ name: 'item', type: 'int64' }] },
  ],
  sources: [
    {
      name: 'orders',
      event_time: 'at',
      description: 'Paid orders',
      schema: [
        { name: 'at', type: 'timestamp' },
        { name: 'user', type: 'string' },
        { name: 'item', type: 'int64' },
        { name: 'price_cents', type: 'int64', description: 'Gross, of one piece' },
      ],
    },
  ],
  feature_views: [
    {
      name: 'price',
      entity: 'item',
      source: 'orders',
      owner: 'pricing',
      tags: { tier: 'gold', team: 'shop' },
      features: [{ name: 'price', type: 'int64', sql: 'price_cents' }],
    },
    {
      name: 'last_price',
      entity: 'user',
      source: 'orders',
      tags: { tier: 'silver' },
      features: [
        { name: 'last_price', type: 'int64', sql: 'price_cents' },
        { name: 'is_dear', type: 'bool', sql: 'price_cents > 100000', description: 'More than a thousand' },
      ],
    },
  ],
  feature_services: [{ name: 'ranker', features: [{ view: 'price', prefix: 'item_' }] }],
})

function names(text: string, filter: Partial<Parameters<typeof search>[1]> = {}, catalog: Catalog = SHOP) {
  return search(catalog, { text, countMax: 50, ...filter }).results.map(({ kind, view, name }) =>
    view === null ? `${kind} ${name}` : `${kind} ${view}.${name}`,
  )
}

test('search() puts the thing of exactly that name first, then names that hold the word', () => {
  const found = names('price')
  expect(found.slice(0, 2)).toEqual(['feature_view price', 'feature price.price'])
  expect(found.slice(2, 4)).toEqual(['feature_view last_price', 'feature last_price.last_price'])
  expect(found).toContain('source orders')
  expect(found).toContain('feature last_price.is_dear')
})

test('search() finds by description, owner, tag, column and expression', () => {
  expect(names('thousand')).toEqual(['feature last_price.is_dear'])
  expect(names('growth')).toEqual(['entity user'])
  expect(names('gold')).toEqual(['feature_view price'])
  expect(names('price_cents')[0]).toBe('source orders')
  expect(names('100000')).toEqual(['feature last_price.is_dear'])
  expect(search(SHOP, { text: '100000', countMax: 9 }).results[0]!.matched).toEqual(['sql'])
})

test('search() needs every word, wherever each stands', () => {
  expect(names('paid orders')).toEqual(['source orders'])
  expect(names('paid gold')).toEqual([])
  expect(names('last price')[0]).toBe('feature_view last_price')
})

test.each([
  ['pirce', 'feature_view price'],
  ['prise', 'feature_view price'],
  ['rankr', 'feature_service ranker'],
  ['last_pricee', 'feature_view last_price'],
])('search() forgives the misspelling "%s"', (text, first) => {
  expect(names(text)[0]).toBe(first)
})

test('search() puts what is spelt as asked before what is only near', () => {
  const catalog = catalogOf({
    entities: [
      { name: 'price', join_keys: [{ name: 'id', type: 'string' }] },
      { name: 'prize', join_keys: [{ name: 'id', type: 'string' }] },
    ],
  })
  expect(names('prize', {}, catalog)).toEqual(['entity prize', 'entity price'])
  expect(names('id', {}, catalog)).toEqual(['entity price', 'entity prize'])
  expect(names('ix', {}, catalog)).toEqual([])
})

test('search() keeps to the filters', () => {
  expect(names('price', { entity: 'user', kind: 'feature_view' })).toEqual(['feature_view last_price'])
  expect(names('price', { owner: 'pricing' })).toEqual(['feature_view price', 'feature price.price'])
  expect(names('', { tag: 'tier:silver', kind: 'feature_view' })).toEqual(['feature_view last_price'])
  expect(names('', { tag: 'tier', kind: 'feature_view' })).toEqual([
    'feature_view price',
    'feature_view last_price',
  ])
  expect(names('', { tag: 'tier:bronze' })).toEqual([])
  expect(names('', { type: 'bool' })).toEqual(['feature last_price.is_dear'])
})

test('search() without words finds everything, and says how much there is beyond the page', () => {
  const { total, results } = search(SHOP, { text: ' ', countMax: 3 })
  expect(total).toBe(9)
  expect(results).toHaveLength(3)
})

test('search() finds windowed and on-demand features under the names they are served by', () => {
  expect(names('mean_delay_24h', { kind: 'feature' }, FLIGHTS)[0]).toBe('feature departures.mean_delay_24h')
  expect(names('is_origin_worse', {}, FLIGHTS)[0]).toBe('feature trip.is_origin_worse')
  expect(names('departures.mean_delay_24h', {}, FLIGHTS)[0]).toBe('feature departures.mean_delay_24h')
})

test('searchIndex() is made once for a catalog, and its vocabulary grows with words, not with features', () => {
  const catalog = catalogOf(largeSet(40, 50))
  const index = searchIndex(catalog)
  expect(searchIndex(catalog)).toBe(index)
  expect(index.items.length).toBe(1 + 1 + 40 + 4)
  expect(index.items.flatMap(({ featureNames }) => featureNames)).toHaveLength(40 * 50)
  // Misspellings are looked for among these alone, once for each word of a search.
  expect(index.words.size).toBeLessThan(250)
  // Nothing is held of a feature but its name, of which there are as many as a view has features.
  expect(index.texts.filter(({ field }) => field === 'name').length).toBeLessThan(1 + 1 + 40 + 50 + 4 + 1)
})

test('search() finds what a feature says and computes as it does its name, in any case', () => {
  const catalog = catalogOf({
    entities: [{ name: 'user', join_keys: [{ name: 'id', type: 'string' }] }],
    sources: [
      {
        name: 'visits',
        event_time: 'at',
        schema: [
          { name: 'at', type: 'timestamp' },
          { name: 'id', type: 'string' },
          { name: 'country', type: 'string' },
        ],
      },
    ],
    feature_views: [
      {
        name: 'home',
        entity: 'user',
        source: 'visits',
        features: [
          { name: 'is_near', type: 'bool', sql: "country = 'Chad'", description: 'Whether Zoé is near' },
          { name: 'country', type: 'string', sql: 'country' },
        ],
      },
    ],
  })
  const matchedOf = (text: string) =>
    search(catalog, { text, countMax: 9 }).results.map(({ name, matched }) => [name, matched])
  expect(matchedOf('ZOÉ chad')).toEqual([['is_near', ['description', 'sql']]])
  expect(matchedOf('near country').slice(0, 1)).toEqual([['is_near', ['name', 'sql']]])
  expect(matchedOf('whether chad absent')).toEqual([])
  expect(matchedOf('Country')[0]).toEqual(['country', ['name']])
})

test.each(['', 'feature', 'feature 7', 'featrue view_1'])(
  'search() for "%s" answers the first of all that it would answer, and counts all',
  (text) => {
    const catalog = catalogOf(largeSet(40, 50))
    const whole = search(catalog, { text, countMax: 5_000 })
    expect(whole.results).toHaveLength(whole.total)
    for (const countMax of [1, 7, 100]) {
      const { total, results } = search(catalog, { text, countMax })
      expect(total).toBe(whole.total)
      expect(results).toEqual(whole.results.slice(0, countMax))
    }
  },
)
