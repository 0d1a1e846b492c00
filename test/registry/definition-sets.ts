import fc from 'fast-check'
import type { DefinitionSetInput } from '../../src/definitions/definition-set.ts'

type Kind<K extends keyof DefinitionSetInput> = NonNullable<DefinitionSetInput[K]>[number]

const COLUMNS = ['price', 'count', 'score'] as const
const NAMES = ['a', 'b', 'c'] as const

const about = fc.record({
  description: fc.constantFrom('', 'said', '<b>said</b>'),
  owner: fc.constantFrom('', 'growth'),
  tags: fc.constantFrom({}, { team: 'ops' }),
})

const source = (name: string): fc.Arbitrary<Kind<'sources'>> =>
  fc
    .record({
      about,
      types: fc.tuple(...COLUMNS.map(() => fc.constantFrom('int64' as const, 'float64' as const))),
      isRequired: fc.boolean(),
      extra: fc.boolean(),
      retention: fc.constantFrom(undefined, '30d', '60d'),
      landing: fc.constantFrom(null, { format: 'parquet' as const }),
    })
    .map(({ about: said, types, isRequired, extra, retention, landing }) => ({
      name,
      event_time: 'at',
      schema: [
        { name: 'at', type: 'timestamp' as const },
        { name: 'id', type: 'string' as const },
        ...COLUMNS.map((column, at) => ({
          name: column,
          type: types[at]!,
          required: isRequired && at === 0,
        })),
        ...(extra ? [{ name: 'extra', type: 'string' as const }] : []),
      ],
      landing,
      ...(retention === undefined ? {} : { retention }),
      ...said,
    }))

const view = (name: string): fc.Arbitrary<Kind<'feature_views'>> =>
  fc
    .record({
      about,
      source: fc.constantFrom('s', 't'),
      taken: fc.subarray([...COLUMNS], { minLength: 1 }),
      isWindowed: fc.boolean(),
      window: fc.constantFrom('1h', '24h'),
      isScaled: fc.boolean(),
      ttl: fc.constantFrom(undefined, '1d', '7d'),
      publish: fc.constantFrom('1s', '10s'),
      where: fc.constantFrom(undefined, 'count > 0'),
    })
    .map(({ about: said, source: from, taken, isWindowed, window, isScaled, ttl, publish, where }) => {
      const sql = (column: string) => (isScaled ? `${column} * 2.5` : `${column} / 1`)
      const features = taken.map((column) => ({ name: column, type: 'float64' as const, sql: sql(column) }))
      const aggregations = taken.map((column) => ({
        name: column,
        function: 'mean' as const,
        sql: sql(column),
        windows: [window],
      }))
      return {
        name,
        entity: 'e',
        source: from,
        join_keys: { id: 'id' },
        publish,
        ...(where === undefined ? {} : { where }),
        ...(isWindowed ? { aggregations } : { features }),
        ...(ttl === undefined || isWindowed ? {} : { ttl }),
        ...said,
      }
    })

/** Small valid sets out of few names, so that any two have much in common. */
export const definitionSets: fc.Arbitrary<DefinitionSetInput> = fc
  .record({
    entityAbout: about,
    hasOther: fc.boolean(),
    sources: fc.tuple(source('s'), source('t')),
    views: fc.tuple(...NAMES.map((name) => fc.option(view(name), { nil: undefined }))),
    services: fc.array(
      fc.record({ about, views: fc.shuffledSubarray([...NAMES], { minLength: 1 }), prefix: fc.boolean() }),
      { maxLength: 2 },
    ),
    hasOnDemand: fc.boolean(),
    onDemandSql: fc.constantFrom('x + 1', 'x * 2'),
  })
  .map((parts) => {
    const views = parts.views.filter((one) => one !== undefined)
    const known = new Set(views.map(({ name }) => name))
    return {
      entities: [
        { name: 'e', join_keys: [{ name: 'id', type: 'string' as const }], shards: 1, ...parts.entityAbout },
        ...(parts.hasOther ? [{ name: 'other', join_keys: [{ name: 'id', type: 'int64' as const }] }] : []),
      ],
      sources: parts.sources,
      feature_views: views,
      on_demand_views: parts.hasOnDemand
        ? [
            {
              name: 'o',
              inputs: [{ name: 'x', type: 'int64' as const, from: 'request' as const }],
              features: [{ name: 'y', type: 'int64' as const, sql: parts.onDemandSql }],
            },
          ]
        : [],
      feature_services: parts.services.flatMap(({ about: said, views: taken, prefix }, at) => {
        const entries = taken
          .filter((name) => known.has(name))
          .map((name) => ({ view: name, prefix: prefix ? `${name}_` : `${at}_${name}_` }))
        if (entries.length === 0) return []
        const onDemand = parts.hasOnDemand ? [{ view: 'o' }] : []
        return [{ name: `service_${at}`, features: [...entries, ...onDemand], ...said }]
      }),
    }
  })
