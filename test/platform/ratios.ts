import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'
import { CLICKS } from './clicks.ts'

/** Clicks with features made at request time: of a user's and an item's price, of a request input, of one another. */
export const RATIOS: DefinitionSetInput = {
  ...CLICKS,
  on_demand_views: [
    {
      name: 'relative',
      inputs: [
        { name: 'user_price', type: 'int64' },
        { name: 'item_price', type: 'int64' },
        { name: 'budget', type: 'int64', from: 'request' },
      ],
      features: [
        { name: 'per_budget', type: 'float64', sql: 'user_price / nullif(budget, 0)' },
        { name: 'gap', type: 'int64', sql: 'coalesce(item_price, 0) - budget' },
        // Fails for a price of 0 and below, and for no other row.
        { name: 'log_price', type: 'float64', sql: 'ln(item_price)' },
      ],
    },
    {
      name: 'verdict',
      inputs: [
        { name: 'r_gap', type: 'int64' },
        { name: 'r_log_price', type: 'float64' },
        { name: 'user', type: 'string', from: 'request' },
      ],
      features: [
        { name: 'verdict', type: 'string', sql: "case when r_gap > 0 then 'dear to ' || user end" },
        { name: 'twice_log', type: 'float64', sql: 'r_log_price * 2' },
      ],
    },
  ],
  feature_services: [
    {
      name: 'ranker',
      features: [
        // Before the views that it takes from: only the order among on-demand views matters.
        { view: 'relative', prefix: 'r_' },
        { view: 'last_click', prefix: 'user_' },
        { view: 'verdict' },
        { view: 'last_sale', prefix: 'item_' },
      ],
    },
  ],
}

/** The names of the features of its service, in order. */
export const RATIO_NAMES = [
  'r_per_budget',
  'r_gap',
  'r_log_price',
  'user_price',
  'verdict',
  'twice_log',
  'item_price',
] as const
