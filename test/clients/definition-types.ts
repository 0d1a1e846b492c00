// What the compiler must refuse: each line that is marked has to be an error, or `npm run types` fails.
import {
  aggregate,
  entity,
  featureService,
  featureView,
  onDemandView,
  source,
  sql,
} from '../../clients/typescript/index.ts'

const user = entity('user', { joinKeys: { user: 'string' } })
// @ts-expect-error float64 is no type of a join key
entity('user', { joinKeys: { user: 'float64' } })
// @ts-expect-error an entity has no field of this name
entity('user', { joinKeys: { user: 'string' }, colour: 'red' })

const clicks = source('clicks', {
  eventTime: 'at',
  schema: { at: 'timestamp', made: { type: 'timestamp', unit: 'ms' }, user: 'string', price: 'int64' },
})
// @ts-expect-error there is no such column
source('clicks', { eventTime: 'time', schema: { at: 'timestamp' } })
// @ts-expect-error a column that is no timestamp says no time
source('clicks', { eventTime: 'user', schema: { at: 'timestamp', user: 'string' } })
// @ts-expect-error there is no such type
source('clicks', { eventTime: 'at', schema: { at: 'timestamp', price: 'int' } })

const { price, user: who } = clicks.columns
// @ts-expect-error there is no such column
sql`${clicks.columns.prize} > 0`

const last = featureView('last', {
  entity: user,
  source: clicks,
  features: { price, is_dear: { type: 'bool', sql: sql`${price} > 100` } },
})
featureView('last', {
  entity: user,
  source: clicks,
  // @ts-expect-error the entity has no such join key
  joinKeys: { usr: 'user' },
  features: { price },
})
featureView('last', {
  entity: user,
  source: clicks,
  // @ts-expect-error the source has no such column
  joinKeys: { user: 'usr' },
  features: { price },
})
featureView('last', {
  entity: user,
  source: clicks,
  // @ts-expect-error there is no such type
  features: { price: { type: 'int', sql: sql`1` } },
})
const account = entity('account', { joinKeys: { account: 'string' } })
featureView('last', { entity: account, source: clicks, joinKeys: { account: 'user' }, features: { price } })
// @ts-expect-error the source has no column "account": the key has to be said
featureView('last', { entity: account, source: clicks, features: { price } })

const counts = featureView('counts', {
  entity: user,
  source: clicks,
  aggregations: { clicks: aggregate('count', who, { windows: ['1h', '24h'] }) },
})
// @ts-expect-error there is no such function
aggregate('average', price, { windows: ['1h'] })
// @ts-expect-error a window is a duration
aggregate('count', price, { windows: ['an hour'] })

last.take({ features: ['price', 'is_dear'], joinKeys: { user: 'buyer' }, prefix: 'buyer_' })
// @ts-expect-error the view has no such feature
last.take({ features: ['prize'] })
// @ts-expect-error the view has no such join key
last.take({ joinKeys: { usr: 'buyer' } })
counts.take({ features: ['clicks_1h'] })
// @ts-expect-error the aggregation has no such window
counts.take({ features: ['clicks_7d'] })

const ratio = onDemandView('ratio', {
  inputs: { buyer_price: 'int64' },
  request: { budget: 'int64' },
  features: ({ buyer_price, budget }) => ({
    share: { type: 'float64', sql: sql`${buyer_price} / ${budget}` },
  }),
})
onDemandView('ratio', {
  inputs: { buyer_price: 'int64' },
  // @ts-expect-error there is no such input
  features: ({ seller_price }) => ({ share: { type: 'float64', sql: sql`${seller_price}` } }),
})
// @ts-expect-error the view has no such feature
ratio.take({ features: ['shares'] })

featureService('ranker', { features: [last.take({ prefix: 'buyer_' }), ratio] })
featureService('ranker', {
  // @ts-expect-error no entry gives "buyer_price", which the on-demand view needs
  features: [last, ratio],
})
// @ts-expect-error an entity is no view
featureService('ranker', { features: [user] })
