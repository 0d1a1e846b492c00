import { bitsText, encodeKey, hashKey, topBits } from '../core/entity-key.ts'
import { eraseRows } from '../core/erase-rows.ts'
import { COMMIT_COLUMN, STAMP_COLUMNS } from '../core/log-columns.ts'
import { openParquet } from '../core/parquet.ts'
import { fingerprint } from '../definitions/fingerprint.ts'
import { type RegisteredSegment, segmentRecord } from '../definitions/segment-record.ts'
import type { CompiledEntity } from '../definitions/snapshot.ts'
import type { LogName, Platform } from '../platform.ts'

/** Passes over a log that others go on changing, such as a compaction under way. */
const PASSES_MAX = 20

/**
 * Takes every row of some keys out of a log of their entity, a view's or that of its tombstones, and removes at once what had
 * held them. Answers how many rows that were. Readers that had begun find a segment gone and look again.
 */
export async function eraseFromLog(
  platform: Platform,
  { entity, keys }: { readonly entity: CompiledEntity; readonly keys: readonly string[] },
  log: LogName,
): Promise<number> {
  const { offline } = platform
  const { joinKeys, bucketBits } = entity
  const types = joinKeys.map(({ type }) => type)
  const erased = new Set(keys)
  const buckets = [
    ...new Set(keys.map((key) => bitsText(topBits(hashKey(key).high, bucketBits), bucketBits))),
  ]
  const rowsToErase = {
    reads: joinKeys.map(({ name }) => name),
    isErased: (values: Parameters<typeof encodeKey>[1]) => erased.has(encodeKey(types, values)),
    required: new Set([...joinKeys.map(({ name }) => name), ...STAMP_COLUMNS, COMMIT_COLUMN]),
  }
  const clean = new Set<string>()
  let erasedCount = 0
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    const manifest = await offline.list(log.view, log.version)
    const unread = manifest.filter(({ path, bucket }) => buckets.includes(bucket) && !clean.has(path))
    if (unread.length === 0) break
    for (const segment of unread) {
      const file = await openParquet(offline.openSegment(segment), `segment "${segment.path}"`)
      const left = await eraseRows(file, rowsToErase)
      if (left === undefined) clean.add(segment.path)
      else if (await putLeft(platform, { segment, keys }, left)) erasedCount += left.erasedCount
    }
  }
  await offline.purgeReplaced(log, buckets)
  return erasedCount
}

/** False when somebody else has taken the segment out of the manifest meanwhile: what stands in its place is read next. */
async function putLeft(
  { offline }: Platform,
  { segment, keys }: { readonly segment: RegisteredSegment; readonly keys: readonly string[] },
  { bytes, rowCount }: { readonly bytes: Uint8Array; readonly rowCount: number },
): Promise<boolean> {
  if (rowCount === 0) return offline.replace([segment.path], null)
  const { view, version, bucket, eventTimeMin, eventTimeMax, ingestTimeMin, ingestTimeMax } = segment
  const record: RegisteredSegment = {
    ...segmentRecord(
      { viewId: `${view}@${version}`, bucket, name: `erased-${fingerprint([segment.path, keys])}` },
      bytes.length,
      // The bounds stay: they may only be wider than what is left.
      { rowCount, eventTimeMin, eventTimeMax, ingestTimeMin, ingestTimeMax },
    ),
    commit: segment.commit,
    commitMin: segment.commitMin,
  }
  await offline.writeSegment(record.path, bytes)
  const isDone = await offline.replace([segment.path], record)
  if (!isDone) await offline.deleteObject(record.path)
  return isDone
}
