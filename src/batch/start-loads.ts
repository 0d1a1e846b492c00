import { FeatureStoreError } from '../core/error.ts'
import { checkFilePath } from '../core/file-path.ts'
import { LIMITS } from '../core/limits.ts'
import { fingerprint } from '../definitions/fingerprint.ts'
import type { CompiledSource, Snapshot } from '../definitions/snapshot.ts'
import type { LandedFile, LoadRecord, Platform } from '../platform.ts'
import { readWritingSnapshot } from '../registry/current-snapshot.ts'
import { resolveSource } from '../registry/resolve-name.ts'
import { HEARTBEAT_MAX_US } from './start-jobs.ts'

export interface LoadRequest {
  /** Names under the source's landing folder; absent means every landed file not loaded yet. */
  readonly files?: readonly string[] | undefined
  /** A load with more bad rows than this fails, and nothing of it shows. */
  readonly badRowsMax: number
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
  if (files === undefined) return startLanded(platform, snapshot, { source, badRowsMax })
  const landed = await Promise.all(files.map((name) => findFile(platform, sourceName, name)))
  const known = await platform.loads.list(source.name)
  for (const file of landed) {
    const replaced = isReplaced(snapshot, source, { file, known })
    if (replaced) throw countedTwice(source, file)
  }
  const loads: LoadRecord[] = []
  for (const file of landed) {
    const load = await beginLoad(platform, sourceName, { file, badRowsMax })
    loads.push(load.status === 'failed' ? await restartLoad(platform, load) : load)
  }
  return loads
}

/** What Cron does: finds what has landed and starts again what was cut off. */
export async function startDueLoads(platform: Platform): Promise<void> {
  const snapshot = await readWritingSnapshot(platform)
  for (const source of Object.values(snapshot.sources)) {
    if (source.landing !== null) await startLanded(platform, snapshot, { source, badRowsMax: 0 })
  }
  const silentBefore = platform.clock.now() - HEARTBEAT_MAX_US
  for (const load of await platform.loads.listUnfinished()) {
    if (load.heartbeatTime >= silentBefore) continue
    platform.log.info('A load has been silent and is started again', { load: load.id })
    await platform.jobs.restart('load', load.id)
  }
}

/** Every landed file that is not loaded, and every one whose load has not ended. */
async function startLanded(
  platform: Platform,
  snapshot: Snapshot,
  { source, badRowsMax }: { readonly source: CompiledSource; readonly badRowsMax: number },
): Promise<LoadRecord[]> {
  const [landed, known] = await Promise.all([
    platform.landing.list(source.name),
    platform.loads.list(source.name),
  ])
  const loadsById = new Map(known.map((load) => [load.id, load]))
  const loads: LoadRecord[] = []
  for (const file of landed) {
    if (loads.length >= LIMITS.loadsPerCallMax) break
    const load = loadsById.get(loadId(source.name, file))
    if (load === undefined && isReplaced(snapshot, source, { file, known })) {
      platform.log.error(countedTwice(source, file).message, { source: source.name, file: file.name })
      continue
    }
    if (load === undefined) loads.push(await beginLoad(platform, source.name, { file, badRowsMax }))
    else if (load.status === 'queued' || load.status === 'running') loads.push(load)
  }
  return loads
}

/** Whether windows would count the rows of a file's former content again: nothing tells its events apart (S9). */
function isReplaced(
  snapshot: Snapshot,
  source: CompiledSource,
  { file, known }: { readonly file: LandedFile; readonly known: readonly LoadRecord[] },
): boolean {
  const views = source.views.map((id) => snapshot.views[id]!)
  if (!views.some(({ windows }) => windows !== null && !windows.hasEventId)) return false
  return known.some((load) => load.file === file.name && load.etag !== file.etag && load.isRegistered)
}

function countedTwice({ name }: CompiledSource, file: LandedFile) {
  return new FeatureStoreError(
    'failed_precondition',
    `Cannot load "${file.name}" again with other content: windows count rows of source "${name}" and it names no event_id; land it under another name`,
  )
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

async function restartLoad(platform: Platform, load: LoadRecord): Promise<LoadRecord> {
  await platform.loads.deleteChunks(load.id)
  const again = { status: 'queued', error: null, startedTime: null, endedTime: null } as const
  await platform.loads.update(load.id, { ...again, heartbeatTime: platform.clock.now() })
  await platform.jobs.start('load', load.id)
  return { ...load, ...again }
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
function loadId(source: string, { name, etag }: LandedFile): string {
  return `load-${fingerprint([source, name, etag])}`
}
