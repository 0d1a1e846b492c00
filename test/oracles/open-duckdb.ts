import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'

/**
 * A connection to a DuckDB of its own, in memory, on one thread. It reads every file anew: what its cache of files holds
 * passes for a file that was written again at once, and gives rows of before or "Out of buffer".
 */
export async function openDuckdb(): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    enable_external_file_cache: 'false',
  })
  return instance.connect()
}
