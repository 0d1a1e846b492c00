import { eraseRows } from '../core/erase-rows.ts'
import { COMMIT_COLUMN, STAMP_COLUMNS } from '../core/log-columns.ts'
import { openParquet } from '../core/parquet.ts'
import { RAW_STAMP_COLUMNS } from '../core/raw-segment.ts'
import { type Instant, parseDuration } from '../core/time.ts'
import { isRawLog, logTitle, rawLog } from '../definitions/raw-log.ts'
import { isTombstoneLog, madePath, type RegisteredSegment } from '../definitions/segment-record.ts'
import type { Source } from '../definitions/source.ts'
import { viewId } from '../definitions/transition.ts'
import type { LogName, Platform } from '../platform.ts'
import { eachApart } from './each-apart.ts'
import { findPlannedFill } from './find-unfinished.ts'
import { planRetention } from './plan-retention.ts'
import { createTimeColumns, type EventTimes, rawEventTimes, type TimeColumns } from './raw-event-times.ts'

const HOUR_US = 3_600_000_000
/** Segments that one run takes out or writes anew; what is left waits for the next. */
const REMOVED_MAX = 1_000
const REWRITTEN_MAX = 50

const REASON = 'rows that it was made from are past the retention of their source'

/**
 * What Cron does, once an hour: takes rows past their source's retention out of the raw rows and out of the logs of its views.
 * Objects stay for a day for who is reading them. It ends when definitions change: a source may be kept for longer by then, or
 * be there again. Answers how many segments went and how many were written anew.
 */
export async function enforceRetention(platform: Platform): Promise<string | undefined> {
  const { clock, cron } = platform
  const now = clock.now()
  // Never given back: it is what makes it hourly.
  if (!(await cron.lease('retention', { holder: platform.nextId(), now, until: now + HOUR_US })))
    return undefined
  const generation = await platform.registry.readGeneration()
  const isAsPlanned = async () => (await platform.registry.readGeneration()) === generation
  const timeColumns = createTimeColumns(platform)
  const deeds: string[] = []
  let [removedLeft, rewrittenLeft] = [REMOVED_MAX, REWRITTEN_MAX]
  const enforce = async (kept: KeptLog) => {
    const { past, straddling, cutoff } = await planLog(platform, kept, now)
    const [removed, rewritten] = [past.slice(0, removedLeft), straddling.slice(0, rewrittenLeft)]
    if (removed.length + rewritten.length === 0 || !(await isAsPlanned())) return
    // Told before it is so: cut off in between, it is told again.
    if (!isRawLog(kept.log.view)) await platform.training.touch([kept.log.view], REASON)
    let [removedCount, rewrittenCount] = [0, 0]
    for (const { path } of removed)
      if ((await isAsPlanned()) && (await platform.offline.replace([path], null))) removedCount++
    for (const segment of rewritten)
      if (await rewrite(platform, segment, { ...kept, cutoff, isAsPlanned, timeColumns })) rewrittenCount++
    removedLeft -= removed.length
    rewrittenLeft -= rewritten.length
    deeds.push(`${logTitle(kept.log)}: ${removedCount} segments removed, ${rewrittenCount} written anew`)
  }
  const bySource = Map.groupBy(await listKept(platform), ({ source }) => source.name)
  const failed = await eachApart(platform, [...bySource], {
    nameOf: ([source]) => source,
    failure: 'What is past the retention of a source could not be taken out; it is tried again in an hour',
    async run([, logs]) {
      for (const kept of logs) await enforce(kept)
    },
  })
  deeds.push(...failed.map((source) => `source ${source}: failed`))
  return deeds.length === 0 ? undefined : deeds.join('; ')
}

/** A log of which rows are kept for so long only. */
interface KeptLog {
  readonly log: LogName
  readonly source: Source & { readonly retention: string }
}

/** Logs of sources that have a retention, but for those that a fill reads or writes: they have their turn when it has ended. */
async function listKept(platform: Platform): Promise<KeptLog[]> {
  const logs = (await platform.offline.listLogs()).filter(({ view }) => !isTombstoneLog(view))
  if (!(await mayHaveRetention(platform, logs))) return []
  const sourceByLog = await findSources(platform, logs)
  const kept: KeptLog[] = []
  const isFree = new Map<string, boolean>()
  for (const log of logs) {
    const source = sourceByLog.get(viewId(log.view, log.version))
    if (source === undefined || !hasRetention(source)) continue
    const { name } = source
    if (!isFree.has(name)) isFree.set(name, (await findPlannedFill(platform, new Set([name]))) === undefined)
    if (isFree.get(name)) kept.push({ log, source })
  }
  // Raw rows last: where they are gone, nobody looks for what a source that was dropped has left.
  return kept.sort((a, b) => Number(isRawLog(a.log.view)) - Number(isRawLog(b.log.view)))
}

/** Whether a source has a retention, or may have had one when it was dropped: that is told by generations of before, which are read then. */
async function mayHaveRetention({ registry }: Platform, logs: readonly LogName[]): Promise<boolean> {
  const sources = (await registry.read())?.definitions.sources ?? []
  const raw = new Set(sources.map(({ name }) => rawLog(name).view))
  return sources.some(hasRetention) || logs.some(({ view }) => isRawLog(view) && !raw.has(view))
}

function hasRetention(source: Source): source is KeptLog['source'] {
  return source.retention !== undefined
}

/**
 * The source that each log's rows came from, as it is now. What was dropped is found in the newest generation that has it: a
 * source's last word on its retention holds for what it has left, and so for the logs of its views.
 */
async function findSources({ registry }: Platform, logs: readonly LogName[]): Promise<Map<string, Source>> {
  const wanted = new Set(logs.map(({ view, version }) => viewId(view, version)))
  const sources = new Map<string, Source>()
  const found = new Map<string, string>()
  for (const { generation } of await registry.list()) {
    if (wanted.size === 0) break
    const { definitions, versions } = (await registry.read(generation))!
    for (const source of definitions.sources) {
      if (!sources.has(source.name)) sources.set(source.name, source)
      const { view, version } = rawLog(source.name)
      const id = viewId(view, version)
      if (wanted.delete(id)) found.set(id, source.name)
    }
    for (const { name, source } of definitions.feature_views) {
      const id = viewId(name, versions[name]!.version)
      if (wanted.delete(id)) found.set(id, source)
    }
  }
  return new Map([...found].map(([id, name]) => [id, sources.get(name)!]))
}

async function planLog({ offline }: Platform, { log, source }: KeptLog, now: Instant) {
  const manifest = await offline.list(log.view, log.version)
  return planRetention(manifest, { retentionUs: parseDuration(source.retention), now })
}

interface Rewriting extends KeptLog {
  readonly cutoff: Instant
  readonly isAsPlanned: () => Promise<boolean>
  readonly timeColumns: TimeColumns
}

/** False, and nothing changed, where no row is past it or somebody else has changed the segment meanwhile, or the definitions. */
async function rewrite(
  { offline }: Platform,
  segment: RegisteredSegment,
  { log, source, cutoff, isAsPlanned, timeColumns }: Rewriting,
): Promise<boolean> {
  const file = await openParquet(offline.openSegment(segment), `segment "${segment.path}"`)
  const isRaw = isRawLog(log.view)
  const times = isRaw ? await rawEventTimes(file, source, timeColumns) : VIEW_TIMES
  // The join keys stand before the stamp, whatever log it is.
  const keys = file.columns.slice(
    0,
    file.columns.findIndex((column) => column.name === STAMP_COLUMNS[0]),
  )
  const never = isRaw
    ? RAW_STAMP_COLUMNS
    : [...keys.map((column) => column.name), ...STAMP_COLUMNS, COMMIT_COLUMN]
  const left = await eraseRows(file, {
    reads: times.reads,
    isErased(values) {
      const time = times.timeOf(values)
      return typeof time === 'number' && time < cutoff
    },
    required: new Set(never),
  })
  if (left === undefined) return false
  const { bytes, rowCount } = left
  if (rowCount === 0) return (await isAsPlanned()) && offline.replace([segment.path], null)
  const path = madePath(segment.path, { making: 'kept', of: [segment.path, cutoff], bytes })
  const record = { ...segment, path, bytes: bytes.length, rowCount, eventTimeMin: cutoff }
  await offline.writeSegment(path, bytes)
  const isDone = (await isAsPlanned()) && (await offline.replace([segment.path], record))
  if (!isDone) await offline.deleteObject(path)
  return isDone
}

const VIEW_TIMES: EventTimes = { reads: ['event_time'], timeOf: ([time]) => time ?? null }
