/**
 * `node bench/load-large.ts <report> [rows]`: a Parquet file of 1 GB loaded under workerd, the whole local stack killed twice
 * on the way and started again by Cron, then every row of the log and every user's features held against what
 * DuckDB finds in the file. Minutes long: run by hand, its report is committed. With the folder that a run has left as a third
 * argument it only checks what stands there.
 */
import { openAsBlob } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { asyncBufferFromFile } from 'hyparquet'
import {
  aggregate,
  definitionSet,
  entity,
  featureService,
  featureView,
  source,
} from '../clients/typescript/index.ts'
import { type LocalWorker, startLocalWorker } from '../scripts/local-worker.ts'
import { planChunks } from '../src/batch/plan-load.ts'
import { openParquet } from '../src/core/parquet.ts'
import { LARGE_ROWS, LARGE_USERS, makeLargeParquet } from './make-large-parquet.ts'

const TOKEN = 'bench'
/** As many instances as where it is deployed; a local run has one. */
const VARIABLES = { LOAD_PARTS: '4' }
/** Shares of the load's steps at which the stack is killed: the first among chunks, the second among syncs. */
const KILLS = [0.2, 0.6]
const LOAD_MS_MAX = 3_600_000
/** Cron is run this often while a silent load is waited for. */
const TICK_MS = 5_000

interface Load {
  readonly status: string
  readonly progress: { readonly done: number; readonly total: number }
  readonly rows: { readonly read: number; readonly written: number; readonly rejected: number }
  readonly error?: string
}

const [, , reportPath, rows = String(LARGE_ROWS), left] = process.argv
if (reportPath === undefined) throw new Error('Cannot load: the path of the report is needed')
const rowCount = Number(rows)
const lines: string[] = []
const startMs = Date.now()
const folder = left ?? (await mkdtemp(join(tmpdir(), 'featheredge-large-')))
const state = join(folder, 'state')
const path = join(folder, 'payments.parquet')
let worker: LocalWorker | undefined
let rssBytesMax = 0
const sampler = setInterval(async () => {
  rssBytesMax = Math.max(rssBytesMax, await peakOfWorkerd())
}, 1_000)
try {
  if (left === undefined) await loadThroughKills()
  worker ??= await start()
  const served = await readServed()
  await worker.stop()
  await check(served)
  await writeFile(reportPath, `${lines.join('\n')}\n`)
  await rm(folder, { recursive: true, force: true })
} finally {
  // What a failed run leaves is for whoever looks why.
  clearInterval(sampler)
  await worker?.stop()
}

async function loadThroughKills(): Promise<void> {
  await makeLargeParquet({ path, rowCount, nowUs: Date.now() * 1_000 })
  const { size } = await stat(path)
  const { rowGroups } = await openParquet(await asyncBufferFromFile(path), path)
  const chunks = planChunks(rowGroups, 4)
  const groupBytes = Math.max(...rowGroups.map(({ bytes }) => bytes))
  const rowBytes = Math.max(...rowGroups.map(({ bytes, rowStart, rowEnd }) => bytes / (rowEnd - rowStart)))
  const chunkBytes = rowBytes * Math.max(...chunks.map(({ rowStart, rowEnd }) => rowEnd - rowStart))
  say(`file: ${size} bytes, ${rowCount} rows, ${rowGroups.length} row groups of at most ${groupBytes} bytes`)
  say(`chunks: ${chunks.length}, of at most ${Math.round(chunkBytes)} bytes decoded`)

  worker = await start()
  await request('POST', '/v1/definitions/apply', JSON.stringify({ definitions: definitions() }))
  await request('PUT', '/v1/sources/payments/files/payments.parquet', await openAsBlob(path))
  say('landed')
  const started = await request(
    'POST',
    '/v1/sources/payments/loads',
    JSON.stringify({ files: ['payments.parquet'] }),
  )
  const { id } = (started as { loads: { id: string }[] }).loads[0]!
  let load = await readLoad(id)
  let workedMs = 0
  for (const share of [...KILLS, 1]) {
    const resumedMs = Date.now()
    const { done } = load.progress
    load = await follow(id, load, share)
    workedMs += Date.now() - resumedMs
    if (load.status === 'failed') throw new Error(`The load failed: ${load.error}`)
    if (share === 1) break
    say(`killed after ${load.progress.done} of ${load.progress.total} steps (from ${done})`)
    await worker.kill()
    worker = await start()
    load = await readLoad(id)
    say(`up again, ${load.progress.done} steps are kept; silent until Cron starts the load again`)
  }
  say(`ended: ${JSON.stringify(load.rows)}`)
  say(`rows a second while it worked or waited for Cron: ${Math.round((rowCount * 1_000) / workedMs)}`)
  say(
    `most resident memory of one workerd process (sampled every second): ${Math.round(rssBytesMax / 1e6)} MB`,
  )
}

function start(): Promise<LocalWorker> {
  return startLocalWorker({ port: 0, state, token: TOKEN, variables: VARIABLES })
}

function definitions() {
  const user = entity('user', { joinKeys: { user: 'int64' }, shards: 2 })
  const payments = source('payments', {
    eventTime: 'at',
    schema: { at: 'timestamp', user: 'int64', cents: 'int64', note: 'string' },
    landing: { format: 'parquet' },
  })
  const { cents, note } = payments.columns
  const view = { entity: user, source: payments }
  const newest = featureView('newest', { ...view, features: { cents, note } })
  const spending = featureView('spending', {
    ...view,
    aggregations: {
      payments: aggregate('count', cents, { windows: ['7d'] }),
      cents: aggregate('sum', cents, { windows: ['7d'] }),
    },
  })
  return definitionSet([
    featureService('fraud', { features: [newest.take({ prefix: 'newest_' }), spending] }),
  ])
}

/** Waits until a share of the load's steps is done, or it has ended. */
async function follow(id: string, from: Load, share: number): Promise<Load> {
  let load = from
  let tickMs = Date.now()
  for (const endMs = Date.now() + LOAD_MS_MAX; Date.now() < endMs; load = await readLoad(id)) {
    const { status, progress } = load
    if (status === 'succeeded' || status === 'failed') return load
    if (share < 1 && progress.total > 0 && progress.done >= share * progress.total) return load
    if (Date.now() - tickMs > TICK_MS) {
      await worker!.tick()
      tickMs = Date.now()
      process.stdout.write(`${progress.done} of ${progress.total}\n`)
    }
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  throw new Error(`The load has not ended: ${JSON.stringify(load)}`)
}

async function readLoad(id: string): Promise<Load> {
  return (await request('GET', `/v1/loads/${id}`)) as Load
}

/** What every user is served. */
async function readServed(): Promise<unknown[][]> {
  const entities = Array.from({ length: LARGE_USERS }, (_, user) => ({ user }))
  const body = JSON.stringify({ entities, consistency: 'strong' })
  const answer = await request('POST', '/v1/feature-services/fraud/features', body)
  return (answer as { rows: unknown[][] }).rows
}

/** Holds the log and the served rows against the file. Throws at the first difference. */
async function check(served: readonly (readonly unknown[])[]): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const duckdb = await instance.connect()
  const landed = `read_parquet('${path}')`
  // A windowed view's log has what it aggregates, under the name of the first aggregation that does.
  const columns = {
    newest: { landed: '"at", "user", cents, note', log: 'event_time, "user", cents, note' },
    spending: { landed: '"at", "user", cents', log: 'event_time, "user", payments' },
  }
  for (const [view, names] of Object.entries(columns)) {
    const segments = await segmentBlobs(view)
    const log = `read_parquet([${segments.map((blob) => `'${blob}'`)}])`
    const want = await digest(duckdb, landed, names.landed)
    const have = await digest(duckdb, log, names.log)
    if (want !== have) throw new Error(`The log of "${view}" is ${have}, the file is ${want}`)
    say(`log of ${view}: ${segments.length} segments, (rows, sum and xor of hashes) as in the file: ${have}`)
  }
  const wanted = await duckdb.runAndReadAll(
    `SELECT arg_max(cents, "at")::VARCHAR, arg_max(note, "at"), count(*) FILTER ("at" > now() - INTERVAL 7 DAY)::VARCHAR,
       sum(cents) FILTER ("at" > now() - INTERVAL 7 DAY)::VARCHAR
     FROM ${landed} GROUP BY "user" ORDER BY "user"`,
  )
  const want = JSON.stringify(wanted.getRowsJson())
  const have = JSON.stringify(served.map((row) => row.map(String)))
  if (want !== have) throw new Error(`Served is ${have.slice(0, 900)}, wanted is ${want.slice(0, 900)}`)
  say(
    `served: all ${served.length} users have their newest payment and the count and sum of 7 days as DuckDB has them`,
  )
  duckdb.closeSync()
  instance.closeSync()
}

async function digest(duckdb: DuckDBConnection, from: string, columns: string): Promise<string> {
  const read = await duckdb.runAndReadAll(
    `SELECT count(*)::VARCHAR, sum(hash(${columns})::HUGEINT)::VARCHAR, bit_xor(hash(${columns}))::VARCHAR FROM ${from}`,
  )
  return JSON.stringify(read.getRowsJson()[0])
}

/** Paths, in the simulator's folders, of the objects that the manifest names for a view. */
async function segmentBlobs(view: string): Promise<string[]> {
  const [d1] = await databases('d1', "SELECT 1 FROM sqlite_master WHERE name = 'segments'")
  const paths = d1!
    .prepare('SELECT path FROM segments WHERE view = ? AND replaced_time IS NULL')
    .all(view) as { path: string }[]
  const [r2] = await databases('r2', "SELECT 1 FROM sqlite_master WHERE name = '_mf_objects'")
  const blobOf = r2!.prepare('SELECT blob_id FROM _mf_objects WHERE key = ?')
  return paths.map((segment) => {
    const { blob_id } = blobOf.get(segment.path) as { blob_id: string }
    return join(state, 'v3/r2/featheredge/blobs', blob_id)
  })
}

async function databases(kind: string, probe: string): Promise<DatabaseSync[]> {
  const root = join(state, 'v3', kind)
  const files = await readdir(root, { recursive: true })
  return files
    .filter((file) => file.endsWith('.sqlite') && !file.endsWith('metadata.sqlite'))
    .map((file) => new DatabaseSync(join(root, file), { readOnly: true }))
    .filter((database) => database.prepare(probe).get() !== undefined)
}

/** Highest resident set of any workerd that descends from this process, as Linux counts it. */
async function peakOfWorkerd(): Promise<number> {
  let bytes = 0
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
    if (!/^Name:\s+workerd$/m.test(status) || !(await isDescendant(status))) continue
    bytes = Math.max(bytes, Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1_024)
  }
  return bytes
}

async function isDescendant(status: string): Promise<boolean> {
  for (let text = status; ; ) {
    const parent = /^PPid:\s+(\d+)$/m.exec(text)?.[1]
    if (parent === undefined || parent === '0') return false
    if (Number(parent) === process.pid) return true
    text = await readFile(`/proc/${parent}/status`, 'utf8').catch(() => '')
  }
}

async function request(method: string, route: string, body?: string | Blob): Promise<unknown> {
  const answer = await fetch(worker!.url + route, {
    method,
    headers: { authorization: `Bearer ${TOKEN}` },
    ...(body === undefined ? {} : { body }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${route} answered ${answer.status}: ${text}`)
  return JSON.parse(text)
}

function say(what: string): void {
  const line = `${((Date.now() - startMs) / 1_000).toFixed(1).padStart(7)} s  ${what}`
  lines.push(line)
  process.stdout.write(`${line}\n`)
}
