import { expect, test } from 'vitest'
import { createCatalog } from '../../src/catalog/catalog.ts'
import { describe } from '../../src/catalog/describe.ts'
import { lineage } from '../../src/catalog/lineage.ts'
import { catalogOf, FLIGHTS } from './catalogs.ts'

const DATASETS = [
  {
    id: 'td-1',
    name: 'june',
    of: { kind: 'service' as const, name: 'delay_predictor' },
    versions: ['departures@1'],
  },
]

function trace(kind: Parameters<typeof lineage>[2]['kind'], name: string) {
  return lineage(FLIGHTS, DATASETS, { kind, name })
}

function edge(from: string, to: string, found: ReturnType<typeof trace>) {
  return found.edges.find((one) => one.from === from && one.to === to)
}

test('lineage() follows a source through views and services to training datasets', () => {
  const found = trace('source', 'flights')
  expect(found.upstream).toEqual([])
  expect(found.downstream).toEqual([
    'feature_view/last_departure',
    'feature_view/last_arrival',
    'feature_view/departures',
    'feature_service/delay_predictor',
    'on_demand_view/trip',
    'training_dataset/td-1',
  ])
  expect(found.nodes[0]).toMatchObject({ id: 'source/flights', description: 'Flights as they were flown' })
  expect(found.nodes.find(({ id }) => id === 'training_dataset/td-1')?.description).toBe('june')
})

test('lineage() names the columns that a view reads and the features that a service takes', () => {
  const found = trace('feature_view', 'departures')
  expect(edge('source/flights', 'feature_view/departures', found)?.columns).toEqual([
    'date',
    'delay',
    'origin',
  ])
  expect(edge('feature_view/departures', 'on_demand_view/trip', found)?.features).toEqual(['mean_delay_24h'])
  expect(edge('feature_view/departures', 'feature_service/delay_predictor', found)?.features).toContain(
    'flights_24h',
  )
})

test('lineage() names the versions of a view that are kept up, and those that a dataset was made from (S33)', () => {
  const filling = {
    ...FLIGHTS,
    versions: { ...FLIGHTS.versions, departures: { version: 3, fingerprint: '' } },
    transition: { unfilled: { 'departures@3': 2 }, kept: { 'departures@1': 1 }, held: {} },
  }
  const { nodes } = lineage(filling, DATASETS, { kind: 'feature_view', name: 'departures' })
  expect(nodes[0]!.versions).toEqual(['departures@1', 'departures@3'])
  expect(nodes.find(({ id }) => id === 'training_dataset/td-1')!.versions).toEqual(['departures@1'])
  expect(nodes.find(({ id }) => id === 'source/flights')).not.toHaveProperty('versions')
  expect(describe(filling, 'feature_view', 'departures').versions).toEqual([
    { version: 1, state: 'served' },
    { version: 3, state: 'filling' },
  ])
})

test('lineage() follows a training dataset back to its sources', () => {
  const found = trace('training_dataset', 'td-1')
  expect(found.downstream).toEqual([])
  expect(found.upstream).toContain('source/flights')
  expect(found.upstream).toContain('entity/airport')
})

test('lineage() of a feature goes on to what is computed of it, and names its columns', () => {
  const found = trace('feature', 'departures.mean_delay_24h')
  expect(edge('feature_view/departures', 'feature/departures.mean_delay_24h', found)?.columns).toEqual([
    'delay',
  ])
  expect(found.downstream).toEqual(
    expect.arrayContaining([
      'feature/trip.delay_per_1000_miles',
      'feature/trip.is_origin_worse',
      'feature_service/delay_predictor',
      'training_dataset/td-1',
    ]),
  )
  expect(
    edge('feature/departures.mean_delay_24h', 'feature_service/delay_predictor', found)?.features,
  ).toEqual(['origin_mean_delay_24h', 'destination_mean_delay_24h'])
  expect(found.upstream).toEqual(['feature_view/departures', 'source/flights', 'entity/airport'])
})

test('lineage() of a computed feature comes from the features that its expression reads, and no others', () => {
  const found = trace('feature', 'trip.delay_per_1000_miles')
  expect(found.upstream).toContain('feature/departures.mean_delay_24h')
  expect(found.upstream).toContain('source/flights')
  expect(found.upstream.filter((id) => id.startsWith('feature/'))).toHaveLength(1)
})

test('lineage() of what is not there says what may have been meant', () => {
  expect(() => trace('feature_view', 'departure')).toThrow(
    'Cannot find feature view "departure": there is none of that name (did you mean "departures"?)',
  )
  expect(() => trace('feature', 'departures.flights_25h')).toThrow('did you mean "departures.flights_24h"?')
  expect(() => trace('feature', 'departures')).toThrow('Cannot find feature "departures"')
  expect(() => trace('training_dataset', 'td-2')).toThrow('did you mean "td-1"?')
})

test('lineage() follows on-demand views of on-demand views, and ends at a feature that nobody takes', () => {
  const catalog = catalogOf({
    entities: [{ name: 'user', join_keys: [{ name: 'user', type: 'string' }] }],
    sources: [
      {
        name: 'clicks',
        event_time: 'at',
        schema: [
          { name: 'at', type: 'timestamp' },
          { name: 'user', type: 'string' },
          { name: 'price', type: 'int64' },
        ],
      },
    ],
    feature_views: [
      {
        name: 'last',
        entity: 'user',
        source: 'clicks',
        features: [
          { name: 'price', type: 'int64', sql: 'price' },
          { name: 'unused', type: 'int64', sql: 'price + 1' },
        ],
      },
    ],
    on_demand_views: [
      {
        name: 'twice',
        inputs: [{ name: 'price', type: 'int64' }],
        features: [{ name: 'double', type: 'int64', sql: 'price * 2' }],
      },
      {
        name: 'more',
        inputs: [{ name: 'double', type: 'int64' }],
        features: [{ name: 'quadruple', type: 'int64', sql: 'double * 2' }],
      },
    ],
    feature_services: [
      { name: 's', features: [{ view: 'last', features: ['price'] }, { view: 'twice' }, { view: 'more' }] },
    ],
  })
  const found = lineage(catalog, [], { kind: 'feature', name: 'more.quadruple' })
  expect(found.upstream).toEqual([
    'on_demand_view/more',
    'feature/twice.double',
    'on_demand_view/twice',
    'feature/last.price',
    'feature_view/last',
    'source/clicks',
    'entity/user',
  ])
  expect(lineage(catalog, [], { kind: 'feature', name: 'last.unused' }).downstream).toEqual([])
})

test('lineage() of a view with a Worker of its own names every column, for it is given them all', () => {
  const [departures] = FLIGHTS.definitions.feature_views
  const view = {
    ...departures!,
    transform: { service: 'DELAYS', method: 'read' },
    features: [{ name: 'reason', type: 'string' as const, description: '' }],
  }
  const catalog = createCatalog({
    ...FLIGHTS,
    definitions: { ...FLIGHTS.definitions, feature_views: [view], feature_services: [] },
  })
  const found = lineage(catalog, [], { kind: 'feature', name: `${view.name}.reason` })
  const columns = FLIGHTS.definitions.sources[0]!.schema.map(({ name }) => name)
  expect(edge(`feature_view/${view.name}`, `feature/${view.name}.reason`, found)?.columns).toEqual(columns)
})
