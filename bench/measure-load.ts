import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import {
  aggregate,
  definitionSet,
  entity,
  featureService,
  featureView,
  source,
  sql,
} from '../clients/typescript/index.ts'
import { type Flights, readFlights, shiftFlights } from '../examples/flights/shift-flights.ts'
import { describeLoad } from '../src/batch/describe-load.ts'
import { runLoad } from '../src/batch/run-load.ts'
import { startLoads } from '../src/batch/start-loads.ts'
import { ROW_GROUP_ROWS, writeParquet } from '../src/core/parquet.ts'
import type { JobSteps, Platform } from '../src/platform.ts'
import { applyChanges } from '../src/registry/apply-changes.ts'
import { parseDefinitions } from '../src/registry/plan-changes.ts'
import { type MemoryPlatform, memoryPlatform } from '../test/platform/memory-platform.ts'
import type { Comparison } from './comparison.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
const VIEWS = { departures: 'origin', arrivals: 'destination' } as const

export interface LoadOptions {
  /** Flights of the real 3,000,000. */
  readonly rowCount: number
}

/**
 * Real flights from one Parquet file into the log of two windowed views, and on to the writers, under the memory platform in
 * this process, against DuckDB on one thread that makes the same rows of the same file as Hive-partitioned Parquet. The
 * logs are held against one another before the times are told.
 */
export async function measureLoad({ rowCount }: LoadOptions): Promise<Comparison> {
  const folder = await mkdtemp(join(tmpdir(), 'featheredge-bench-'))
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const duckdb = await instance.connect()
  try {
    const path = join(folder, 'flights.parquet')
    const bytes = flightsFile((await readShifted(rowCount)).flights)
    await writeFile(path, bytes)
    const ours = await loadOurselves(bytes)
    const theirs = await measure(() => loadWithDuckdb(duckdb, path, folder))
    await checkEqual(duckdb, ours.platform, folder)
    return {
      name: 'load_log',
      ours: ours.logMs,
      baseline: theirs.ms,
      unit: 'ms',
      facts: {
        // Of all threads, the garbage collector's too: what other work on the machine leaves alone.
        log_processor_ms: ours.logProcessorMs,
        baseline_processor_ms: theirs.processorMs,
        log_rows_per_second: (rowCount * 1_000) / ours.logMs,
        whole_rows_per_second: (rowCount * 1_000) / (ours.logMs + ours.onlineMs),
        online_ms: ours.onlineMs,
        peak_process_bytes: ours.bytesMax,
        ...(ours.stepBytesMax === 0 ? {} : { peak_step_bytes: ours.stepBytesMax }),
        ...Object.fromEntries(
          Object.entries(ours.counts).map(([what, count]) => [
            `${what}_per_million_rows`,
            (count * 1_000_000) / rowCount,
          ]),
        ),
      },
    }
  } finally {
    duckdb.closeSync()
    instance.closeSync()
    await rm(folder, { recursive: true })
  }
}

async function readShifted(rowCount: number) {
  return shiftFlights(await readFlights(rowCount), NOW_MS)
}

function flightsFile({ date, delay, distance, origin, destination }: Flights): Uint8Array<ArrayBuffer> {
  return new Uint8Array(
    writeParquet([
      { name: 'date', type: 'timestamp', values: date },
      { name: 'delay', type: 'int64', values: delay },
      { name: 'distance', type: 'int64', values: distance },
      { name: 'origin', type: 'string', values: origin },
      { name: 'destination', type: 'string', values: destination },
    ]),
  )
}

interface OwnLoad {
  readonly platform: MemoryPlatform
  /** Planning, chunks and registration: what makes history. */
  readonly logMs: number
  readonly logProcessorMs: number
  /** Rows to the writers, and their blocks published. */
  readonly onlineMs: number
  /** Most that the heap and buffers of this process held after a step, the file and all that was written included. */
  readonly bytesMax: number
  /** As `watchMemory` says; 0 where it is not measured. */
  readonly stepBytesMax: number
  /** Operations that are billed. */
  readonly counts: Readonly<Record<string, number>>
}

async function loadOurselves(bytes: Uint8Array<ArrayBuffer>): Promise<OwnLoad> {
  const effects: Record<string, number> = {}
  const memory = memoryPlatform(NOW_MS * 1_000, {
    jobEffect(name, run) {
      effects[name] = (effects[name] ?? 0) + 1
      return run()
    },
  })
  let [logMs, logProcessorMs, onlineMs, bytesMax] = [0, 0, 0, 0]
  const watch = watchMemory(memory)
  const steps: JobSteps = {
    async step(name, work) {
      watch.begin()
      const { outcome, ms, processorMs } = await measure(work)
      if (/ (sync|end)/.test(name)) onlineMs += ms
      else {
        logMs += ms
        logProcessorMs += processorMs
      }
      const { heapUsed, external } = process.memoryUsage()
      bytesMax = Math.max(bytesMax, heapUsed + external)
      return outcome
    },
    sleep: async () => {},
  }
  const run = (_kind: unknown, id: string) => runLoad(platform, id, steps)
  let writerRequests = 0
  const writers: Platform['writers'] = {
    ...memory.writers,
    deliver(delivery) {
      writerRequests++
      return memory.writers.deliver(delivery)
    },
    flush(layout, options) {
      writerRequests++
      return memory.writers.flush(layout, options)
    },
  }
  const offline: Platform['offline'] = {
    ...memory.offline,
    writeSegment(path, content) {
      watch.sample()
      return memory.offline.writeSegment(path, content)
    },
  }
  const platform: Platform = {
    ...memory,
    offline,
    writers,
    jobs: { start: run, restart: run, stop: async () => {} },
  }
  await applyChanges(platform, parseDefinitions(definitions()), { allowBreaking: false, author: 'bench' })
  memory.land('flights', 'flights.parquet', bytes)
  const [load] = await startLoads(platform, 'flights', { files: ['flights.parquet'], badRowsMax: 0 })
  const { status, error } = await describeLoad(platform, load!.id)
  if (status !== 'succeeded') throw new Error(`The load is ${status}: ${error}`)
  const { writePlan = 0, writeNewest = 0 } = effects
  const statements = ['begin', 'update', 'beginRun', 'beat', 'writeChunk', 'markSynced']
  const counts = {
    segments: memory.manifest.size,
    r2_puts: memory.manifest.size + writePlan + writeNewest,
    d1_statements: statements.reduce((sum, name) => sum + (effects[name] ?? 0), 0),
    writer_requests: writerRequests,
    writer_rows: memory.rowsWritten(),
    kv_puts: memory.counts.writeBlock,
  }
  const stepBytesMax = watch.bytesMax()
  return { platform: memory, logMs, logProcessorMs, onlineMs, bytesMax, stepBytesMax, counts }
}

/**
 * Under `node --expose-gc`: the most that a step held at an object it wrote, beyond what was held when it began and the
 * objects it had written. The times of such a run mean nothing.
 */
function watchMemory({ objects }: MemoryPlatform) {
  let [before, bytesMax] = [0, 0]
  const heldBytes = () => {
    // Buffers of what one collection finds are counted until the next begins.
    globalThis.gc?.()
    globalThis.gc?.()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external - [...objects.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
  }
  const isWatched = globalThis.gc !== undefined
  return {
    begin() {
      if (isWatched) before = heldBytes()
    },
    sample() {
      if (isWatched) bytesMax = Math.max(bytesMax, heldBytes() - before)
    },
    bytesMax: () => bytesMax,
  }
}

function definitions() {
  const airport = entity('airport', { joinKeys: { airport: 'string' }, shards: 4 })
  const flights = source('flights', {
    eventTime: 'date',
    schema: {
      date: 'timestamp',
      delay: 'int64',
      distance: 'int64',
      origin: { type: 'string', required: true },
      destination: { type: 'string', required: true },
    },
    landing: { format: 'parquet' },
  })
  const { delay, distance } = flights.columns
  const windows = ['1h', '24h', '7d'] as const
  const views = Object.entries(VIEWS).map(([name, column]) =>
    featureView(name, {
      entity: airport,
      source: flights,
      joinKeys: { airport: column },
      where: sql`${delay} is not null`,
      aggregations: {
        flights: aggregate('count', delay, { windows }),
        mean_delay: aggregate('mean', delay, { windows }),
        miles: aggregate('sum', distance, { windows }),
      },
    }),
  )
  return definitionSet([
    featureService('delays', { features: views.map((view) => view.take({ prefix: `${view.name}_` })) }),
  ])
}

/** The columns of our log, by the same columns of the file, in as many partitions. */
async function loadWithDuckdb(duckdb: DuckDBConnection, path: string, folder: string): Promise<void> {
  await mkdir(join(folder, 'duckdb'))
  for (const [view, column] of Object.entries(VIEWS)) {
    await duckdb.run(
      `COPY (
         SELECT ${column} AS airport, date AS event_time, TIMESTAMPTZ '2026-01-01' AS created_time,
           TIMESTAMPTZ '2026-01-01' AS ingest_time, TIMESTAMPTZ '2026-01-01' AS sequence_time,
           'load' AS sequence_origin, file_row_number AS sequence_index, delay, distance,
           hash(${column}) % 4 AS bucket
         FROM read_parquet('${path}', file_row_number = true) WHERE delay IS NOT NULL
       ) TO '${join(folder, 'duckdb', view)}'
       (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE ${ROW_GROUP_ROWS}, PARTITION_BY (bucket))`,
    )
  }
}

async function checkEqual(duckdb: DuckDBConnection, { objects }: MemoryPlatform, folder: string) {
  for (const [path, content] of objects) {
    if (!path.endsWith('.parquet')) continue
    const file = join(folder, 'ours', path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
  }
  for (const view of Object.keys(VIEWS)) {
    const ours = await digest(duckdb, join(folder, 'ours/log', view, '**', '*.parquet'), 'flights, miles')
    const theirs = await digest(duckdb, join(folder, 'duckdb', view, '**', '*.parquet'), 'delay, distance')
    if (ours !== theirs) throw new Error(`The log of "${view}" is ${ours}, DuckDB has ${theirs}`)
  }
}

/** Of all rows, their order aside. A windowed view's log has what it aggregates, each under the name of the first that does. */
async function digest(duckdb: DuckDBConnection, files: string, features: string): Promise<string> {
  const row = `airport, epoch_us(event_time), sequence_index, ${features}`
  const read = await duckdb.runAndReadAll(
    `SELECT count(*)::VARCHAR, sum(hash(${row})::HUGEINT)::VARCHAR, bit_xor(hash(${row}))::VARCHAR FROM read_parquet('${files}')`,
  )
  return JSON.stringify(read.getRowsJson()[0])
}

async function measure<T>(run: () => Promise<T>) {
  const startMs = performance.now()
  const start = process.cpuUsage()
  const outcome = await run()
  const { user, system } = process.cpuUsage(start)
  return { outcome, ms: performance.now() - startMs, processorMs: (user + system) / 1_000 }
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) {
  const { facts, ours, baseline } = await measureLoad({ rowCount: Number(process.argv[2] ?? 3_000_000) })
  process.stdout.write(`${JSON.stringify({ ours, baseline, times: ours / baseline, ...facts }, null, 2)}\n`)
}
