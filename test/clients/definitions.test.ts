import { expect, test } from 'vitest'
import {
  aggregate,
  definitionSet,
  entity,
  featureService,
  featureView,
  onDemandView,
  source,
  sql,
} from '../../clients/typescript/index.ts'
import flights from '../../examples/flights/definitions.ts'
import { findProblems } from '../../src/definitions/validate.ts'

const user = entity('user', { joinKeys: { user: 'string' }, owner: 'growth', tags: { team: 'web' } })
const clicks = source('clicks', {
  eventTime: 'at',
  createdTime: 'at',
  eventId: 'id',
  schema: { at: 'timestamp', id: 'string', user: 'string', price: 'int64', order: 'int64' },
})
const { price, order } = clicks.columns

test('sql`` puts columns, expressions and values in so that they mean what they meant', () => {
  const part = sql`${price} + 1`
  expect(sql`${part} * ${2} - ${-3} > ${1n} and ${order} = ${"it's"} or ${true}`.sql).toBe(
    `(price + 1) * 2 - (-3) > 1 and order = 'it''s' or true`,
  )
})

test('definitionSet() collects what its definitions refer to, each once, as the store takes it', () => {
  const last = featureView('last', { entity: user, source: clicks, features: { price }, ttl: '7d' })
  const counts = featureView('counts', {
    entity: user,
    source: clicks,
    where: sql`${price} > 0`,
    blockGroup: 'windows',
    aggregations: {
      clicks: aggregate('count', price, { windows: ['1h', '24h'], description: 'Clicks' }),
      items: aggregate('count_distinct', order, { windows: ['1h'], maxDistinct: 10 }),
    },
  })
  const ratio = onDemandView('ratio', {
    inputs: { last_price: 'int64' },
    request: { budget: 'int64' },
    features: ({ last_price, budget }) => ({
      share: { type: 'float64', sql: sql`${last_price} / ${budget}`, description: 'Of it all' },
    }),
  })
  const ranker = featureService('ranker', {
    features: [last.take({ prefix: 'last_', joinKeys: { user: 'buyer' } }), counts, ratio],
  })
  const set = definitionSet([ranker, last])
  expect(findProblems(set)).toEqual([])
  expect(set).toMatchObject({
    entities: [{ name: 'user', owner: 'growth', tags: { team: 'web' } }],
    sources: [{ name: 'clicks', event_id: 'id', created_time: 'at' }],
    feature_views: [
      { name: 'last', ttl: '7d', features: [{ name: 'price', type: 'int64', sql: 'price' }] },
      {
        name: 'counts',
        where: 'price > 0',
        block_group: 'windows',
        aggregations: [
          { name: 'clicks', function: 'count', windows: ['1h', '24h'], description: 'Clicks' },
          { name: 'items', function: 'count_distinct', max_distinct: 10 },
        ],
      },
    ],
    on_demand_views: [
      {
        inputs: [
          { name: 'last_price', from: 'features' },
          { name: 'budget', from: 'request' },
        ],
        features: [{ name: 'share', sql: 'last_price / budget', description: 'Of it all' }],
      },
    ],
    feature_services: [
      {
        features: [
          { view: 'last', prefix: 'last_', join_keys: { user: 'buyer' } },
          { view: 'counts' },
          { view: 'ratio' },
        ],
      },
    ],
  })
})

test('what the compiler cannot see is refused where it is written, by the schemas of the store', () => {
  expect(() => entity('User', { joinKeys: { user: 'string' } })).toThrow('a name is a lower-case letter')
  expect(() => entity('user', { joinKeys: {} })).toThrow()
  expect(() => featureView('none', { entity: user, source: clicks })).toThrow(
    'either features or aggregations',
  )
  const both = { features: { price }, aggregations: { n: aggregate('count', price, { windows: ['1h'] }) } }
  expect(() => featureView('both', { entity: user, source: clicks, ...both })).toThrow(
    'either features or aggregations',
  )
})

test('definitionSet() refuses two definitions of one name', () => {
  const other = entity('user', { joinKeys: { id: 'int64' } })
  expect(() => definitionSet([user, other])).toThrow('Cannot make a set: entity "user" is defined twice')
})

test('a pinned version is part of what a service takes', () => {
  const last = featureView('last', { entity: user, source: clicks, features: { price } })
  const service = featureService('ranker', { features: [last.take({ version: 2, features: ['price'] })] })
  expect(service.definition.features[0]).toMatchObject({ view: 'last@2', features: ['price'] })
})

test('examples/flights is valid', () => {
  expect(findProblems(flights)).toEqual([])
})
