import type { Instant } from '../core/time.ts'
import type { Platform } from '../platform.ts'

/** What is under way since before `time` and may yet write rows of these sources, in words; undefined when nothing is. */
export async function findUnfinishedRows(
  { events, loads }: Platform,
  { sources, time }: { readonly sources: ReadonlySet<string>; readonly time: Instant },
): Promise<string | undefined> {
  const load = (await loads.listUnfinished()).find(
    ({ source, ingestTime }) => sources.has(source) && ingestTime <= time,
  )
  if (load !== undefined) return `load "${load.id}" has not ended`
  const { messageCount, oldestTime } = await events.readBacklog()
  const isQuiet = messageCount === 0 || (oldestTime !== null && oldestTime > time)
  return isQuiet
    ? undefined
    : `${messageCount} messages wait in the queue, the oldest from before the request`
}
