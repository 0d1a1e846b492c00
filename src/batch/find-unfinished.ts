import type { Instant } from '../core/time.ts'
import type { Platform } from '../platform.ts'
import { readWritingSnapshot } from '../registry/current-snapshot.ts'
import type { Filling } from '../registry/fill-views.ts'
import type { ErasureParams } from './erasure/erasure.ts'

type SourceNames = Pick<ReadonlySet<string>, 'has'>

/** A load of these sources that was begun before `time` and has not ended, in words; undefined when there is none. */
export async function findUnfinishedLoad(
  { loads }: Pick<Platform, 'loads'>,
  { sources, time }: { readonly sources: SourceNames; readonly time: Instant },
): Promise<string | undefined> {
  const load = (await loads.listUnfinished()).find(
    ({ source, ingestTime }) => sources.has(source) && ingestTime <= time,
  )
  return load && `load "${load.id}" has not ended`
}

/** What is under way since before `time` and may yet write rows of these sources, in words; undefined when nothing is. */
export async function findUnfinishedRows(
  { events, loads }: Platform,
  rows: { readonly sources: SourceNames; readonly time: Instant },
): Promise<string | undefined> {
  const load = await findUnfinishedLoad({ loads }, rows)
  if (load !== undefined) return load
  const { messageCount, oldestTime } = await events.readBacklog()
  const isQuiet = messageCount === 0 || (oldestTime !== null && oldestTime > rows.time)
  return isQuiet
    ? undefined
    : `${messageCount} messages wait in the queue, the oldest from before the request`
}

/** A fill that reads, or has read, raw rows of these sources and has not ended, in words; undefined when there is none. */
export async function findPlannedFill(platform: Platform, sources: SourceNames): Promise<string | undefined> {
  const { jobRecords, fills } = platform
  const { facts } = await readWritingSnapshot(platform, {})
  for (const job of await jobRecords.listUnfinished()) {
    if (job.kind !== 'fill') continue
    const { view } = JSON.parse(job.params) as Filling
    // Of a view that nobody wants any more no source is known; the fill is about to find out.
    const source = facts[view]?.source
    if (source !== undefined && !sources.has(source)) continue
    if ((await fills.readProgress(job.id)).total > 0) return `fill "${job.id}" has not ended`
  }
  return undefined
}

/** Whether an erasure is about to rewrite the raw rows of a source, or at it. */
export async function isRawErased({ jobRecords }: Platform, source: string): Promise<boolean> {
  return (await jobRecords.listUnfinished()).some(
    ({ kind, params }) =>
      kind === 'erase' && (JSON.parse(params) as ErasureParams).rawSources.includes(source),
  )
}
