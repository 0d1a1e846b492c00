import type { DuckDBConnection } from '@duckdb/node-api'
import type { DefinitionSetInput } from '../src/definitions/definition-set.ts'

const WINDOWS = ['1h', '24h', '7d']
const ROLES = ['origin', 'destination'] as const

/** Flights by the airport they left and by the one they were bound for, over an hour, a day and a week. */
export const DEFINITIONS: DefinitionSetInput = {
  entities: [{ name: 'airport', join_keys: [{ name: 'airport', type: 'string' }], shards: 16 }],
  sources: [
    {
      name: 'flights',
      event_time: 'date',
      // What comes late was made at its own time all the same.
      created_time: 'date',
      schema: [
        { name: 'date', type: 'timestamp' },
        { name: 'delay', type: 'int64' },
        { name: 'distance', type: 'int64' },
        { name: 'origin', type: 'string', required: true },
        { name: 'destination', type: 'string', required: true },
      ],
      landing: { format: 'parquet' },
    },
  ],
  feature_views: ROLES.map((role) => ({
    name: `by_${role}`,
    entity: 'airport',
    source: 'flights',
    join_keys: { airport: role },
    aggregations: [
      { name: 'flights', function: 'count' as const, sql: 'delay', windows: WINDOWS },
      { name: 'mean_delay', function: 'mean' as const, sql: 'delay', windows: WINDOWS },
      { name: 'max_delay', function: 'max' as const, sql: 'delay', windows: WINDOWS },
    ],
  })),
  feature_services: [
    {
      name: 'delays',
      features: ROLES.map((role) => ({
        view: `by_${role}`,
        join_keys: { airport: role },
        prefix: `${role}_`,
      })),
    },
  ],
}

/** How far back a window reaches at a time, by the letter of S17: the hop that its tail is rounded down to. */
const TAILS: Readonly<Record<string, string>> = {
  '1h': "time_bucket(interval '5 minutes', l.event_time - interval '1 hour', timestamptz '2000-01-01 00:00:00+00')",
  '24h':
    "time_bucket(interval '1 hour', l.event_time - interval '24 hours', timestamptz '2000-01-01 00:00:00+00')",
  '7d': "time_bucket(interval '1 hour', l.event_time - interval '7 days', timestamptz '2000-01-01 00:00:00+00')",
}

export interface OraclePaths {
  readonly flights: string
  /** A dataset of `DEFINITIONS` whose labels have their number as `label`. */
  readonly dataset: string
}

/**
 * Compares a dataset with what DuckDB finds for every `every`-th of its labels by looking at all flights of their airports.
 * Written from the semantics alone; answers how many labels were compared, and throws naming the first that differ.
 */
export async function compareWithDuckdb(
  duckdb: DuckDBConnection,
  { flights, dataset }: OraclePaths,
  every: number,
): Promise<number> {
  await duckdb.run("SET TimeZone = 'UTC'")
  await duckdb.run(`CREATE TEMP TABLE flown AS SELECT date, delay, origin, destination FROM '${flights}'`)
  await duckdb.run(`CREATE TEMP TABLE made AS SELECT * FROM '${dataset}' WHERE label % ${every} = 0`)
  for (const role of ROLES) {
    for (const window of WINDOWS) {
      const reader = await duckdb.runAndReadAll(`
        WITH wanted AS (
          SELECT l.label, count(f.delay) AS flights, avg(f.delay) AS mean_delay, max(f.delay) AS max_delay
          FROM made l LEFT JOIN flown f
            ON f.${role} = l.${role} AND f.date <= l.event_time AND f.date >= ${TAILS[window]}
          GROUP BY l.label)
        SELECT l.label, w.flights, m.${role}_flights_${window}, w.mean_delay, m.${role}_mean_delay_${window}
        FROM made l JOIN wanted w ON w.label = l.label JOIN made m ON m.label = l.label
        WHERE w.flights IS DISTINCT FROM m.${role}_flights_${window}
          OR w.max_delay IS DISTINCT FROM m.${role}_max_delay_${window}
          OR (w.mean_delay IS NULL) <> (m.${role}_mean_delay_${window} IS NULL)
          OR abs(w.mean_delay - m.${role}_mean_delay_${window}) > 1e-9
        LIMIT 5`)
      if (reader.currentRowCount > 0)
        throw new Error(`${role} over ${window} differs: ${JSON.stringify(reader.getRowsJson())}`)
    }
  }
  const [count] = (await duckdb.runAndReadAll('SELECT count(*) FROM made')).getRowsJson()
  await duckdb.run('DROP TABLE flown')
  await duckdb.run('DROP TABLE made')
  return Number(count![0])
}
