import type { CompiledSource, Snapshot } from '../definitions/snapshot.ts'
import {
  type LandedFile,
  type LoadRecord,
  type Platform,
  type RefusedFile,
  type RefusedKey,
  refusedFileId,
} from '../platform.ts'

/** Refusals that are listed; what is beyond them is refused all the same, and counted. */
const LISTED_MAX = 10_000

/** Refusals noted at a time, and forgotten: 50 statements each. */
const AT_ONCE_MAX = 1_000

/** Notes and logs files that cannot become loads, each once. Answers how many are new. */
export async function noteRefused(platform: Platform, files: readonly RefusedFile[]): Promise<number> {
  if (files.length === 0) return 0
  const noted = await platform.cron.noteRefused(files.slice(0, AT_ONCE_MAX))
  for (const { source, file, reason } of noted) platform.log.error(reason, { source, file })
  return noted.length
}

export interface SettledRefusals {
  readonly notedCount: number
  /** Files that are refused and not noted yet, or beyond what is listed. */
  readonly unlistedCount: number
}

/**
 * Makes these the refusals that are noted, and forgets those of before that hold no longer, but for those of sources that could not be
 * looked at. All that is noted is looked at each time; what is more than is noted or forgotten at once is settled by the next times.
 */
export async function settleRefused(
  platform: Platform,
  files: readonly RefusedFile[],
  unread: ReadonlySet<string> = new Set(),
): Promise<SettledRefusals> {
  const unlisted = new Map(files.map((file) => [refusedFileId(file), file]))
  const stale: RefusedKey[] = []
  let listedCount = 0
  for await (const key of listRefusedKeys(platform)) {
    // Loads and notices note, too, and count nothing: what has become too much is forgotten here.
    const holds = () => unread.has(key.source) || unlisted.delete(refusedFileId(key))
    if (listedCount < LISTED_MAX && holds()) listedCount++
    else if (stale.length < AT_ONCE_MAX) stale.push(key)
  }
  if (stale.length > 0) await platform.cron.forgetRefused(stale)
  const wanted = [...unlisted.values()].slice(0, LISTED_MAX - listedCount)
  const notedCount = await noteRefused(platform, wanted)
  return { notedCount, unlistedCount: unlisted.size - notedCount }
}

/** Which files are noted: more than are listed, and not without end. */
async function* listRefusedKeys({ cron }: Platform): AsyncGenerator<RefusedKey> {
  let after: RefusedKey | undefined
  for (let count = 0; count <= LISTED_MAX; count += AT_ONCE_MAX) {
    const keys = await cron.listRefusedKeys({ after, countMax: AT_ONCE_MAX })
    yield* keys
    if (keys.length < AT_ONCE_MAX) return
    after = keys.at(-1)
  }
}

/** Why nothing in a folder under `landing/` can be loaded; undefined when its source takes files. */
export function refuseFolder(snapshot: Snapshot, folder: string): string | undefined {
  const source = Object.hasOwn(snapshot.sources, folder) ? snapshot.sources[folder] : undefined
  if (source === undefined)
    return `Cannot load files under "landing/${folder}/": there is no source of that name; apply a definition of it or delete them`
  if (source.landing === null)
    return `Cannot load files under "landing/${folder}/": source "${folder}" declares no landing, its definition needs one`
  return undefined
}

/**
 * Why a file cannot be loaded: windows would count the rows of its former content again, for nothing tells its events
 * apart (S9). Undefined when it can.
 */
export function refuseReplaced(
  snapshot: Snapshot,
  source: CompiledSource,
  { file, known }: { readonly file: LandedFile; readonly known: readonly LoadRecord[] },
): string | undefined {
  const views = source.views.map((id) => snapshot.views[id]!)
  if (!views.some(({ windows }) => windows !== null && !windows.hasEventId)) return undefined
  const loads = known.filter((load) => load.file === file.name)
  // What an erasure has left of a file has its load already.
  if (loads.some((load) => load.etag === file.etag) || !loads.some((load) => load.isRegistered))
    return undefined
  return `Cannot load "${file.name}" again with other content: windows count rows of source "${source.name}" and it names no event_id; land it under another name`
}
