import { FeatureStoreError } from '../core/error.ts'
import { checkFilePath } from '../core/file-path.ts'
import { LIMITS } from '../core/limits.ts'
import { fingerprint } from '../definitions/fingerprint.ts'
import type { CompiledSource, Snapshot } from '../definitions/snapshot.ts'
import type { LandedFile, LoadRecord, Platform, RefusedFile } from '../platform.ts'
import { readWritingIndex } from '../registry/current-snapshot.ts'
import { readScope } from '../registry/read-scope.ts'
import { resolveSource } from '../registry/resolve-name.ts'
import { deedsText, eachApart } from './each-apart.ts'
import { findLoad } from './load-under-way.ts'
import { noteRefused, refuseFolder, refuseReplaced, settleRefused } from './refuse-files.ts'
import { HEARTBEAT_MAX_US } from './start-jobs.ts'

export interface LoadRequest {
  /** Names under the source's landing folder; absent means every landed file not loaded yet. */
  readonly files?: readonly string[] | undefined
  /**
   * A load with more bad rows than this fails, and nothing of it shows. Absent means none of a load that begins, as many as
   * before of one that is tried again.
   */
  readonly badRowsMax?: number | undefined
}

/**
 * Makes landed files loads and starts them. A file that has been loaded answers its first load and does nothing;
 * one whose load failed is tried again (S9). Throws `not_found` for a file that has not landed.
 */
export async function startLoads(
  platform: Platform,
  sourceName: string,
  { files, badRowsMax }: LoadRequest,
): Promise<readonly LoadRecord[]> {
  const { snapshot, source } = await resolveSource(platform, sourceName)
  if (source.landing === null) {
    throw new FeatureStoreError(
      'failed_precondition',
      `Cannot load files of source "${sourceName}": it declares no landing, its definition needs one`,
    )
  }
  if (files === undefined) {
    const landed = await platform.landing.list(source.name)
    const { loads, refused } = await startLanded(platform, snapshot, {
      source,
      badRowsMax: badRowsMax ?? 0,
      landed,
    })
    await noteRefused(platform, refused)
    return loads
  }
  const landed = await Promise.all(files.map((name) => findFile(platform, sourceName, name)))
  const known = await platform.loads.list(source.name)
  for (const file of landed) {
    const reason = refuseReplaced(snapshot, source, { file, known })
    if (reason !== undefined) throw new FeatureStoreError('failed_precondition', reason)
  }
  const loads: LoadRecord[] = []
  for (const file of landed) {
    const load = await beginLoad(platform, sourceName, { file, badRowsMax: badRowsMax ?? 0 })
    loads.push(load.status === 'failed' ? await restartLoad(platform, load, badRowsMax) : load)
  }
  return loads
}

/**
 * What Cron does: finds what has landed, notes what of it cannot be loaded, and starts again what was cut off. Answers
 * what it did, undefined for nothing.
 */
export async function startDueLoads(platform: Platform): Promise<string | undefined> {
  let begun = 0
  const refused: RefusedFile[] = []
  const folders = await platform.landing.listSources()
  // Once for all folders, of which there may be any number; and after them, so that a source they are of is known.
  const index = await readWritingIndex(platform)
  const unread = await eachApart(platform, folders, {
    nameOf: (folder) => folder,
    failure: 'What has landed for a source could not be loaded; it is tried again in a minute',
    async run(folder) {
      const snapshot = await readScope(platform, index, { sources: [folder] })
      const reason = refuseFolder(snapshot, folder)
      if (reason === undefined) {
        const source = snapshot.sources[folder]!
        const landed = await platform.landing.list(source.name)
        const begunMax = LIMITS.loadsPerCallMax - begun
        const started = await startLanded(platform, snapshot, { source, badRowsMax: 0, landed, begunMax })
        begun += started.begun
        refused.push(...started.refused)
      } else refused.push({ source: folder, file: '', etag: '', reason, time: platform.clock.now() })
    },
  })
  const { notedCount, unlistedCount } = await settleRefused(platform, refused, new Set(unread))
  const { restarted, failed } = await restartSilent(platform)
  const counts = [
    `${begun} begun`,
    `${restarted} started again`,
    `${notedCount} refused`,
    `${unlistedCount} refused and not listed yet`,
  ]
  const deeds = counts.filter((count) => !count.startsWith('0 '))
  return deedsText({
    loads: deeds,
    'sources that could not be looked at': unread,
    'loads not started again': failed,
  })
}

/** Answers how many were started again, and those that could not be. */
async function restartSilent(platform: Platform): Promise<{ restarted: number; failed: string[] }> {
  const silentBefore = platform.clock.now() - HEARTBEAT_MAX_US
  const unfinished = await platform.loads.listUnfinished()
  const silent = unfinished.filter(({ heartbeatTime }) => heartbeatTime < silentBefore)
  const failed = await eachApart(platform, silent, {
    nameOf: ({ id }) => id,
    failure: 'A silent load could not be started again; it is tried again in a minute',
    async run({ id }) {
      platform.log.info('A load has been silent and is started again', { load: id })
      await platform.jobs.restart('load', id)
    },
  })
  return { restarted: silent.length - failed.length, failed }
}

/** Loads of a source that go on at a time; files beyond them wait. */
const UNFINISHED_MAX = 1_000

/**
 * Begins loads of those of the files that are not loaded, so many at most: each takes two queries of D1, of the thousand that
 * a call has. Answers them and those whose load has not ended.
 */
export async function startLanded(
  platform: Platform,
  snapshot: Snapshot,
  {
    source,
    badRowsMax,
    landed,
    begunMax = LIMITS.loadsPerCallMax,
  }: {
    readonly source: CompiledSource
    readonly badRowsMax: number
    readonly landed: readonly LandedFile[]
    readonly begunMax?: number
  },
): Promise<{ readonly loads: LoadRecord[]; readonly begun: number; readonly refused: RefusedFile[] }> {
  const known = await platform.loads.list(source.name)
  const loadsById = new Map(known.map((load) => [load.id, load]))
  const loads: LoadRecord[] = []
  const refused: RefusedFile[] = []
  let begun = 0
  for (const file of landed.filter(({ name }) => !isFolderMark(name))) {
    const load = loadsById.get(loadId(source.name, file))
    const isFull = loads.length >= UNFINISHED_MAX
    if (load !== undefined) {
      if (!isFull && (load.status === 'queued' || load.status === 'running')) loads.push(load)
      continue
    }
    const reason = refuseReplaced(snapshot, source, { file, known })
    if (reason !== undefined) {
      refused.push({
        source: source.name,
        file: file.name,
        etag: file.etag,
        reason,
        time: platform.clock.now(),
      })
    } else if (!isFull && begun < begunMax) {
      loads.push(await beginLoad(platform, source.name, { file, badRowsMax }))
      begun++
    }
  }
  return { loads, begun, refused }
}

/** What some S3 clients put for a folder of its own: an object of a name that ends in a slash, or of none. */
function isFolderMark(name: string): boolean {
  return name === '' || name.endsWith('/')
}

async function beginLoad(
  platform: Platform,
  source: string,
  { file, badRowsMax }: { readonly file: LandedFile; readonly badRowsMax: number },
): Promise<LoadRecord> {
  const now = platform.clock.now()
  const id = loadId(source, file)
  const load = await platform.loads.begin({
    id,
    source,
    file: file.name,
    etag: file.etag,
    bytes: file.bytes,
    ingestTime: now,
    badRowsMax,
    attempt: 0,
    status: 'queued',
    generation: 0,
    chunkCount: 0,
    isRegistered: false,
    ignored: [],
    startedTime: null,
    endedTime: null,
    error: null,
    heartbeatTime: now,
  })
  // Started only by whoever made it; a start that was cut off is made good by Cron.
  if (load.status === 'queued') await platform.jobs.start('load', id)
  return load
}

async function restartLoad(
  platform: Platform,
  load: LoadRecord,
  badRowsMax = load.badRowsMax,
): Promise<LoadRecord> {
  const again = await platform.loads.tryAgain(load.id, {
    // Its bad rows were few enough once history has its others: a smaller number would keep those from the online store.
    badRowsMax: load.isRegistered ? load.badRowsMax : badRowsMax,
    heartbeatTime: platform.clock.now(),
  })
  if (again === undefined) return findLoad(platform, load.id)
  // Its instance may be about to end yet: a start would leave it at that, and the load to Cron.
  await platform.jobs.restart('load', load.id)
  return again
}

async function findFile(platform: Platform, source: string, name: string): Promise<LandedFile> {
  checkFilePath(name)
  const file = await platform.landing.find(source, name)
  if (file === undefined) {
    throw new FeatureStoreError(
      'not_found',
      `Cannot load "${name}": no such file has landed for source "${source}"`,
    )
  }
  return file
}

/** One id for one file: source, name and etag (S9). */
export function loadId(source: string, { name, etag }: LandedFile): string {
  return `load-${fingerprint([source, name, etag])}`
}
