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
      ],
    },
  ],
}

export default definitions
