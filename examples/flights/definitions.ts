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

// Real flights of 2001 (vega-datasets): one row a flight, its delay in minutes and distance in miles.

const airport = entity('airport', {
  description: 'A US airport by its three-letter code',
  joinKeys: { airport: 'string' },
  shards: 4,
})

const flights = source('flights', {
  description: 'Flights as they were flown',
  eventTime: 'date',
  schema: {
    date: { type: 'timestamp', description: 'Scheduled departure' },
    delay: { type: 'int64', description: 'Arrival delay in minutes; negative is early' },
    distance: { type: 'int64', description: 'Miles' },
    origin: { type: 'string', required: true },
    destination: { type: 'string', required: true },
  },
  landing: { format: 'parquet' },
  expectations: {
    sane_delay: { sql: sql`delay between -180 and 2880`, onFailure: 'quarantine' },
  },
})

const { delay, distance, destination } = flights.columns

const lastDeparture = featureView('last_departure', {
  description: 'The newest flight that left an airport',
  entity: airport,
  source: flights,
  joinKeys: { airport: 'origin' },
  features: { delay, distance, destination },
  ttl: '7d',
})

const lastArrival = featureView('last_arrival', {
  description: 'The newest flight that was bound for an airport',
  entity: airport,
  source: flights,
  joinKeys: { airport: 'destination' },
  features: { delay },
  ttl: '7d',
})

const departures = featureView('departures', {
  description: 'Flights that left an airport, and how late they were',
  entity: airport,
  source: flights,
  joinKeys: { airport: 'origin' },
  where: sql`${delay} is not null`,
  aggregations: {
    flights: aggregate('count', delay, { windows: ['1h', '24h', '7d'] }),
    mean_delay: aggregate('mean', delay, { windows: ['1h', '24h', '7d'] }),
  },
})

const trip = onDemandView('trip', {
  description: 'What only the request can say, beside what is known of both airports',
  inputs: { origin_mean_delay_24h: 'float64', destination_mean_delay_24h: 'float64' },
  request: { miles: 'int64' },
  features: ({ origin_mean_delay_24h, destination_mean_delay_24h, miles }) => ({
    delay_per_1000_miles: {
      type: 'float64',
      sql: sql`${origin_mean_delay_24h} * 1000 / nullif(${miles}, 0)`,
    },
    is_origin_worse: {
      type: 'bool',
      sql: sql`${origin_mean_delay_24h} > ${destination_mean_delay_24h}`,
    },
  }),
})

const delayPredictor = featureService('delay_predictor', {
  description: 'What a model of the next delay reads: one view in two roles, and another',
  features: [
    lastDeparture.take({ joinKeys: { airport: 'origin' }, prefix: 'origin_last_' }),
    lastDeparture.take({
      features: ['delay'],
      joinKeys: { airport: 'destination' },
      prefix: 'destination_last_',
    }),
    lastArrival.take({ joinKeys: { airport: 'destination' }, prefix: 'inbound_last_' }),
    departures.take({ joinKeys: { airport: 'origin' }, prefix: 'origin_' }),
    departures.take({
      features: ['mean_delay_24h'],
      joinKeys: { airport: 'destination' },
      prefix: 'destination_',
    }),
    trip,
  ],
})

export default definitionSet([delayPredictor])
