import { bitsText, encodeKey, hashKey, topBits } from '../../core/entity-key.ts'
import { eraseRows, findRows, type RowsToErase } from '../../core/erase-rows.ts'
import { COMMIT_COLUMN, STAMP_COLUMNS } from '../../core/log-columns.ts'
import { openParquet, type ParquetFile } from '../../core/parquet.ts'
import type { Instant } from '../../core/time.ts'
import { FILL_SEGMENT, madePath, type RegisteredSegment } from '../../definitions/segment-record.ts'
import type { CompiledEntity } from '../../definitions/snapshot.ts'
import type { LogName, LogObject, Platform } from '../../platform.ts'

/** Passes over a log that others go on changing, such as a compaction under way. */
const PASSES_MAX = 20

/** By which the clock of the objects and ours may differ. */
const CLOCKS_APART_US = 1_000_000

/** What is to go out of a log. */
export interface LogErasure {
  readonly log: LogName
  /** Where such rows can be. */
  readonly buckets: readonly string[]
  readonly rowsOf: (file: ParquetFile) => RowsToErase
  /** Tells what is written from what other erasures write. */
  readonly keys: readonly string[]
  /** When the erasure was asked for. */
  readonly time: Instant
}

/** The rows of some keys of an entity in one of its logs, a view's or that of its tombstones. */
export function logErasure(
  { joinKeys, bucketBits }: CompiledEntity,
  { log, keys, time }: Pick<LogErasure, 'log' | 'keys' | 'time'>,
): LogErasure {
  const types = joinKeys.map(({ type }) => type)
  const erased = new Set(keys)
  const bucketOf = (key: string) => bitsText(topBits(hashKey(key).high, bucketBits), bucketBits)
  const names = joinKeys.map(({ name }) => name)
  const rows: RowsToErase = {
    reads: names,
    isErased: (values) => erased.has(encodeKey(types, values)),
    required: new Set([...names, ...STAMP_COLUMNS, COMMIT_COLUMN]),
  }
  return { log, buckets: [...new Set(keys.map(bucketOf))], rowsOf: () => rows, keys, time }
}

/**
 * Takes rows out of a log, and removes at once what had held them, objects that no manifest names included. Answers how many
 * rows that were. Readers that had begun find a segment gone and look again.
 */
export async function eraseFromLog(platform: Platform, erasure: LogErasure): Promise<number> {
  const { offline, clock } = platform
  const { log, buckets, rowsOf } = erasure
  const clean = new Set<string>()
  let erasedCount = 0
  let listedTime = clock.now()
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    listedTime = clock.now()
    const manifest = await offline.list(log.view, log.version)
    const unread = manifest.filter(({ path, bucket }) => buckets.includes(bucket) && !clean.has(path))
    if (unread.length === 0) break
    for (const segment of unread) {
      const file = await openParquet(offline.openSegment(segment), `segment "${segment.path}"`)
      const left = await eraseRows(file, rowsOf(file))
      if (left === undefined) clean.add(segment.path)
      else if (await putLeft(platform, { segment, keys: erasure.keys }, left)) erasedCount += left.erasedCount
    }
  }
  await offline.purgeReplaced(log, buckets)
  return erasedCount + (await eraseUnnamed(platform, erasure, listedTime - CLOCKS_APART_US))
}

/** False when somebody else has taken the segment out of the manifest meanwhile: what stands in its place is read next. */
async function putLeft(
  { offline }: Platform,
  { segment, keys }: { readonly segment: RegisteredSegment; readonly keys: readonly string[] },
  { bytes, rowCount }: { readonly bytes: Uint8Array; readonly rowCount: number },
): Promise<boolean> {
  if (rowCount === 0) return offline.replace([segment.path], null)
  const path = madePath(segment.path, { making: 'erased', of: [segment.path, keys], bytes })
  // The bounds stay: they may only be wider than what is left.
  const record: RegisteredSegment = { ...segment, path, bytes: bytes.length, rowCount }
  await offline.writeSegment(path, bytes)
  const isDone = await offline.replace([segment.path], record)
  if (!isDone) await offline.deleteObject(path)
  return isDone
}

/**
 * Deletes what loads, fills and cuts that came to nothing have left in a log's folders, where it holds such rows. What somebody
 * may be about to register is left alone: all of a load or a fill that has not ended, and what a writer has cut since the request.
 * What was made of segments that were gone when the manifest was listed last, before which it was put, cannot take their
 * place any more; what was put later may be of rows that came after the request.
 */
async function eraseUnnamed(
  platform: Platform,
  { log, buckets, rowsOf, time }: LogErasure,
  before: Instant,
): Promise<number> {
  const { offline } = platform
  const owned = await listOwned(platform)
  let erasedCount = 0
  for (const object of await offline.listUnnamed(log, { buckets, before })) {
    const isCut = !MADE_BY_JOBS.test(object.path)
    if (isOwned(object, owned) || (isCut && object.time >= time)) continue
    const file = await openParquet(offline.openSegment(object), `object "${object.path}"`)
    const found = await findRows(file, rowsOf(file))
    // A load that had failed may have begun again meanwhile, and find its object there.
    if (found.count === 0 || isOwned(object, await listOwned(platform))) continue
    await offline.deleteObject(object.path)
    erasedCount += found.count
  }
  return erasedCount
}

const MADE_BY_JOBS = /\/(?:load-[0-9a-f]{32}-|fill\.|merged-|erased-|kept-)[^/]*$/

function isOwned({ path }: LogObject, owned: readonly string[]): boolean {
  return owned.some((part) => path.includes(part))
}

/** How the names of segments begin that loads and fills under way write. */
async function listOwned({ loads, jobRecords }: Platform): Promise<string[]> {
  const fills = (await jobRecords.listUnfinished()).filter(({ kind }) => kind === 'fill')
  return [
    ...(await loads.listUnfinished()).map(({ id }) => `/${id}-`),
    ...fills.map(({ subject }) => `/${FILL_SEGMENT}${subject}-`),
  ]
}
