import type { CompiledSource, Snapshot } from '../definitions/snapshot.ts'
import type { LandedFile, LoadRecord, Platform, RefusedFile } from '../platform.ts'

/** Refusals that are kept; what is beyond them is refused all the same. */
const REFUSED_MAX = 1_000

/** Notes and logs files that cannot become loads, each once. Answers how many are new. */
export async function noteRefused(platform: Platform, files: readonly RefusedFile[]): Promise<number> {
  if (files.length === 0) return 0
  const noted = await platform.cron.noteRefused(files.slice(0, REFUSED_MAX))
  for (const { source, file, reason } of noted) platform.log.error(reason, { source, file })
  return noted.length
}

/** Makes these the refusals that are noted: those of before that hold no longer are forgotten. */
export async function settleRefused(platform: Platform, files: readonly RefusedFile[]): Promise<number> {
  const known = await platform.cron.listRefused({ countMax: REFUSED_MAX })
  const isIn = (list: readonly RefusedFile[]) => {
    const keys = new Set(list.map(keyOf))
    return (file: RefusedFile) => keys.has(keyOf(file))
  }
  const [isKnown, isRefused] = [isIn(known), isIn(files)]
  const stale = known.filter((file) => !isRefused(file))
  if (stale.length > 0) await platform.cron.forgetRefused(stale)
  return noteRefused(
    platform,
    files.filter((file) => !isKnown(file)),
  )
}

function keyOf({ source, file, etag }: RefusedFile): string {
  return JSON.stringify([source, file, etag])
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
