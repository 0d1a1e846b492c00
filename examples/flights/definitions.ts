import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'

/** Real flights of 2001 (vega-datasets): one row a flight, its delay in minutes and distance in miles. */
const definitions: DefinitionSetInput = {
  entities: [
    {
      name: 'airport',
      description: 'A US airport by its three-letter code',
      join_keys: [{ name: 'airport', type: 'string' }],
      shards: 4,
    },
  ],
  sources: [
    {
      name: 'flights',
      description: 'Flights as they were flown',
      event_time: 'date',
      schema: [
        { name: 'date', type: 'timestamp', description: 'Scheduled departure' },
        { name: 'delay', type: 'int64', description: 'Arrival delay in minutes; negative is early' },
        { name: 'distance', type: 'int64', description: 'Miles' },
        { name: 'origin', type: 'string', required: true },
        { name: 'destination', type: 'string', required: true },
      ],
      landing: { format: 'parquet' },
      expectations: [{ name: 'sane_delay', sql: 'delay between -180 and 2880', on_failure: 'quarantine' }],
    },
  ],
  feature_views: [
    {
      name: 'last_departure',
      description: 'The newest flight that left an airport',
      entity: 'airport',
      source: 'flights',
      join_keys: { airport: 'origin' },
      features: [
        { name: 'delay', type: 'int64', sql: 'delay' },
        { name: 'distance', type: 'int64', sql: 'distance' },
        { name: 'destination', type: 'string', sql: 'destination' },
      ],
      ttl: '7d',
    },
    {
      name: 'last_arrival',
      description: 'The newest flight that was bound for an airport',
      entity: 'airport',
      source: 'flights',
      join_keys: { airport: 'destination' },
      features: [{ name: 'delay', type: 'int64', sql: 'delay' }],
      ttl: '7d',
    },
    {
      name: 'departures',
      description: 'Flights that left an airport, and how late they were',
      entity: 'airport',
      source: 'flights',
      join_keys: { airport: 'origin' },
      where: 'delay is not null',
      aggregations: [
        { name: 'flights', function: 'count', sql: 'delay', windows: ['1h', '24h', '7d'] },
        { name: 'mean_delay', function: 'mean', sql: 'delay', windows: ['1h', '24h', '7d'] },
      ],
    },
  ],
  on_demand_views: [
    {
      name: 'trip',
      description: 'What only the request can say, beside what is known of both airports',
      inputs: [
        { name: 'origin_mean_delay_24h', type: 'float64' },
        { name: 'destination_mean_delay_24h', type: 'float64' },
        { name: 'miles', type: 'int64', from: 'request' },
      ],
      features: [
        {
          name: 'delay_per_1000_miles',
          type: 'float64',
          sql: 'origin_mean_delay_24h * 1000 / nullif(miles, 0)',
        },
        {
          name: 'is_origin_worse',
          type: 'bool',
          sql: 'origin_mean_delay_24h > destination_mean_delay_24h',
        },
      ],
    },
  ],
  feature_services: [
    {
      name: 'delay_predictor',
      description: 'What a model of the next delay reads: one view in two roles, and another',
      features: [
        { view: 'last_departure', join_keys: { airport: 'origin' }, prefix: 'origin_last_' },
        {
          view: 'last_departure',
          features: ['delay'],
          join_keys: { airport: 'destination' },
          prefix: 'destination_last_',
        },
        { view: 'last_arrival', join_keys: { airport: 'destination' }, prefix: 'inbound_last_' },
        { view: 'departures', join_keys: { airport: 'origin' }, prefix: 'origin_' },
        {
          view: 'departures',
          features: ['mean_delay_24h'],
          join_keys: { airport: 'destination' },
          prefix: 'destination_',
        },
        { view: 'trip' },
      ],
    },
  ],
}

export default definitions
