/**
 * `node bench/make-large-parquet.ts <path> [rows]`: payments of 1,000 users as DuckDB writes them, by default 2,750,000 of
 * about 370 bytes, 1 GB. Its row groups are larger than a chunk, and each column of one is a single page.
 */
import { pathToFileURL } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'

export const LARGE_ROWS = 2_750_000
export const LARGE_USERS = 1_000
const ROW_GROUP_ROWS = 61_440
/** One row in this many is of the last six days, which windows count; the others are from long before. */
const RECENT_SHARE = 20
const MINUTE_US = 60_000_000
const DAY_US = 24 * 60 * MINUTE_US

export interface LargeFile {
  readonly path: string
  readonly rowCount: number
  /** Event times end a minute before it. */
  readonly nowUs: number
}

/** Equal options give equal rows. A row's values follow from its number, and no value repeats as a whole. */
export async function makeLargeParquet({ path, rowCount, nowUs }: LargeFile): Promise<void> {
  const recentStart = rowCount - Math.floor(rowCount / RECENT_SHARE)
  const recentUs = nowUs - 6 * DAY_US
  const recentStepUs = Math.floor((6 * DAY_US - MINUTE_US) / (rowCount - recentStart))
  const oldUs = nowUs - 100 * DAY_US
  const oldStepUs = Math.floor((60 * DAY_US) / recentStart)
  const duckdb = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await duckdb.connect()
  // Hexadecimal digits of hashes: no codec that looks for repetitions makes them smaller.
  const note = Array.from({ length: 11 }, (_, part) => `md5(concat(${part}, ':', i))`).join(' || ')
  await connection.run(
    `COPY (
       SELECT
         make_timestamptz(CASE WHEN i < ${recentStart} THEN ${oldUs} + i * ${oldStepUs}
           ELSE ${recentUs} + (i - ${recentStart}) * ${recentStepUs} END) AS at,
         i * 7919 % ${LARGE_USERS} AS user,
         (hash(i) % 100000)::BIGINT AS cents,
         ${note} AS note
       FROM range(${rowCount}) AS rows(i)
     ) TO '${path}' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE ${ROW_GROUP_ROWS})`,
  )
  connection.closeSync()
  duckdb.closeSync()
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) {
  const [, , path, rows = String(LARGE_ROWS)] = process.argv
  if (path === undefined) throw new Error('Cannot make the file: its path is needed')
  await makeLargeParquet({ path, rowCount: Number(rows), nowUs: Date.now() * 1_000 })
}
