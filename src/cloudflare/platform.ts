import { waitUntil } from 'cloudflare:workers'
import { drizzle } from 'drizzle-orm/d1'
import { createBlockCache } from '../core/block-cache.ts'
import { createPieceCache } from '../definitions/piece-cache.ts'
import type { Memory, Platform, Settings } from '../platform.ts'
import { cronD1 } from './cron-d1.ts'
import { deadLettersR2 } from './dead-letters-r2.ts'
import { type Env, parseVariables } from './env.ts'
import { eventQueue } from './event-queue.ts'
import { expectationTalliesD1 } from './expectation-tallies-d1.ts'
import { filesR2 } from './files-r2.ts'
import { fillsD1 } from './fills-d1.ts'
import { jobsD1 } from './jobs-d1.ts'
import { jobsWorkflows } from './jobs-workflows.ts'
import { landingR2 } from './landing-r2.ts'
import { loadsD1 } from './loads-d1.ts'
import { offlineR2 } from './offline-r2.ts'
import { onlineKv } from './online-kv.ts'
import { pushesD1 } from './pushes-d1.ts'
import { quarantineR2 } from './quarantine-r2.ts'
import { quotationsD1 } from './quotations-d1.ts'
import { registryD1 } from './registry-d1.ts'
import { rawWriters, shardWriters } from './shard-writers.ts'
import { snapshotsKv } from './snapshots-kv.ts'
import { consoleLog, nextUlid, systemClock } from './system.ts'
import { tokensD1 } from './tokens-d1.ts'
import { trainingD1 } from './training-d1.ts'
import { transformWorkersBindings } from './transform-workers-bindings.ts'

/** Of an isolate's 128 MB; the rest is the runtime's, the requests' and the writers'. */
const BLOCK_CACHE_BYTES_MAX = 32_000_000

/** Parsed, a piece takes several times its characters. */
const PIECE_CACHE_CHARS_MAX = 6_000_000

/** What this isolate remembers; it outlives requests and belongs to none. */
const memory: Memory = {
  blocks: createBlockCache(BLOCK_CACHE_BYTES_MAX),
  pieces: createPieceCache(PIECE_CACHE_CHARS_MAX),
  served: undefined,
  written: undefined,
  applied: undefined,
  grants: new Map(),
  backlog: undefined,
}

/** The platform over Cloudflare's bindings. It belongs to no request: an isolate makes it once. */
export function createPlatform(env: Env): Platform {
  const db = drizzle(env.DB)
  return {
    clock: systemClock,
    nextId: nextUlid,
    log: consoleLog,
    memory,
    registry: registryD1(db, systemClock),
    snapshots: snapshotsKv(env.ONLINE),
    online: onlineKv(env.ONLINE),
    offline: offlineR2(env.BUCKET, db, systemClock),
    landing: landingR2(env.BUCKET),
    events: eventQueue(env.EVENTS),
    pushes: pushesD1(db),
    writers: shardWriters(env.SHARD_WRITERS),
    rawWriters: rawWriters(env.SHARD_WRITERS),
    loads: loadsD1(db, env.BUCKET, systemClock),
    jobs: jobsWorkflows(env.JOBS),
    jobRecords: jobsD1(db),
    cron: cronD1(db),
    files: filesR2(env.BUCKET),
    training: trainingD1(db),
    tokens: tokensD1(db, env.ONLINE),
    fills: fillsD1(db, systemClock),
    settings: settingsOf(env),
    quarantine: quarantineR2(env.BUCKET, db),
    quotations: quotationsD1(db),
    transformWorkers: transformWorkersBindings(env),
    expectationTallies: expectationTalliesD1(db),
    deadLetters: deadLettersR2(env.BUCKET, db),
    background: waitUntil,
    pause: (ms) => scheduler.wait(ms),
  }
}

let settings: Settings | undefined

/** Read once: a Worker's variables do not change while its isolate lives. */
function settingsOf(env: Env): Settings {
  if (settings === undefined) {
    const { BLOCK_BYTES_MAX, REBLOCK_GRACE_MS, DATASET_CHUNK_ROWS, LOAD_PARTS } = parseVariables(env)
    settings = {
      blockBytesMax: BLOCK_BYTES_MAX,
      reblockGraceMs: REBLOCK_GRACE_MS,
      datasetChunkRows: DATASET_CHUNK_ROWS,
      loadPartsMax: LOAD_PARTS,
    }
  }
  return settings
}
