/** Two views whose Worker reads the source's JSON: one serves what it returns, one aggregates it. */
const transform = { service: 'ORDER_PAYLOADS', method: 'parseOrders' }

export const definitions = {
  entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }], shards: 1 }],
  sources: [
    {
      name: 'orders',
      event_time: 'at',
      schema: [
        { name: 'at', type: 'timestamp' },
        { name: 'user', type: 'string' },
        { name: 'payload', type: 'string' },
      ],
      landing: { format: 'parquet' },
    },
  ],
  feature_views: [
    {
      name: 'last_order',
      entity: 'user',
      source: 'orders',
      where: "user <> 'nobody'",
      transform,
      features: [
        { name: 'items', type: 'int64' },
        { name: 'total', type: 'float64' },
        { name: 'device', type: 'string' },
        // A feature with SQL may read the columns and what the Worker returns.
        { name: 'mean_price', type: 'float64', sql: 'total / nullif(items, 0)' },
      ],
    },
    {
      name: 'spending',
      entity: 'user',
      source: 'orders',
      transform,
      // Beside aggregations, features are what the Worker returns, and are not served.
      features: [
        { name: 'items', type: 'int64' },
        { name: 'total', type: 'float64' },
        { name: 'device', type: 'string' },
      ],
      aggregations: [{ name: 'spent', function: 'sum', sql: 'total', windows: ['7d'] }],
    },
  ],
  feature_services: [{ name: 'buyer', features: [{ view: 'last_order' }, { view: 'spending' }] }],
}
