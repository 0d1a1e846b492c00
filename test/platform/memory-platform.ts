import { compactLog } from '../../src/batch/compact-log.ts'
import { eraseKeys } from '../../src/batch/erasure/erase-keys.ts'
import { fillView } from '../../src/batch/fill-view.ts'
import { reblockGroup } from '../../src/batch/reblock-group.ts'
import { runLoad } from '../../src/batch/run-load.ts'
import { runLoadPart } from '../../src/batch/run-load-part.ts'
import { createBlockCache } from '../../src/core/block-cache.ts'
import { FeatureStoreError } from '../../src/core/error.ts'
import { contentHash } from '../../src/core/hash.ts'
import { assembleDefinitions, definitionHashes } from '../../src/definitions/definition-index.ts'
import { createPieceCache } from '../../src/definitions/piece-cache.ts'
import type { RawLayout } from '../../src/definitions/raw-layout.ts'
import type { RegisteredSegment } from '../../src/definitions/segment-record.ts'
import { SNAPSHOT_FORMAT } from '../../src/definitions/snapshot.ts'
import { pieceHashes, type ServingIndex } from '../../src/definitions/snapshot-index.ts'
import type { WriterLayout } from '../../src/definitions/writer-layout.ts'
import type { Consumed } from '../../src/ingest/consume-events.ts'
import { consumeMessages } from '../../src/ingest/consume-messages.ts'
import { LETTERS } from '../../src/ingest/erase-letters.ts'
import { createWriterMemory, type WriterMemory } from '../../src/ingest/live-blocks.ts'
import { createRawWriter, type RawWriter } from '../../src/ingest/raw-writer.ts'
import { createShardWriter, type ShardWriter } from '../../src/ingest/shard-writer.ts'
import {
  WRITER_LIMITS,
  WRITER_MEMORY_BYTES,
  type WriterLimits,
  type WriterPlatform,
} from '../../src/ingest/writer-platform.ts'
import type { WriterStorage } from '../../src/ingest/writer-storage.ts'
import { LABEL_PLACES } from '../../src/offline/erase-labels.ts'
import { makeDataset } from '../../src/offline/make-dataset.ts'
import type {
  Backlog,
  Clock,
  FillChunk,
  GenerationHead,
  InstanceKind,
  JobRecord,
  JobRecords,
  JobSteps,
  LandedFile,
  LoadChunk,
  LoadRecord,
  LoadRecords,
  LoadRun,
  LoadStatus,
  OnlineStore,
  Platform,
  PushRecord,
  QuarantineBatch,
} from '../../src/platform.ts'
import { listHeads } from './list-heads.ts'
import { memoryBuffer } from './memory-buffer.ts'
import { memoryCron } from './memory-cron.ts'
import { memoryDeadLetters } from './memory-dead-letters.ts'
import { memoryExpectationTallies } from './memory-expectation-tallies.ts'
import { memoryFiles } from './memory-files.ts'
import { memoryOfflineLog } from './memory-offline-log.ts'
import { memoryQuotations } from './memory-quotations.ts'
import { memoryTokens } from './memory-tokens.ts'
import { memoryTraining } from './memory-training.ts'
import { memoryWriterStorage } from './memory-writer-storage.ts'
import { takePage } from './take-page.ts'

/** The store in plain memory, with its clock and its faults in the test's hands. */
export interface MemoryPlatform extends Platform {
  readonly time: { now: number }
  readonly blocks: Map<string, string>
  readonly objects: Map<string, Uint8Array>
  readonly manifest: Map<string, RegisteredSegment>
  readonly queue: string[]
  readonly logged: string[]
  /** Set to make the next effect of that name fail, once. */
  readonly faults: Set<Fault>
  readonly counts: { writeBlock: number; deleteBlock: number; readBlocks: number; readBacklog: number }
  /** Where jobs are noted that are started; undefined, as at first, runs them at once. */
  heldJobs: string[] | undefined
  /** What the queue says of itself, whatever is in it. */
  backlog: Backlog
  /** Takes everything in the queue to the writers, as the delivery of that number; what fails is gone from it. */
  consume(attempts?: number): Promise<readonly Consumed[]>
  /** Lets every writer do all it has to. */
  flush(options?: { readonly cut: boolean }): Promise<void>
  /** Forgets every writer's memory, as a crash does; their storage stays. */
  crash(): void
  /** Begins with new writers and an empty KV, as after a disaster; the log and the definitions stay. */
  loseWriters(): void
  /** Rows all writers have written to their storage, as they would be billed. */
  rowsWritten(): number
  /** Every text in the writers' storage. */
  writerTexts(): string[]
  /** What the writers hold in memory together. */
  writerMemory(): WriterMemory
  /** Lets every writer do what is due, as its alarm would. */
  work(): Promise<void>
  /** When the next writer has something to do (ms); null when none has. */
  nextWorkMs(): number | null
  land(source: string, name: string, bytes: Uint8Array): LandedFile
  /** Methods of bound Workers, by service. */
  readonly workers: Map<string, Readonly<Record<string, TransformMethod>>>
}

export type TransformMethod = (rows: readonly Readonly<Record<string, unknown>>[]) => unknown

type Fault = 'writeBlock' | 'writeSegment' | 'register' | 'readBacklog' | 'noteFailures' | 'writeLetter'

export interface MemoryOptions {
  readonly limits?: Partial<WriterLimits>
  /** Takes the place of the plain map of blocks. */
  readonly online?: (clock: Clock) => OnlineStore
  /** Runs every effect of a writer; it may fail it, before or after. */
  readonly effect?: <T>(name: string, run: () => T) => T
  /** Called before every statement of a writer's storage, also within a transaction; what it throws, the statement throws. */
  readonly statement?: () => void
  readonly datasetChunkRows?: number
  readonly loadPartsMax?: number
  /** Runs every effect of a dataset's making or of a load; it may fail it, before or after. */
  readonly jobEffect?: <T>(name: string, run: () => Promise<T>) => Promise<T>
  /** Bytes that all writers may hold together. */
  readonly memoryBytesMax?: number
}

const RUNS = {
  load: runLoad,
  load_part: runLoadPart,
  reblock: reblockGroup,
  compact: compactLog,
  training: makeDataset,
  erase: (platform: Platform, id: string, steps: JobSteps) =>
    eraseKeys(platform, id, { steps, elsewhere: [LETTERS, ...LABEL_PLACES] }),
  fill: fillView,
}

/** Bytes of one chunk of a landed file's stream: few, so that rows and letters lie across two. */
const STREAMED_BYTES = 1_021

export function memoryPlatform(startUs: number, options: MemoryOptions = {}): MemoryPlatform {
  const { limits, memoryBytesMax = WRITER_MEMORY_BYTES, effect = (_name, run) => run() } = options
  const time = { now: startUs }
  const clock = { now: () => time.now }
  const blocks = new Map<string, string>()
  const objects = new Map<string, Uint8Array>()
  const generations: GenerationHead[] = []
  const pieces = new Map<string, { readonly text: string; readonly time: number; isNamed: boolean }>()
  const published = new Set<number>()
  const compiled = new Map<number, string>()
  const snapshots = new Map<string, string>()
  const findHead = (generation?: number) =>
    generation === undefined ? generations.at(-1) : generations.find((one) => one.generation === generation)
  const pieceTexts = () => new Map([...pieces].map(([hash, { text }]) => [hash, text]))
  const namePieces = (hashes: readonly string[]) => {
    for (const hash of hashes) {
      const piece = pieces.get(hash)
      if (piece !== undefined) piece.isNamed = true
    }
  }
  const queue: string[] = []
  const workers: MemoryPlatform['workers'] = new Map()
  const logged: string[] = []
  const faults: MemoryPlatform['faults'] = new Set()
  const counts = { writeBlock: 0, deleteBlock: 0, readBlocks: 0, readBacklog: 0 }
  const pushes = new Map<string, PushRecord>()
  const loads = new Map<string, LoadRecord>()
  const quarantined = new Map<string, QuarantineBatch>()
  const released = new Set<string>()
  const jobs = new Map<string, JobRecord>()
  const chunks = new Map<string, Map<number, LoadChunk>>()
  const fills = new Map<string, FillChunk[]>()
  const storages = new Map<string, ReturnType<typeof memoryWriterStorage>>()
  let writerMemory = createWriterMemory(memoryBytesMax)
  const writers = new Map<string, ShardWriter>()
  const rawStorages = new Map<string, ReturnType<typeof memoryWriterStorage>>()
  const rawWriters = new Map<string, RawWriter>()
  const landed = new Map<string, { file: LandedFile; bytes: Uint8Array }>()
  let ids = 0
  let crashCount = 0

  const fail = (name: Fault) => {
    if (faults.delete(name)) throw new Error(`injected: ${name}`)
  }
  const deadLetters = memoryDeadLetters(objects, fail)
  const log = {
    info: (message: string) => void logged.push(message),
    error: (message: string) => void logged.push(message),
  }
  const online: OnlineStore = options.online?.(clock) ?? {
    async readBlocks(keys) {
      counts.readBlocks += keys.length
      return keys.map((key) => blocks.get(key) ?? null)
    },
    listHeads: async (space, options) => listHeads(blocks, space, options),
    async writeBlock(key, text) {
      fail('writeBlock')
      counts.writeBlock++
      blocks.set(key, text)
    },
    async deleteBlock(key) {
      counts.deleteBlock++
      blocks.delete(key)
    },
  }
  const offline = memoryOfflineLog(objects, clock, fail)
  const portsOf = (all: typeof storages, name: string): WriterPlatform => {
    const storage = all.get(name) ?? memoryWriterStorage()
    all.set(name, storage)
    const born = crashCount
    const run: typeof effect = (what, work) => {
      // What a crash has ended goes no further.
      if (born !== crashCount) throw new Error('crashed')
      return effect(what, work)
    }
    return {
      storage: guardStorage(storage, { run, statement: options.statement ?? (() => {}) }),
      online: {
        writeBlock: async (key, text) => run('writeBlock', () => online.writeBlock(key, text)),
        deleteBlock: async (key) => run('deleteBlock', () => online.deleteBlock(key)),
      },
      offline: {
        writeSegment: async (path, bytes) => run('writeSegment', () => offline.writeSegment(path, bytes)),
        list: async (view, version) => run('list', () => offline.list(view, version)),
        openSegment: offline.openSegment,
        register: async (records) => run('register', () => offline.register(records)),
      },
      memory: writerMemory,
      clock,
      log,
      untilIdle: async () => run('untilIdle', () => {}),
    }
  }
  const writerNamed = (name: string): ShardWriter => {
    const writer =
      writers.get(name) ?? createShardWriter(portsOf(storages, name), { ...WRITER_LIMITS, ...limits })
    writers.set(name, writer)
    return writer
  }
  const rawNamed = (name: string): RawWriter => {
    const writer =
      rawWriters.get(name) ?? createRawWriter(portsOf(rawStorages, name), { ...WRITER_LIMITS, ...limits })
    rawWriters.set(name, writer)
    return writer
  }
  const rawOf = ({ source, shard }: RawLayout) => rawNamed(`${source}/${shard}`)
  const writerOf = ({ entity, shard }: WriterLayout) => writerNamed(`${entity.name}/${shard}`)
  const summaryOf = ({ id, source, rows, doorTime }: QuarantineBatch) => ({
    id,
    source,
    rowCount: rows.length,
    doorTime,
    reason: rows[0]!.reason,
    isReleased: released.has(`${source}/${id}`),
  })
  const runJob = (kind: InstanceKind, id: string) =>
    RUNS[kind](platform, id, {
      step: (_name, work) => work(),
      async sleep(_name, ms) {
        time.now += ms * 1_000
        await platform.flush()
      },
    })
  const startJob = async (kind: InstanceKind, id: string) => {
    if (platform.heldJobs === undefined) await runJob(kind, id)
    else platform.heldJobs.push(id)
  }
  const platform: MemoryPlatform = {
    time,
    blocks,
    objects,
    manifest: offline.manifest,
    queue,
    logged,
    faults,
    counts,
    clock,
    nextId: () => String(++ids).padStart(26, '0'),
    log,
    backlog: { messageCount: 0, oldestTime: null },
    memory: {
      blocks: createBlockCache(1_000_000),
      pieces: createPieceCache(1_000_000),
      served: undefined,
      written: undefined,
      applied: undefined,
      grants: new Map(),
      backlog: undefined,
    },
    registry: {
      readGeneration: async () => generations.at(-1)?.generation ?? 0,
      async read(generation) {
        const head = findHead(generation)
        return head && { ...head, definitions: assembleDefinitions(head.index, pieceTexts()) }
      },
      readHead: async (generation) => findHead(generation),
      list: async ({ before = Number.POSITIVE_INFINITY, countMax } = { countMax: generations.length }) =>
        generations
          .map(({ generation, appliedTime, author }) => ({ generation, appliedTime, author }))
          .filter(({ generation }) => generation < before)
          .reverse()
          .slice(0, countMax),
      async readVersions() {
        const versions: Record<string, number> = {}
        for (const one of generations) {
          for (const [view, { version }] of Object.entries(one.versions)) {
            versions[view] = Math.max(versions[view] ?? 0, version)
          }
        }
        return versions
      },
      async listVersions(view) {
        const made = new Map<number, number>()
        for (const { generation, versions } of generations) {
          const version = versions[view]?.version
          if (version !== undefined && !made.has(version)) made.set(version, generation)
        }
        return [...made]
          .map(([version, generation]) => ({ version, generation }))
          .sort((a, b) => b.version - a.version)
      },
      readPieces: async (hashes) =>
        new Map(hashes.flatMap((hash) => (pieces.has(hash) ? [[hash, pieces.get(hash)!.text]] : []))),
      async writePieces(texts) {
        for (const [hash, text] of texts)
          pieces.set(hash, { text, time: time.now, isNamed: pieces.get(hash)?.isNamed ?? false })
      },
      async forgetPieces(before) {
        const gone = [...pieces].filter(([, piece]) => !piece.isNamed && piece.time < before)
        for (const [hash] of gone) pieces.delete(hash)
        return gone.length
      },
      async insert(generation, snapshot) {
        if (generations.some((one) => one.generation === generation.generation)) return false
        generations.push(structuredClone(generation))
        compiled.set(generation.generation, JSON.stringify(snapshot))
        published.add(generation.generation)
        namePieces([...definitionHashes(generation.index), ...pieceHashes(snapshot)])
        return true
      },
      async readSnapshot(generation) {
        const text = compiled.get(generation)
        return text === undefined ? undefined : JSON.parse(text)
      },
      async replaceSnapshot(snapshot) {
        compiled.set(snapshot.generation, JSON.stringify(snapshot))
        published.add(snapshot.generation)
        namePieces(pieceHashes(snapshot))
      },
      listPublished: async () => [...published].sort((a, b) => b - a),
      async endPublication(generation) {
        published.delete(generation)
      },
    },
    snapshots: {
      async readPointer() {
        const text = snapshots.get('current')
        return text === undefined ? undefined : Number(text)
      },
      async read(generation) {
        const text = snapshots.get(`index/${generation}`)
        const index = text === undefined ? undefined : (JSON.parse(text) as ServingIndex)
        return index?.format === SNAPSHOT_FORMAT ? index : undefined
      },
      readPack: async (hash) => snapshots.get(`packs/${hash}`),
      async writePack(hash, text) {
        snapshots.set(`packs/${hash}`, text)
      },
      async publish(index) {
        snapshots.set(`index/${index.generation}`, JSON.stringify(index))
        snapshots.set('current', String(index.generation))
      },
      async delete(generation, packs) {
        for (const hash of packs) snapshots.delete(`packs/${hash}`)
        snapshots.delete(`index/${generation}`)
      },
    },
    online,
    offline,
    landing: {
      async write(source, name, body, bytes) {
        const content = new Uint8Array(await new Response(body as never).arrayBuffer())
        if (content.length !== bytes) throw new Error('the stream is not as long as it was said to be')
        return platform.land(source, name, content)
      },
      find: async (source, name) => landed.get(`${source}/${name}`)?.file,
      listSources: async () => [...new Set([...landed.keys()].map((path) => path.split('/')[0]!))].sort(),
      list: async (source) =>
        [...landed]
          .filter(([path]) => path.startsWith(`${source}/`))
          .map(([, { file }]) => file)
          .sort((a, b) => (a.name < b.name ? -1 : 1)),
      open: (source, { name, etag }) => {
        const path = `${source}/${name}`
        return memoryBuffer(landed.get(path)!.bytes, () => {
          if (landed.get(path)?.file.etag === etag) return
          throw new FeatureStoreError(
            'failed_precondition',
            `Cannot go on reading "landing/${path}": the file was replaced meanwhile`,
          )
        })
      },
      async rewrite(source, { name, etag }, { make, before }) {
        const bytes = new Uint8Array(Buffer.concat(await Array.fromAsync(make())))
        await before({ name, etag: contentHash(bytes), bytes: bytes.length })
        if (landed.get(`${source}/${name}`)?.file.etag !== etag) return false
        platform.land(source, name, bytes)
        return true
      },
      async *stream(source, file) {
        const buffer = platform.landing.open(source, file)
        for (let at = 0; at < file.bytes; at += STREAMED_BYTES)
          yield new Uint8Array(await buffer.slice(at, Math.min(at + STREAMED_BYTES, file.bytes)))
      },
    },
    events: {
      send: async (messages) => void queue.push(...messages),
      async readBacklog() {
        counts.readBacklog++
        fail('readBacklog')
        return platform.backlog
      },
    },
    pushes: {
      find: async (id) => pushes.get(id),
      async begin(record) {
        const first = pushes.get(record.id) ?? record
        pushes.set(record.id, first)
        return first
      },
      async finish(id, answer) {
        pushes.set(id, { ...pushes.get(id)!, answer })
      },
    },
    writers: {
      deliver: async (delivery) =>
        structuredClone(writerOf(delivery.layout).deliver(structuredClone(delivery))),
      readBlocks: async (layout, addresses, options) =>
        writerOf(layout).readBlocks(layout, addresses, options),
      readWaiting: async (layout, views) => writerOf(layout).readWaiting(views),
      async flush(layout, { cut }) {
        await writerOf(layout).work({ publish: true, cut })
        return writerOf(layout).reportJournal()
      },
      async wake(layout) {
        await writerOf(layout).work({ publish: false, cut: false })
        return writerOf(layout).measureBlocks()
      },
      eraseKeys: async (layout, keys) => writerOf(layout).eraseKeys(layout, keys),
      addWidth: async (layout, width) => writerOf(layout).addWidth(layout, width),
      dropWidth: async (layout, width) => writerOf(layout).dropWidth(layout, width),
      announce: async (layout) => writerOf(layout).announce(layout),
    },
    rawWriters: {
      deliver: async (delivery) => structuredClone(rawOf(delivery.layout).deliver(structuredClone(delivery))),
      readWaiting: async (layout) => rawOf(layout).readWaiting(),
      cut: async (layout) => rawOf(layout).cut(layout),
      wake: async (layout) => rawOf(layout).work(),
    },
    loads: guardEffects<LoadRecords>(
      {
        async begin(load) {
          const first = loads.get(load.id) ?? load
          loads.set(load.id, first)
          return first
        },
        find: async (id) => loads.get(id),
        list: async (source) =>
          [...loads.values()]
            .filter((load) => load.source === source)
            .sort((a, b) => b.ingestTime - a.ingestTime),
        listUnfinished: async () =>
          [...loads.values()]
            .filter(({ status }) => status === 'queued' || status === 'running')
            .sort((a, b) => a.ingestTime - b.ingestTime),
        async update(id, attempt, change) {
          const load = loads.get(id)!
          if (load.attempt === attempt) loads.set(id, changed(load, change))
        },
        async cancel(id) {
          const load = loads.get(id)
          if (load === undefined || load.isRegistered || hasEnded(load)) return false
          loads.set(id, { ...load, status: 'cancelled' })
          return true
        },
        async beginRun(id, attempt, change) {
          const load = loads.get(id)!
          if (load.attempt !== attempt) return
          if (!load.isRegistered) chunks.delete(id)
          loads.set(id, changed(load, change))
        },
        async tryAgain(id, again) {
          const load = loads.get(id)
          if (load?.status !== 'failed') return undefined
          if (!load.isRegistered) chunks.delete(id)
          const attempt = load.attempt + 1
          const times = { startedTime: null, endedTime: null }
          const queued = { ...load, ...again, ...times, attempt, status: 'queued', error: null } as const
          loads.set(id, queued)
          return queued
        },
        async beat(id, { attempt, generation, ...change }) {
          const load = loads.get(id)!
          if (load.status === 'running' && isOf(load, { attempt, generation }))
            loads.set(id, { ...load, ...change })
        },
        async fail(id, { error, endedTime, ...run }) {
          const load = loads.get(id)!
          if (hasEnded(load) || !isOf(load, run)) return
          loads.set(id, { ...load, status: 'failed', error, endedTime, heartbeatTime: endedTime })
        },
        async writeChunk(id, run, chunk) {
          const load = loads.get(id)
          if (load?.status !== 'running' || !isOf(load, run) || load.isRegistered) return
          chunks.set(id, (chunks.get(id) ?? new Map()).set(chunk.chunk, chunk))
        },
        async markSynced(id, attempt, chunk) {
          const load = loads.get(id)
          if (load?.status !== 'running' || load.attempt !== attempt) return
          const own = chunks.get(id)
          const done = own?.get(chunk)
          if (done !== undefined) own!.set(chunk, { ...done, isSynced: true })
        },
        async countChunks(id, partCount) {
          const all = [...(chunks.get(id)?.values() ?? [])]
          return Array.from({ length: partCount }, (_, part) => {
            const own = all.filter(({ chunk }) => chunk % partCount === part)
            return {
              read: own.length,
              synced: own.filter(({ isSynced }) => isSynced).length,
              rejected: own.reduce((sum, { rejected }) => sum + rejected, 0),
            }
          })
        },
        findChunk: async (id, chunk) => chunks.get(id)?.get(chunk),
        listChunks: async (id) => [...(chunks.get(id)?.values() ?? [])].sort((a, b) => a.chunk - b.chunk),
        async writeNewest(id, { generation, chunk }, rows) {
          objects.set(`loads/${id}/${generation}-${chunk}`, new TextEncoder().encode(rows))
        },
        async readNewest(id, { generation, chunk }) {
          const bytes = objects.get(`loads/${id}/${generation}-${chunk}`)
          return bytes && new TextDecoder().decode(bytes)
        },
        async writePlan(id, generation, plan) {
          objects.set(`loads/${id}/plan-${generation}`, new TextEncoder().encode(plan))
        },
        async readPlan(id, generation) {
          const bytes = objects.get(`loads/${id}/plan-${generation}`)
          return bytes && new TextDecoder().decode(bytes)
        },
        async writePart(id, { generation, chunk }, bytes) {
          objects.set(`loads/${id}/part/${generation}-${chunk}`, bytes.slice())
        },
        async readPart(id, { generation, chunk }) {
          return objects.get(`loads/${id}/part/${generation}-${chunk}`)
        },
        async deleteKept(id) {
          for (const path of [...objects.keys()]) if (path.startsWith(`loads/${id}/`)) objects.delete(path)
        },
        async register(id, { attempt, generation }) {
          if ((generations.at(-1)?.generation ?? 0) !== generation) return false
          const load = loads.get(id)!
          if (load.status === 'cancelled' || load.status === 'failed' || load.attempt !== attempt)
            return load.isRegistered
          await offline.register([...(chunks.get(id)?.values() ?? [])].flatMap(({ segments }) => segments))
          loads.set(id, { ...loads.get(id)!, isRegistered: true })
          return true
        },
      },
      options.jobEffect,
    ),
    heldJobs: undefined,
    jobs: { start: startJob, restart: startJob, stop: async () => {} },
    cron: memoryCron(),
    jobRecords: guardEffects<JobRecords>(
      {
        async begin(job) {
          const first = jobs.get(job.id) ?? job
          jobs.set(job.id, first)
          return first
        },
        find: async (id) => jobs.get(id),
        findAll: async (ids) => [...jobs.values()].filter(({ id }) => ids.includes(id)),
        list: async (page) => takePage(jobs.values(), ({ startedTime: time, id }) => ({ time, id }), page),
        listUnfinished: async () =>
          [...jobs.values()].filter(({ status }) => status === 'queued' || status === 'running'),
        async update(id, change) {
          jobs.set(id, changed(jobs.get(id)!, change))
        },
        async cancel(id) {
          const job = jobs.get(id)
          if (job === undefined || hasEnded(job)) return false
          jobs.set(id, { ...job, status: 'cancelled' })
          return true
        },
      },
      options.jobEffect,
    ),
    files: guardEffects(memoryFiles(objects), options.jobEffect),
    training: guardEffects(memoryTraining(), options.jobEffect),
    tokens: memoryTokens(),
    settings: {
      blockBytesMax: 16_000,
      reblockGraceMs: 300_000,
      datasetChunkRows: options.datasetChunkRows ?? 65_536,
      loadPartsMax: options.loadPartsMax ?? 1,
    },
    fills: {
      async plan(id, segments) {
        if ((fills.get(id) ?? []).length === 0)
          fills.set(
            id,
            segments.map((raw) => ({ raw, segments: null, isSynced: false })),
          )
      },
      async forget(id) {
        fills.delete(id)
      },
      async readProgress(id) {
        const own = fills.get(id) ?? []
        return {
          total: own.length,
          written: own.filter(({ segments }) => segments !== null).length,
          synced: own.filter(({ isSynced }) => isSynced).length,
        }
      },
      readChunk: async (id, chunk) => fills.get(id)?.[chunk],
      async writeChunk(id, chunk, content) {
        fills.get(id)![chunk] = content
      },
      register: async (id) =>
        offline.register((fills.get(id) ?? []).flatMap(({ segments }) => segments ?? [])),
    },
    quarantine: {
      async write(batch) {
        quarantined.set(`${batch.source}/${batch.id}`, structuredClone(batch))
      },
      list: async ({ source, ...page }) =>
        takePage(
          [...quarantined.values()]
            .filter((batch) => source === undefined || batch.source === source)
            .map(summaryOf)
            .filter(({ isReleased }) => !isReleased),
          ({ doorTime: time, id }) => ({ time, id }),
          page,
        ),
      async find(source, id) {
        const batch = quarantined.get(`${source}/${id}`)
        return batch && summaryOf(batch)
      },
      read: async (source, id) => quarantined.get(`${source}/${id}`),
      listIds: async (source, { after, countMax }) =>
        [...quarantined.values()]
          .filter((batch) => batch.source === source && batch.id > after)
          .map((batch) => batch.id)
          .sort()
          .slice(0, countMax),
      async delete(source, id) {
        quarantined.delete(`${source}/${id}`)
      },
      async release(source, id) {
        released.add(`${source}/${id}`)
      },
    },
    deadLetters,
    quotations: memoryQuotations({ loads, jobs, chunks, pushes, reasons: deadLetters.reasons }),
    expectationTallies: memoryExpectationTallies(),
    workers,
    transformWorkers: {
      has: (service) => workers.has(service),
      async call({ service, method }, rows) {
        const methods = workers.get(service)
        if (methods === undefined)
          throw new FeatureStoreError('unavailable', `Cannot call Worker "${service}"`)
        return structuredClone(await methods[method]!(structuredClone(rows)))
      },
    },
    background: (work) => void work.catch((error) => logged.push(String(error))),
    pause: () => new Promise((resolve) => setImmediate(resolve)),

    consume: (attempts = 1) =>
      consumeMessages(
        platform,
        queue.splice(0).map((body) => ({ body, attempts, sentTime: time.now })),
      ),
    async flush(options = { cut: false }) {
      for (const name of storages.keys()) await writerNamed(name).work({ publish: true, cut: options.cut })
      for (const name of rawStorages.keys()) await rawNamed(name).work()
    },
    loseWriters() {
      platform.crash()
      storages.clear()
      rawStorages.clear()
      blocks.clear()
    },
    crash() {
      crashCount++
      writers.clear()
      rawWriters.clear()
      writerMemory = createWriterMemory(memoryBytesMax)
    },
    rowsWritten: () =>
      [...storages.values(), ...rawStorages.values()].reduce(
        (sum, storage) => sum + storage.rowsWritten(),
        0,
      ),
    writerTexts: () => [...storages.values(), ...rawStorages.values()].flatMap(textsOf),
    writerMemory: () => writerMemory,
    async work() {
      for (const name of storages.keys()) await writerNamed(name).work({ publish: false, cut: false })
      for (const name of rawStorages.keys()) await rawNamed(name).work()
    },
    nextWorkMs() {
      const times = [
        ...[...storages.keys()].map((name) => writerNamed(name).nextWorkMs()),
        ...[...rawStorages.keys()].map((name) => rawNamed(name).nextWorkMs()),
      ]
      return times.reduce((a, b) => (a === null ? b : b === null ? a : Math.min(a, b)), null)
    },
    land(source, name, bytes) {
      const file = { name, etag: contentHash(bytes), bytes: bytes.length }
      landed.set(`${source}/${name}`, { file, bytes })
      return file
    },
  }
  return platform
}

/** Every method that changes something is one effect. */
export function guardEffects<T extends object>(port: T, effect: MemoryOptions['jobEffect']): T {
  if (effect === undefined) return port
  const changes = Object.entries(port).filter(
    ([name]) => !/^(find|list|read|open|stream|chunks|count)/.test(name),
  )
  const guarded = changes.map(([name, method]) => [
    name,
    (...given: unknown[]) => effect(name, () => method(...given)),
  ])
  return { ...port, ...Object.fromEntries(guarded) }
}

/** A cancelled job keeps its status, unless it is queued again. */
function changed<T extends { readonly status: LoadStatus }>(job: T, change: Partial<NoInfer<T>>): T {
  const isLate = change.status !== undefined && change.status !== 'queued' && job.status === 'cancelled'
  return isLate ? job : { ...job, ...change }
}

function isOf(load: LoadRun, { attempt, generation }: LoadRun): boolean {
  return load.attempt === attempt && load.generation === generation
}

function hasEnded({ status }: { readonly status: LoadStatus }): boolean {
  return status !== 'queued' && status !== 'running'
}

/** A transaction is one effect, and so is a statement that changes something outside of one. */
function guardStorage<T extends WriterStorage>(
  storage: T,
  { run, statement }: { readonly run: <R>(name: string, work: () => R) => R; readonly statement: () => void },
): T {
  let isWithin = false
  const guard =
    (name: string, method: (...given: never[]) => unknown) =>
    (...given: never[]) => {
      statement()
      const isEffect = !isWithin && /^(write|append|delete|publish)/.test(name)
      return isEffect ? run(name, () => method(...given)) : method(...given)
    }
  const transaction = (work: () => unknown) =>
    run('transaction', () => {
      isWithin = true
      try {
        return storage.transaction(work)
      } finally {
        isWithin = false
      }
    })
  const guarded = Object.entries(storage).map(([name, method]) => [name, guard(name, method)])
  return { ...storage, ...Object.fromEntries(guarded), transaction }
}

function textsOf(storage: WriterStorage): string[] {
  return [
    ...storage.readJournal(0, Number.MAX_SAFE_INTEGER).map(({ rows, seen }) => rows + seen),
    ...storage.listCheckpoints().map(({ bits }) => storage.readCheckpoint(bits)!.rows),
  ]
}
