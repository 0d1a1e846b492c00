import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { promisify } from 'node:util'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import type { Comparison } from './comparison.ts'
import { createJoinData, type JoinData, type JoinKind, type JoinSize, SERVICES, VIEWS } from './join-data.ts'

export interface JoinOptions extends JoinSize {
  /** Timed runs of each side, after one that is not counted; the median counts. */
  readonly runs: number
}

/** What the join's memory is held against. */
const HEAP_BYTES_MAX = 96_000_000

const NAMES: Readonly<Record<JoinKind, string>> = { latest: 'join', windowed: 'join_windowed' }

/**
 * Point-in-time join of labels with three views, from Parquet files to a Parquet file, against DuckDB on one thread: a
 * Worker has one as well. Ours is in label order, DuckDB's in any. The two answers are the same before the times are
 * told: of latest-row views by the clock, of windows by the processor. With it, our greatest memory against its budget.
 */
export async function measureJoin(options: JoinOptions, kind: JoinKind = 'latest'): Promise<Comparison[]> {
  const folder = await mkdtemp(joinPath(tmpdir(), 'featheredge-bench-'))
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const duckdb = await instance.connect()
  try {
    const data = createJoinData(folder, options, kind)
    const duckdbPath = joinPath(folder, 'duckdb.parquet')
    await writeFile(joinPath(folder, 'data.json'), JSON.stringify(data))
    const ours = await joinInSmallHeap(folder, options.runs)
    const theirs: RunTime[] = []
    for (let run = 0; run <= options.runs; run++)
      theirs.push(await timeRun(() => duckdb.run(duckdbJoin(folder, data, duckdbPath))))
    theirs.shift()
    await checkEqual(duckdb, { ours: joinPath(folder, 'ours.parquet'), duckdb: duckdbPath }, options)
    const name = NAMES[kind]
    const elapsed = { ours: median(ours.times), baseline: median(theirs.map(({ elapsedMs }) => elapsedMs)) }
    const processor = {
      ours: median(ours.processorTimes),
      baseline: median(theirs.map(({ processorMs }) => processorMs)),
    }
    const facts = { ours_processor_ms: processor.ours, duckdb_processor_ms: processor.baseline }
    return [
      { name, ...(kind === 'latest' ? elapsed : processor), unit: 'ms', facts },
      { name: `${name}_heap`, ours: ours.peakBytes, baseline: HEAP_BYTES_MAX, unit: 'bytes' },
    ]
  } finally {
    duckdb.closeSync()
    instance.closeSync()
    await rm(folder, { recursive: true })
  }
}

export interface JoinRuns {
  readonly times: readonly number[]
  readonly processorTimes: readonly number[]
  readonly peakBytes: number
}

/** In a process of its own, whose heap is limited as a Worker's is. */
export async function joinInSmallHeap(folder: string, runs: number): Promise<JoinRuns> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--max-old-space-size=48',
    '--max-semi-space-size=2',
    joinPath(import.meta.dirname, 'join-in-small-heap.ts'),
    folder,
    String(runs),
  ])
  return JSON.parse(stdout) as JoinRuns
}

export function duckdbJoin(folder: string, { kind, labels, segments }: JoinData, to: string): string {
  const { snapshot, service } = SERVICES[kind]
  const joins = VIEWS.map((view) => {
    const files = segments[view]!.map(({ path }) => `'${joinPath(folder, path)}'`)
    const isWindowed = snapshot.views[`${view}@1`]!.windows !== null
    const rows = `read_parquet([${files}], hive_partitioning = false)`
    return isWindowed ? windowsSql(view, rows, labels) : newestSql(view, rows)
  })
  const features = service.features.map(({ name }) => {
    const view = VIEWS.find((one) => name.startsWith(`${one}_`))!
    const column = `${view}.${name.slice(view.length + 1)}`
    // A count over nothing is 0 (S19).
    return column.endsWith('amount_1h') ? `coalesce(${column}, 0) AS ${name}` : `${column} AS ${name}`
  })
  return `COPY (SELECT l.*, ${features.join(', ')} FROM '${labels}' l ${joins.join('\n')}) TO '${to}' (FORMAT parquet)`
}

/** DuckDB's ASOF join takes any of the rows of equal time, so S6 has to choose among them first. */
function newestSql(view: string, rows: string): string {
  return `ASOF LEFT JOIN (
      SELECT "user", event_time, score, amount, count, city FROM ${rows}
      QUALIFY row_number() OVER (
        PARTITION BY "user", event_time
        ORDER BY created_time DESC, sequence_time DESC, sequence_origin DESC, sequence_index DESC
      ) = 1
    ) ${view} ON l.user = ${view}.user AND l.event_time >= ${view}.event_time`
}

/** Windows by S17: from a whole five minutes on, to the label's time. */
function windowsSql(view: string, rows: string, labels: string): string {
  const from = (window: string) => `time_bucket(INTERVAL 5 MINUTES, t - INTERVAL ${window})`
  return `LEFT JOIN (
      SELECT label, sum(count) FILTER (event_time >= ${from('10 MINUTES')})::BIGINT AS count_10m,
        sum(count)::BIGINT AS count_1h, count(amount) AS amount_1h
      FROM (SELECT label, "user", event_time AS t FROM '${labels}') JOIN ${rows} USING ("user")
      WHERE event_time <= t AND event_time >= ${from('1 HOUR')}
      GROUP BY label
    ) ${view} ON l.label = ${view}.label`
}

async function checkEqual(
  duckdb: DuckDBConnection,
  { ours, duckdb: theirs }: { readonly ours: string; readonly duckdb: string },
  { labelCount }: JoinSize,
): Promise<void> {
  const reader = await duckdb.runAndReadAll(`
    SELECT
      (SELECT count(*) FROM '${ours}') AS ours,
      (SELECT count(*) FROM '${theirs}') AS duckdb,
      (SELECT count(*) FROM '${ours}' WHERE profile_score IS NOT NULL) AS found,
      (SELECT count(*) FROM (SELECT label <> file_row_number AS is_moved FROM read_parquet('${ours}', file_row_number = true)) WHERE is_moved) AS moved,
      (SELECT count(*) FROM (FROM '${ours}' EXCEPT FROM '${theirs}')) AS different`)
  const [counts] = reader.getRowObjects()
  const isRight =
    counts?.ours === BigInt(labelCount) &&
    counts.duckdb === BigInt(labelCount) &&
    Number(counts.found) > labelCount / 2 &&
    counts.moved === 0n &&
    counts.different === 0n
  if (!isRight) {
    const facts = Object.entries(counts ?? {}).map(([name, count]) => `${name} ${count}`)
    throw new Error(`Cannot report the join: the answers differ (${facts.join(', ')})`)
  }
}

interface RunTime {
  readonly elapsedMs: number
  /** Of all of this process: it does nothing beside. */
  readonly processorMs: number
}

async function timeRun(work: () => Promise<unknown>): Promise<RunTime> {
  const startMs = performance.now()
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return { elapsedMs: performance.now() - startMs, processorMs: (user + system) / 1_000 }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
